"""Programs as processes of their own: started in order, ended in reverse, never left behind."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

STOP_SECONDS = 12.0
"""A service stops within 10 s, or cuts itself off."""


class ProgramError(Exception):
    """A program that ended though it was to go on, or never did what was waited for."""


class Process:
    """One running program; what it says goes to a log file, but for its standard output where that is read."""

    def __init__(self, *, name: str, child: "subprocess.Popen[str]", log: Path) -> None:
        self.name = name
        self.child = child
        self.log = log

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.child.pid

    def check(self) -> None:
        """Raise ProgramError, with the end of its log, where it isn't running any more."""
        code = self.child.poll()
        if code is not None:
            raise ProgramError(
                f"{self.name} ended with code {code}; its log {self.log} ends with:\n{self.last_lines()}"
            )

    def last_lines(self, count: int = 15) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    def first_line(self) -> str:
        """Return the first line of its standard output; raise ProgramError where it ends without one."""
        assert self.child.stdout is not None, "its output isn't read"
        line = self.child.stdout.readline()
        if not line:
            self.child.wait(timeout=STOP_SECONDS)
            self.check()
        return line

    def stop(self) -> int:
        """Ask it to end, kill it if it doesn't, and return its exit code."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.child.kill()
        if self.child.stdout is not None:
            self.child.stdout.close()
        return self.child.wait()

    def kill(self) -> None:
        """End it as a crash would."""
        self.child.kill()
        self.child.wait()


class Processes:
    """A context that ends, in reverse order, what was started in it. Logs lie in `logs`."""

    def __init__(self, *, logs: Path) -> None:
        self._logs = logs
        self._started: list[Process] = []

    def __enter__(self) -> Self:
        """Make the folder of the logs."""
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        for process in reversed(self._started):
            process.stop()

    @property
    def all(self) -> tuple[Process, ...]:
        """Everything that was started."""
        return tuple(self._started)

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], *, read_output: bool = False
    ) -> Process:
        """Start a program with exactly this environment beside PATH and HOME."""
        log = self._logs / f"{name}.log"
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "SSL_CERT_FILE") if key in os.environ}
        with log.open("a") as output:
            child = subprocess.Popen(
                command,
                env={**kept, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if read_output else output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is the launcher's: it ends all in order
                text=True,
            )
        process = Process(name=name, child=child, log=log)
        self._started.append(process)
        return process

    def replace(self, ended: Process, successor: Process) -> None:
        """Let a process that was started later take the place of one that was ended on purpose."""
        self._started.remove(successor)
        self._started[self._started.index(ended)] = successor

    def forget(self, ended: Process) -> None:
        """Expect no more of a process that was ended on purpose."""
        self._started.remove(ended)

    def check(self) -> None:
        """Raise ProgramError where any of them isn't running any more."""
        for process in self._started:
            process.check()

    def pause(self, seconds: float) -> None:
        """Wait, and notice what ends meanwhile."""
        time.sleep(seconds)
        self.check()
