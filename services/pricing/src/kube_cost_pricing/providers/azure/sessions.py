"""HTTP sessions in which a call is one request."""

import aiohttp


async def once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from asking a second time, which it does by itself when a GET's connection breaks.

    The second request would be counted by nobody. It looks for two errors; a broken connection is told as a third.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError(type(error).__name__) from error


def open_session(*, total_seconds: float) -> aiohttp.ClientSession:
    """Return a session that repeats nothing, keeps no cookies and takes proxies from the environment."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=total_seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        middlewares=(once,),
        trust_env=True,
    )
