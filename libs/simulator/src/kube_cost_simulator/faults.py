"""An API server that misbehaves on demand: a middleware in front of its handlers."""

import asyncio
from functools import partial
from random import Random

from aiohttp import web
from aiohttp.typedefs import Handler

from kube_cost_simulator.api.answers import status
from kube_cost_simulator.api.faults import MOMENTS, Fault, FaultTimes, Moment
from kube_cost_simulator.api.hooks import STALE_BY, TAMPER
from kube_cost_simulator.api.paths import Target, target_of
from kube_cost_simulator.api.tampering import Tampering, abort, cut_in_half, never
from kube_cost_simulator.clock import Clock
from kube_cost_simulator.dealing import Dealer

REFUSALS = {
    Fault.SERVER_ERROR: (500, "InternalError", "etcdserver: request timed out"),
    Fault.TOO_MANY_REQUESTS: (429, "TooManyRequests", "too many requests, please try again later"),
    Fault.CONTINUE_GONE: (410, "Expired", "The provided continue parameter is too old"),
    Fault.GONE_STATUS: (410, "Expired", "too old resource version"),
    Fault.BEHIND: (504, "Timeout", "Too large resource version"),
}
"""Answers other than 200: code, reason, message."""


class ApiServerFaults(Dealer[Fault, Moment]):
    """Faults of lists and watches, `about` a resource's plural. Hand `misbehave` to the server as its middleware."""

    def __init__(self, *, chance: Random, clock: Clock, times: FaultTimes | None = None) -> None:
        super().__init__(moments=MOMENTS, chance=chance, clock=clock)
        self._times = times or FaultTimes()

    @web.middleware
    async def misbehave(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer as the fault that is due says, else as the server does."""
        target = target_of(request.path)
        if request.method != "GET" or target is None or target.name:
            return await handler(request)
        moment = Moment.LIST
        if "watch" in request.query:
            moment = Moment.WATCH
            request[TAMPER] = self._tampering(request, target).lines
        elif request.query.get("continue"):
            moment = Moment.NEXT_PAGE
        fault = self.deal(moment, target.resource.plural)
        if fault in REFUSALS:
            return self._refusal(fault)
        if fault is Fault.SLOW:
            await asyncio.sleep(self._times.slow_seconds)
        if fault is Fault.SILENT:
            await never()
        if fault is Fault.RESET:
            abort(request)
            return web.Response()
        if fault is Fault.STALE_LIST:
            request[STALE_BY] = self._times.stale_changes
        answer = await handler(request)
        return await cut_in_half(request, answer) if fault is Fault.CUT_LIST else answer

    def _refusal(self, fault: Fault) -> web.Response:
        code, reason, message = REFUSALS[fault]
        details, headers = None, None
        if fault is Fault.TOO_MANY_REQUESTS:
            headers = {"Retry-After": str(self._times.retry_after_seconds)}
        if fault is Fault.BEHIND:
            details = {"causes": [{"reason": "ResourceVersionTooLarge", "message": message}], "retryAfterSeconds": 1}
        body = status(code=code, reason=reason, message=message, details=details)
        return web.json_response(body, status=code, headers=headers)

    def _tampering(self, request: web.Request, target: Target) -> Tampering:
        return Tampering(
            request=request,
            target=target,
            times=self._times,
            deal=partial(self.deal, Moment.LINE, target.resource.plural),
        )
