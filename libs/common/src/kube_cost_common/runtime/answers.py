"""What JetStream answers, and what it means when it doesn't."""

from dataclasses import dataclass
from typing import Any

import msgspec
import nats.errors
from nats.aio.msg import Msg

from kube_cost_common.runtime.bus_errors import BusError

# JSStreamWrongLastSequenceErrF and JSStreamWrongLastSequenceConstantErr in nats-server's server/errors.json.
_WRONG_LAST_SEQUENCE = (10071, 10164)


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A message is in its stream, under that sequence. `duplicate`: it was there before, and nothing was added."""

    stream: str
    sequence: int
    duplicate: bool


class _Fault(msgspec.Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Answer(msgspec.Struct):
    error: _Fault | None = None


class _PubAck(_Answer):
    stream: str = ""
    seq: int = 0
    duplicate: bool = False


def stored(answer: Msg, subject: str) -> Stored:
    """Return what the answer to a publish says; raise BusError where it says no."""
    try:
        ack = msgspec.json.decode(answer.data, type=_PubAck)
    except msgspec.MsgspecError as error:
        raise _not_jetstream(subject, error) from error
    _raise_fault(ack.error, subject)
    return Stored(stream=ack.stream, sequence=ack.seq, duplicate=ack.duplicate)


def api_answer(answer: Msg, subject: str) -> dict[str, Any]:
    """Return what the answer of JetStream's API says; raise BusError where it says no."""
    try:
        _raise_fault(msgspec.json.decode(answer.data, type=_Answer).error, subject)
        return msgspec.json.decode(answer.data, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise _not_jetstream(subject, error) from error


def bus_error(error: Exception, subject: str) -> BusError:
    """Return what an exception of the client library means for a message on `subject`."""
    match error:
        case nats.errors.NoRespondersError():
            # JetStream's own API is answered by any server that has it; a stream's subject by its stream.
            api = subject.startswith("$JS.")
            return BusError("unavailable" if api else "no_stream", f"{subject}: nobody answers")
        case nats.errors.MaxPayloadError():
            return BusError("too_large", f"{subject}: larger than the server takes")
        case TimeoutError():
            return BusError("timeout", f"{subject}: no answer")
        case nats.errors.ConnectionClosedError() | nats.errors.OutboundBufferLimitError() | OSError():
            return BusError("disconnected", f"{subject}: {error!r}")
        case _:
            return BusError("rejected", f"{subject}: {error!r}")


def _raise_fault(fault: _Fault | None, subject: str) -> None:
    if fault is None:
        return
    detail = f"{subject}: {fault.description}"
    if fault.err_code in _WRONG_LAST_SEQUENCE:
        raise BusError("conflict", detail)
    if fault.code == 404:
        raise BusError("not_found", detail)
    raise BusError("unavailable" if fault.code == 503 else "rejected", detail)


def _not_jetstream(subject: str, error: Exception) -> BusError:
    return BusError("rejected", f"{subject}: not JetStream's answer: {error}")
