"""Secrets, which are shown nowhere unless asked for by name, and where they come from."""

import asyncio
from pathlib import Path
from typing import Any

from kube_cost_alerts.routing import DEFAULT_CHANNEL

MAX_SECRET_BYTES = 4096


class Secret:
    """A text that neither `repr`, nor a log line, nor an exception has in it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce__(self) -> Any:
        raise TypeError("a secret isn't written anywhere")


class Secrets:
    """The webhooks of channels, and a bot's token. Files are read again for each message: they may be rotated."""

    def __init__(
        self, *, webhook: Secret, webhooks_folder: Path | None, token: Secret, token_file: Path | None
    ) -> None:
        """`webhook` is that of the channel `default`; `webhooks_folder` has a file for each channel, by its name."""
        self._webhook = webhook
        self._folder = webhooks_folder
        self._token = token
        self._token_file = token_file

    @property
    def has_bot(self) -> bool:
        """Whether messages are a bot's."""
        return bool(self._token) or self._token_file is not None

    @property
    def any(self) -> bool:
        """Whether anything can be sent at all."""
        return self.has_bot or bool(self._webhook) or self._folder is not None

    async def token(self) -> Secret:
        """Return the bot's token; empty where there is none."""
        return self._token if self._token_file is None else await _read(self._token_file)

    async def webhook(self, channel: str) -> Secret:
        """Return the webhook's URL of a channel; empty where there is none."""
        if self._folder is not None and (found := await _read(self._folder / channel)):
            return found
        return self._webhook if channel == DEFAULT_CHANNEL else Secret("")


async def _read(path: Path) -> Secret:
    def read() -> str:
        try:
            with path.open("rb") as file:
                return file.read(MAX_SECRET_BYTES).decode().strip()
        except (OSError, UnicodeDecodeError):
            return ""

    return Secret(await asyncio.to_thread(read))
