"""Options that commands have in common, and what they come to."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from kubectl_cost.client.finding import NAMESPACE, SERVICE, URL_VARIABLE, Where
from kubectl_cost.client.server import Query, Server

F = TypeVar("F", bound=Callable[..., Any])

OUTPUTS = ("table", "wide", "json", "yaml", "csv", "markdown")
ENDLESS = "Ctrl-C ends it."


def _together(*options: Callable[[F], F]) -> Callable[[F], F]:
    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def output_options(command: F) -> F:
    """Add what every query has: the format, watching, and the way to the server."""
    add: Callable[[F], F] = _together(
        click.option("-o", "--output", type=click.Choice(OUTPUTS), default="table", show_default=True, help="Format."),
        click.option("-w", "--watch", is_flag=True, help=f"Ask again and again. {ENDLESS}"),
        click.option(
            "--watch-seconds",
            type=click.FloatRange(min=1),
            default=15.0,
            show_default=True,
            help="How long --watch waits between two answers.",
        ),
    )
    return add(server_options(command))


def server_options(command: F) -> F:
    """Add the way to the server."""
    add: Callable[[F], F] = _together(
        click.option("--url", default="", help=f"Where the aggregator answers; else {URL_VARIABLE}, else the Service."),
        click.option("--service-namespace", default=NAMESPACE, show_default=True, help="The Service's namespace."),
        click.option("--service", default=SERVICE, show_default=True, help="The Service: [http[s]:]NAME[:PORT]."),
        click.option("--kubeconfig", default="", help="As kubectl's; else KUBECONFIG, else ~/.kube/config."),
        click.option("--context", default="", help="As kubectl's: a context of the kubeconfig."),
        click.option("-s", "--server", default="", help="As kubectl's: the API server's URL."),
        click.option("--token", default="", help="As kubectl's: a bearer token."),
        click.option("--as", "as_user", default="", help="As kubectl's: the user to be."),
        click.option("--as-group", default="", help="As kubectl's: a group to be of."),
        click.option("--certificate-authority", default="", help="As kubectl's: the file of the server's authority."),
        click.option("--tls-server-name", default="", help="As kubectl's: the name in the server's certificate."),
        click.option("--insecure-skip-tls-verify", is_flag=True, help="As kubectl's: believe any certificate."),
        click.option(
            "--request-timeout",
            type=click.FloatRange(min=0.1),
            default=30.0,
            show_default=True,
            help="Seconds that an answer may take.",
        ),
    )
    return add(command)


def window_options(command: F) -> F:
    """Add what questions about settled money have."""
    add: Callable[[F], F] = _together(
        click.option(
            "--window",
            default="24h",
            show_default=True,
            help="Which time: 7d, 90m, today, yesterday, month, lastmonth, 2026-11-01/2026-11-08; in full hours, UTC.",
        ),
        click.option("--monthly", is_flag=True, help="Show also what a month of 730 h at that rate costs."),
    )
    return add(command)


def scope_options(command: F) -> F:
    """Add which namespaces and labels are meant."""
    add: Callable[[F], F] = _together(
        click.option("-n", "--namespace", multiple=True, help="Only this namespace; * is any text. Several: any."),
        click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces, which is the default."),
        click.option("-l", "--selector", default="", help="Only pods with labels: a=b,c in (d,e)."),
    )
    return add(command)


def listing_options(*sorts: str) -> Callable[[F], F]:
    """Add how many rows there are, in which of these orders; the first is the default."""

    def add(command: F) -> F:
        both: Callable[[F], F] = _together(
            click.option("--sort-by", type=click.Choice(sorts), default=sorts[0], show_default=True, help="The order."),
            click.option("--limit", type=click.IntRange(min=1), default=None, help="At most so many rows."),
        )
        return both(command)

    return add


def server_of(options: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Server:
    """Return the server that the options lead to."""
    from kubectl_cost.client.finding import find_server  # noqa: PLC0415 - read when it is called

    return find_server(
        Where(
            url=options["url"],
            service_namespace=options["service_namespace"],
            service=options["service"],
            kubeconfig=options["kubeconfig"],
            context=options["context"],
            server=options["server"],
            token=options["token"],
            as_user=options["as_user"],
            as_group=options["as_group"],
            authority=options["certificate_authority"],
            server_name=options["tls_server_name"],
            insecure=options["insecure_skip_tls_verify"],
            seconds=options["request_timeout"],
        ),
        environ,
    )


def listing_query(options: Mapping[str, Any], sorts: Mapping[str, str]) -> Query:
    """Return the parameters of the order and the limit; `sorts` has the API's word for each of ours."""
    limit = [("limit", str(options["limit"]))] if options["limit"] else []
    return [("sort", sorts[options["sort_by"]]), *limit]


def names_query(parameter: str, names: Sequence[str]) -> Query:
    """Return a parameter for each name."""
    return [(parameter, name) for name in names]
