"""What is answered when something can't be: problem details, RFC 9457."""

import msgspec
from aiohttp import web


def problem(status: int, title: str, detail: str, *, parameter: str = "") -> web.Response:
    """Return an answer that says what is wrong, and in which parameter, in a sentence."""
    body: dict[str, object] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if parameter:
        body["parameter"] = parameter
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/problem+json")


def bad_parameter(parameter: str, detail: str) -> web.Response:
    """Return a 400 that names the parameter."""
    return problem(400, "Bad Request", detail, parameter=parameter)
