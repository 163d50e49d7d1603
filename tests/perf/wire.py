"""How long a usage sample of 50 pods takes to be written and read."""

import timeit
from collections.abc import Iterator

import msgpack

from kube_cost_common.messages.codec import RecordDecoder, encode
from kube_cost_common.messages.usage import PodUsage, UsageSample
from perf.measuring import Figure

ROUNDS = 2000


def sample() -> UsageSample:
    pods = [
        PodUsage(
            uid=f"{number:032x}",
            namespace="production",
            name=f"api-server-7d9c5b6f48-{number:05d}",
            since_ns=1_790_000_000_000_000_000,
            last_ns=1_790_000_060_000_000_000,
            ended=False,
            cpu_seconds=1.5 * number,
            memory_byte_seconds=2e9 * number,
            receive_bytes=1000 * number,
            transmit_bytes=2000 * number,
        )
        for number in range(50)
    ]
    return UsageSample(
        sent_at_ns=1_790_000_060_000_000_000,
        cluster="default",
        node="node",
        boot_id="boot",
        session="0" * 16,
        seq=1,
        start_ns=1_790_000_000_000_000_000,
        end_ns=1_790_000_060_000_000_000,
        roots=[],
        pods=pods,
    )


def measure() -> Iterator[Figure]:
    record, decoder = sample(), RecordDecoder(UsageSample)
    payload = encode(record)
    plain = msgpack.unpackb(payload)
    yield Figure(name="bytes", value=f"{len(payload):,}")
    for name, work in (
        ("msgspec writes", lambda: encode(record)),
        ("msgspec reads, types checked", lambda: decoder.decode(payload)),
        ("msgpack writes", lambda: msgpack.packb(plain)),
        ("msgpack reads, unchecked", lambda: msgpack.unpackb(payload)),
    ):
        best = min(timeit.repeat(work, number=ROUNDS, repeat=5)) / ROUNDS
        yield Figure(name=f"{name}, µs", value=f"{best * 1e6:.1f}")
