"""The simulated cluster's API server."""

import json
import ssl
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing, suppress
from decimal import InvalidOperation
from typing import Any, Literal

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from kube_cost_simulator.api import answers
from kube_cost_simulator.api.hooks import STALE_BY, TAMPER
from kube_cost_simulator.api.paths import Target, discovery, target_of
from kube_cost_simulator.api.selectors import selector
from kube_cost_simulator.api.watches import Watches, WatchOrder
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.objects.pods import GRACE_SECONDS
from kube_cost_simulator.operations import Operations, RefusedError, not_found
from kube_cost_simulator.resources import PODS
from kube_cost_simulator.serving import LocalServer
from kube_cost_simulator.store import ExpiredError

Json = dict[str, Any]

PUBLIC_PATHS = frozenset({"/version", "/healthz", "/livez", "/readyz"})
VERSION = {
    "major": "1",
    "minor": "35",
    "gitVersion": "v1.35.0",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2025-12-17T12:00:00Z",
    "goVersion": "go1.25.5",
    "compiler": "gc",
    "platform": "linux/amd64",
}
DEFAULT_WATCH_SECONDS = 1800.0
MERGE_PATCHES = frozenset({"application/merge-patch+json", "application/strategic-merge-patch+json"})


class ApiServer:
    """Serves a cluster's objects over HTTP.

    `tokens` are the bearer tokens that are let in. `expired_watch_answer` says how a watch from a resourceVersion that
    is too old is refused: by an ERROR event, as API servers with a watch cache do, or by the HTTP status.
    `middlewares` come before everything else.
    """

    def __init__(
        self,
        *,
        cluster: SimulatedCluster,
        tokens: Collection[str],
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        bookmark_seconds: float = 60.0,
        expired_watch_answer: Literal["event", "status"] = "event",
        middlewares: Sequence[Middleware] = (),
    ) -> None:
        self._cluster = cluster
        self._store = cluster.store
        self._operations = Operations(cluster=cluster)
        self._watches = Watches(store=cluster.store)
        self._tokens = frozenset(tokens)
        self._bookmark_seconds = bookmark_seconds
        self._expired_watch_answer = expired_watch_answer
        application = web.Application(middlewares=[*middlewares, self._refusing, self._authenticating])
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._server = LocalServer(application=application, port=port, tls=tls)

    async def start(self) -> str:
        """Begin to serve; returns the URL."""
        return await self._server.start()

    async def stop(self) -> None:
        """End the watches and stop serving."""
        self._watches.close()
        await self._server.stop()

    @web.middleware
    async def _refusing(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Errors become Status objects."""
        try:
            return await handler(request)
        except RefusedError as error:
            return web.json_response(answers.refusal(error), status=error.code)
        except ExpiredError as error:
            return web.json_response(answers.gone(error), status=410)

    @web.middleware
    async def _authenticating(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if request.path not in PUBLIC_PATHS and (scheme != "Bearer" or token not in self._tokens):
            raise RefusedError(401, "Unauthorized", "Unauthorized")
        return await handler(request)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/version":
            return web.json_response(VERSION)
        if request.path in PUBLIC_PATHS:
            return web.Response(text="ok")
        target = target_of(request.path)
        if target is None:
            found = discovery(request.path)
            if found is None or request.method != "GET":
                raise RefusedError(404, "NotFound", "the server could not find the requested resource")
            return web.json_response(found)
        self._cluster.advance()
        if request.method == "GET":
            return await self._read(request, target)
        try:
            return await self._write(request, target)
        except (InvalidOperation, ValueError, KeyError, TypeError) as error:
            raise RefusedError(400, "BadRequest", f"the object cannot be decoded: {error!r}") from error

    async def _read(self, request: web.Request, target: Target) -> web.StreamResponse:
        query = request.query
        metadata_only = answers.wants_metadata_only(request.headers.get("Accept", ""))
        if target.name:
            stored = self._store.get(target.resource, target.namespace, target.name)
            if stored is None or target.subresource not in {"", "status"}:
                raise not_found(target.resource, target.name)
            return json_answer(stored.encoded_metadata if metadata_only else stored.encoded)
        if is_true(query.get("watch", "")):
            return await self._watch(request, target, metadata_only=metadata_only)
        meets = selector(
            namespace=target.namespace,
            labels=query.get("labelSelector", ""),
            fields=query.get("fieldSelector", ""),
        )
        version, after = self._store.version, None
        if query.get("continue"):
            version, after = answers.read_continue_token(query["continue"])
        elif query.get("resourceVersionMatch") == "Exact":
            version = known_version(query.get("resourceVersion", ""), self._store.version)
        else:
            known_version(query.get("resourceVersion", "0"), self._store.version)
            version = max(self._store.oldest(target.resource), version - request.get(STALE_BY, 0))
        items = [item for item in self._store.snapshot(target.resource, version) if meets(item)]
        if after is not None:
            items = [item for item in items if item.key > after]
        limit = int(query.get("limit", "0"))
        page = items[:limit] if limit else items
        rest = len(items) - len(page)
        token = answers.continue_token(version, page[-1].key) if rest else ""
        return json_answer(
            answers.encoded_list(
                target.resource, page, version=version, metadata_only=metadata_only, token=token, remaining=rest
            )
        )

    async def _watch(self, request: web.Request, target: Target, *, metadata_only: bool) -> web.StreamResponse:
        query = request.query
        asked = query.get("resourceVersion", "")
        initial = is_true(query.get("sendInitialEvents", ""))
        version = None
        if asked not in {"", "0"} and not initial:
            version = known_version(asked, self._store.version)
        order = WatchOrder(
            resource=target.resource,
            meets=selector(
                namespace=target.namespace,
                labels=query.get("labelSelector", ""),
                fields=query.get("fieldSelector", ""),
            ),
            metadata_only=metadata_only,
            version=version,
            timeout_seconds=float(query.get("timeoutSeconds") or DEFAULT_WATCH_SECONDS),
            bookmarks=is_true(query.get("allowWatchBookmarks", "")),
            bookmark_seconds=self._bookmark_seconds,
            send_initial_end=initial,
        )
        lines: AsyncGenerator[bytes, None] = self._watches.lines(order)
        if version is not None:
            try:
                self._store.events_since(target.resource, version)
            except ExpiredError as error:
                if self._expired_watch_answer == "status":
                    raise
                lines = one_line(answers.watch_line("ERROR", json.dumps(answers.gone(error)).encode()))
        if (tamper := request.get(TAMPER)) is not None:
            lines = tamper(lines)
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
        )
        await response.prepare(request)
        # Who cuts the connection, the client or a fault, ends the watch.
        with suppress(ConnectionError):
            async with aclosing(lines):
                async for line in lines:
                    await response.write(line)
            await response.write_eof()
        return response

    async def _write(self, request: web.Request, target: Target) -> web.Response:
        body: Json = await request.json() if request.can_read_body else {}
        resource, namespace, name = target.resource, target.namespace, target.name
        if request.method == "POST" and not name:
            return json_answer(self._operations.create(resource, namespace, body).encoded, code=201)
        if request.method == "DELETE" and name and not target.subresource:
            grace = request.query.get("gracePeriodSeconds", body.get("gracePeriodSeconds", GRACE_SECONDS))
            stored = self._operations.delete(resource, namespace, name, int(grace))
            if resource is PODS:
                return json_answer(stored.encoded)
            details = {"name": name, "kind": resource.plural, "uid": stored.content["metadata"]["uid"]}
            success = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
            return web.json_response(success)
        if request.method == "PATCH" and name and target.subresource in {"", "status"}:
            if request.content_type not in MERGE_PATCHES:
                raise RefusedError(415, "UnsupportedMediaType", f"{request.content_type} is not a merge patch")
            status_only = target.subresource == "status"
            stored = self._operations.patch(resource, namespace, name, body, status_only=status_only)
            return json_answer(stored.encoded)
        raise RefusedError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def json_answer(body: bytes, code: int = 200) -> web.Response:
    """An answer whose body is JSON already."""
    return web.Response(body=body, status=code, content_type="application/json")


async def one_line(line: bytes) -> AsyncGenerator[bytes, None]:
    """A watch that ends at once."""
    yield line


def is_true(text: str) -> bool:
    """A boolean of a query, as Go's strconv.ParseBool reads it."""
    return text in {"1", "t", "T", "true", "True", "TRUE"}


def known_version(text: str, newest: int) -> int:
    """A resourceVersion that a client sent; RefusedError 400 if it isn't one, 504 if it hasn't come yet."""
    if text in {"", "0"}:
        return newest
    if not text.isdigit():
        raise RefusedError(400, "BadRequest", f"Invalid value: {text!r}: resourceVersion must be a number")
    if int(text) > newest:
        message = f"Too large resource version: {text}, current: {newest}"
        raise RefusedError(504, "Timeout", message)
    return int(text)
