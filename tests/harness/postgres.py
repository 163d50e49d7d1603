"""A PostgreSQL server of one's own, in a folder that goes with it, run by a user who isn't root."""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness import parts
from harness.nats import free_port

USER = "kce"
PASSWORD = "correct-horse"

_START_SECONDS = 30.0
_STOP_SECONDS = 20.0
_SERVER_USERS = ("postgres", "nobody")
"""Who runs it where the tests are root's: PostgreSQL refuses to be root."""


def binaries() -> Path:
    """Return the folder of initdb and postgres: Debian's newest, or the one on the PATH."""
    of_debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if of_debian:
        return of_debian[-1].parent
    found = shutil.which("postgres")
    if found is None:
        parts.lacking(parts.POSTGRES)
    return Path(found).parent


class PostgresServer:
    """One server on a fixed port of 127.0.0.1. `settings` are lines of its configuration."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self._folder = folder
        self._settings: Mapping[str, str] = {
            "fsync": "off",  # a killed server's writes are the kernel's; only a machine that dies needs more
            "max_connections": "20",
            "shared_buffers": "64MB",
            **settings,
        }
        self._binaries = binaries()
        self._databases = itertools.count(1)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        """Make its files."""
        data, password = self._folder / "data", self._folder / "password"
        data.mkdir(mode=0o700)
        password.write_text(PASSWORD)
        if os.getuid() == 0:
            account = _server_account()
            for path in (self._folder, data, password):
                os.chown(path, account.pw_uid, account.pw_gid)
        subprocess.run(
            [
                *(str(self._binaries / "initdb"), "-D", str(data), "-U", USER, "--pwfile", str(password)),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            **self._as_user(),
        )

    def start(self) -> None:
        """Start it and return when it answers; crash recovery is waited for."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            **self._settings,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._folder / "data", *options],
                stdout=log,
                stderr=log,
                **self._as_user(),
            )
        deadline = time.monotonic() + _START_SECONDS  # noqa: TID251 - a real server's
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:  # noqa: TID251 - likewise
                raise RuntimeError((self._folder / "log").read_text())
            time.sleep(0.02)

    def stop(self) -> None:
        """End it in order: what runs is broken off, what is committed is on disk."""
        process = self._process
        if process is None:
            return
        self.resume()
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End it and its children as a crash does."""
        process = self._process
        if process is None:
            return
        children = self._children()
        process.kill()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        process.wait()
        while any(map(_runs, children)):
            time.sleep(0.005)
        self._process = None

    def pause(self) -> None:
        """Stop it and its children in their tracks: connections stand, and nothing comes back."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        self._signal_all(signal.SIGCONT)

    def dsn(
        self, database: str = "postgres", *, user: str = USER, password: str = PASSWORD, port: int | None = None
    ) -> str:
        """How to connect; `port` is that of who stands between."""
        return f"postgresql://{user}:{password}@127.0.0.1:{port or self.port}/{database}"

    def new_database(self, *, port: int | None = None) -> str:
        """Make an empty database; return how to connect to it."""
        name = f"ledger{next(self._databases)}"
        self.psql(f"CREATE DATABASE {name}")
        return self.dsn(name, port=port)

    def psql(self, statement: str, *, database: str = "postgres") -> str:
        """Let psql run a statement, and return what it prints."""
        return subprocess.run(
            [str(self._binaries / "psql"), "-XqtA", "-v", "ON_ERROR_STOP=1", self.dsn(database), "-c", statement],
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def _signal_all(self, number: signal.Signals) -> None:
        if self._process is not None:
            for pid in (self._process.pid, *self._children()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def _children(self) -> list[int]:
        assert self._process is not None
        pid = self._process.pid
        try:
            return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except OSError:
            return []

    def _ready(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            ready = [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
            return subprocess.run(ready, check=False).returncode == 0
        return False

    def _as_user(self) -> dict[str, Any]:
        if os.getuid() != 0:
            return {}
        account = _server_account()
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "cwd": self._folder}


@contextlib.contextmanager
def running_postgres(**settings: str) -> Iterator[PostgresServer]:
    """A server with files of its own, that is ended at exit, by its pid, and its files with it."""
    with tempfile.TemporaryDirectory(prefix="kube-cost-postgres-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder), **settings)
        server.create()
        try:
            server.start()
            yield server
        finally:
            server.kill()


def _runs(pid: int) -> bool:
    """Whether a process does anything any more; whoever inherits orphans may let their numbers stand for a while."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _server_account() -> pwd.struct_passwd:
    for name in _SERVER_USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError(f"PostgreSQL can't be run by root, and none of {_SERVER_USERS} is a user here")
