"""Builds the shipped tables from a folder of price lists: ``python -m kube_cost_price_snapshot.build SOURCE_FOLDER``.

SOURCE_FOLDER has `aws/`, `azure/` and `gcp/`; the modules beside this one name the files in them. The same sources give
the same bytes.
"""

import argparse
from datetime import date
from pathlib import Path

from kube_cost_price_snapshot.build import aws, azure, gcp
from kube_cost_price_snapshot.table import Table, render

TABLES = Path(__file__).parent.parent / "tables"


def tables(source: Path, *, gcp_date: str | None = None) -> list[Table]:
    """Return the tables of all providers made of the price lists under `source`."""
    return [aws.read(source / "aws"), azure.read(source / "azure"), gcp.read(source / "gcp", as_of=gcp_date)]


def main(arguments: list[str] | None = None) -> None:
    """Write one file per provider and say what is in it."""
    parser = argparse.ArgumentParser(prog="python -m kube_cost_price_snapshot.build", description=__doc__)
    parser.add_argument("source", type=Path, metavar="SOURCE_FOLDER")
    parser.add_argument("--into", type=Path, default=TABLES, help="where the tables are written (default: the package)")
    parser.add_argument(
        "--gcp-date",
        type=lambda text: date.fromisoformat(text).isoformat(),
        help="from when gcp's price file is, YYYY-MM-DD; needed for one that isn't known, since it doesn't say",
    )
    options = parser.parse_args(arguments)
    for table in tables(options.source, gcp_date=options.gcp_date):
        payload = render(table)
        (options.into / f"{table.provider}.json").write_bytes(payload)
        shapes = sum(row.shape is not None for row in table.instances.values())
        print(  # noqa: T201 - a command's output
            f"{table.provider}: {len(table.instances)} machine types ({shapes} with their shape) in "
            f"{len(table.regions)} regions, as of {table.as_of}, {len(payload)} bytes"
        )


if __name__ == "__main__":
    main()
