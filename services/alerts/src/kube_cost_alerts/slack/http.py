"""One request to Slack. What comes out, an answer or a failure, has neither URL nor token in it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec

from kube_cost_alerts.slack.failures import Reason, SlackFailedError
from kube_cost_alerts.slack.secret import Secret

TIMEOUT_SECONDS = 10.0
MAX_ANSWER_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What Slack said."""

    status: int
    body: bytes
    retry_after: str


class SlackHttp:
    """Sends JSON, follows nothing, repeats nothing."""

    def __init__(self, *, session: aiohttp.ClientSession, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._session = session
        self._timeout_seconds = timeout_seconds

    async def post(
        self, url: Secret, body: Mapping[str, Any], *, token: Secret | None = None, form: bool = False
    ) -> Answer:
        """Return the answer, whatever its status; raise SlackFailedError where there is none.

        `form` sends the body as a form does, for the methods that don't read JSON.
        """
        kind = "application/x-www-form-urlencoded" if form else "application/json; charset=utf-8"
        headers = {"Content-Type": kind}
        data = urlencode(body).encode() if form else msgspec.json.encode(body)
        if token is not None:
            headers["Authorization"] = f"Bearer {token.reveal()}"
        answer = await self._ask(url, data, headers)
        if isinstance(answer, str):
            # Raised here, where no exception of aiohttp's, which has the URL in it, is its context.
            raise SlackFailedError(Reason.DENIED if answer == "invalid_url" else Reason.AWAY, answer)
        return answer

    async def _ask(self, url: Secret, data: bytes, headers: Mapping[str, str]) -> Answer | str:
        """Return the answer, or a word for why there is none."""
        try:
            async with (
                asyncio.timeout(self._timeout_seconds),
                self._session.post(url.reveal(), data=data, headers=headers, allow_redirects=False) as response,
            ):
                body = await response.content.read(MAX_ANSWER_BYTES)
                while part := await response.content.read(MAX_ANSWER_BYTES - len(body)):
                    body += part
                return Answer(status=response.status, body=body, retry_after=response.headers.get("Retry-After", ""))
        except aiohttp.InvalidURL:
            return "invalid_url"
        except TimeoutError:
            return "timeout"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return "connection" if isinstance(error, aiohttp.ClientError | OSError) else "invalid_url"


@asynccontextmanager
async def slack_session() -> AsyncIterator[aiohttp.ClientSession]:
    """A session without cookies; proxies are the environment's."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=True) as session:
        yield session
