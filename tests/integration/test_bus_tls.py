import asyncio
import subprocess
from pathlib import Path

import pytest

from harness.nats import background, eventually, new_bus, running_bus, running_nats
from harness.proxy import running_proxy


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "server.pem", folder / "server.key"
    curve, name = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        ["openssl", "req", "-x509", *curve, "-nodes", "-days", "1", "-subj", "/CN=nats", *name, *files],
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.mark.parametrize("handshake_first", [True, False])
async def test_a_server_with_our_authority_is_spoken_to(
    tmp_path: Path, certificate: tuple[Path, Path], handshake_first: bool
) -> None:
    """With TLS from the first byte or after the greeting, as the server is set up."""
    tls = f'tls {{ cert_file: "{certificate[0]}", key_file: "{certificate[1]}"'
    async with (
        running_nats(tmp_path, extra_config=tls + (", handshake_first: true }" if handshake_first else "}")) as server,
        running_bus(
            f"tls://127.0.0.1:{server.port}", tls_ca_file=str(certificate[0]), tls_handshake_first=handshake_first
        ) as bus,
    ):
        assert "memory" in await bus.api("INFO")


async def test_a_server_of_another_authority_is_refused_and_tried_again(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    """A wrong CA fails each connect in bounded time, and the problem says why."""
    tls = f'tls {{ cert_file: "{certificate[0]}", key_file: "{certificate[1]}", handshake_first: true }}'
    async with running_nats(tmp_path, extra_config=tls) as server:
        bus = new_bus(f"tls://127.0.0.1:{server.port}")
        async with background(bus.run()):
            await eventually(lambda: bus.errors >= 2)
            assert "CERTIFICATE_VERIFY_FAILED" in (bus.problem or "")
            await bus.close()


@pytest.mark.parametrize("handshake_first", [True, False])
async def test_nothing_of_ours_is_sent_in_plaintext_where_tls_is_wanted(
    tmp_path: Path, certificate: tuple[Path, Path], handshake_first: bool
) -> None:
    """A server that offers no TLS gets no CONNECT, which has the credentials; upstream would send it."""
    heard = bytearray()

    async def offer_none(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"version":"2.15.1","max_payload":1048576,"headers":true}\r\n')
        heard.extend(await reader.read(1000))
        writer.close()

    async with await asyncio.start_server(offer_none, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        bus = new_bus(
            f"tls://us:secret@127.0.0.1:{port}",
            tls_ca_file=str(certificate[0]),
            tls_handshake_first=handshake_first,
        )
        async with background(bus.run()):
            await eventually(lambda: bus.errors >= 3)
    assert b"CONNECT" not in heard
    assert b"secret" not in heard


async def test_a_wrong_authority_and_a_peer_that_hangs_do_not_hang_the_connect(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    """The handshake, or the close after it, gets no answer, and the next try comes all the same."""
    tls = f'tls {{ cert_file: "{certificate[0]}", key_file: "{certificate[1]}", handshake_first: true }}'
    async with running_nats(tmp_path, extra_config=tls) as server, running_proxy(server.port) as proxy:
        bus = new_bus(f"tls://127.0.0.1:{proxy.port}", connect_timeout_seconds=0.3)
        proxy.hold_requests()
        async with background(bus.run()):
            await eventually(lambda: bus.errors >= 3)
            proxy.release()
            await eventually(lambda: "CERTIFICATE_VERIFY_FAILED" in (bus.problem or ""))
            await bus.close()
