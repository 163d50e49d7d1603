"""How long a usage sample of 50 pods takes to be written and read: `python tests/perf/wire.py`."""

import timeit

import msgpack

from kube_cost_common.messages.codec import RecordDecoder, encode
from kube_cost_common.messages.usage import PodUsage, UsageSample

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


def main() -> None:
    record, decoder = sample(), RecordDecoder(UsageSample)
    payload = encode(record)
    plain = msgpack.unpackb(payload)
    print(f"{len(payload)} bytes; microseconds each:")
    for name, work in (
        ("msgspec writes", lambda: encode(record)),
        ("msgspec reads, types checked", lambda: decoder.decode(payload)),
        ("msgpack writes", lambda: msgpack.packb(plain)),
        ("msgpack reads, unchecked", lambda: msgpack.unpackb(payload)),
    ):
        print(f"  {name:<30}{min(timeit.repeat(work, number=ROUNDS, repeat=5)) / ROUNDS * 1e6:6.1f}")


if __name__ == "__main__":
    main()
