"""What is answered when something can't be: problem details, RFC 9457."""

import msgspec
from aiohttp import web

CONTENT_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Problem details of RFC 9457: what is wrong, in a sentence, and in which parameter, where it is one."""

    type: str
    title: str
    status: int
    detail: str
    parameter: str = ""


def problem(status: int, title: str, detail: str, *, parameter: str = "") -> web.Response:
    """Return an answer that says what is wrong, and in which parameter, in a sentence."""
    # Half of a surrogate pair, which no UTF-8 can hold, may stand in a parameter's name.
    named = parameter.encode("utf-8", "replace").decode()
    body = Problem(type="about:blank", title=title, status=status, detail=detail, parameter=named)
    return web.Response(status=status, body=msgspec.json.encode(body), content_type=CONTENT_TYPE)


def bad_parameter(parameter: str, detail: str) -> web.Response:
    """Return a 400 that names the parameter."""
    return problem(400, "Bad Request", detail, parameter=parameter)
