"""When the messages of a stream were stored: what tells a sequence that was given again from the one that was read.

A server that crashes may lose the end of a stream (nats-server's files are synced each 2 minutes), and gives its
sequences again, under the same creation time.
"""

from kube_cost_common.runtime.bus import Bus, BusError
from kube_cost_common.runtime.deliveries import unix_ns


async def stored_at_ns(bus: Bus, stream: str, sequence: int) -> int | None:
    """Return when a message was stored, Unix nanoseconds of the server; None where it is there no longer.

    Raises BusError.
    """
    try:
        answer = await bus.api(f"STREAM.MSG.GET.{stream}", {"seq": sequence})
    except BusError as error:
        if error.reason != "not_found":
            raise
        return None
    return unix_ns(answer["message"]["time"])


async def last_stored_by(bus: Bus, stream: str, *, first: int, last: int, time_ns: int) -> int:
    """Return the last sequence of `first` to `last` that was stored at `time_ns` or before, `first` − 1 if none was.

    Stamps rise with the sequences, so a few looks suffice. Raises BusError.
    """
    stored, later = first - 1, last + 1
    while later - stored > 1:
        between = (stored + later) // 2
        stamp = await stored_at_ns(bus, stream, between)
        if stamp is None or stamp <= time_ns:
            stored = between
        else:
            later = between
    return stored
