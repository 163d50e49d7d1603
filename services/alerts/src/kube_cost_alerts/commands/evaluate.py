"""`kube-cost-alerts evaluate`: what would be told of a snapshot, if nobody had been told anything."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from kube_cost_alerts.commands.settings import FOUND, WRONG, Settings, SettingsError, read_settings
from kube_cost_alerts.evaluator import Moment, evaluate, evaluate_platform
from kube_cost_alerts.wording import worded
from kube_cost_common.messages.alerts import AlertIntent
from kube_cost_common.messages.codec import DecodeError, RecordDecoder
from kube_cost_common.messages.costs import CostSnapshot

_JSON = b"["


def main(arguments: Sequence[str]) -> int:
    """Print the messages; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="kube-cost-alerts evaluate",
        description="Print what would be told of a cost snapshot by the service's own settings, if nothing had been.",
        epilog="Nothing is sent, and nothing is remembered.",
    )
    parser.add_argument(
        "--snapshot",
        required=True,
        type=Path,
        help="a message of the stream KCE_COST, as MessagePack or the same array as JSON",
    )
    path: Path = parser.parse_args(arguments).snapshot
    try:
        settings = read_settings()
        snapshot = read_snapshot(path.read_bytes())
    except (SettingsError, DecodeError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command's output
        return WRONG
    for intent in intents(snapshot, settings):
        message = worded(intent, cluster=snapshot.cluster, links=settings.links, now_ns=snapshot.at_ns)
        print(f"--- to {intent.channel}: {intent.kind}\n{message.text}\n")  # noqa: T201 - likewise
    return FOUND


def read_snapshot(payload: bytes) -> CostSnapshot:
    """Return the snapshot in a file; raise DecodeError."""
    if payload.lstrip().startswith(_JSON):
        try:
            payload = msgspec.msgpack.encode(msgspec.json.decode(payload))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise DecodeError("malformed", str(error)) from error
    return RecordDecoder(CostSnapshot).decode(payload)


def intents(snapshot: CostSnapshot, settings: Settings) -> list[AlertIntent]:
    """Return what would be told."""
    moment, routing = Moment.of(snapshot, owner="evaluate"), settings.routing
    told: list[AlertIntent] = []
    for cost in snapshot.budgets if snapshot.settled_through_ns else ():
        told += evaluate(cost, None, routing.telling(cost.scope_kind, cost.scope_name), moment).intents
    if routing.platform:
        told += evaluate_platform(snapshot.price_troubles, None, routing.platform, moment).intents
    return told
