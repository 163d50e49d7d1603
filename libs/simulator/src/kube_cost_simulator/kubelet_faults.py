"""Kubelets that misbehave on demand: a middleware in front of each one's `/stats/summary`."""

import asyncio
from enum import StrEnum
from random import Random

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from kube_cost_simulator.api.tampering import abort, cut_in_half
from kube_cost_simulator.clock import Clock
from kube_cost_simulator.dealing import Dealer

SLOW_SECONDS = 5.0


class KubeletMoment(StrEnum):
    """When a fault can happen."""

    ANSWER = "answer"


class KubeletFault(StrEnum):
    """What a kubelet does."""

    AWAY = "away"
    SLOW = "slow"
    UNAUTHORIZED = "401"
    TRUNCATED = "truncated"


class KubeletFaults(Dealer[KubeletFault, KubeletMoment]):
    """Faults of kubelets, `about` a node's name."""

    def __init__(self, *, chance: Random, clock: Clock, slow_seconds: float = SLOW_SECONDS) -> None:
        moments = dict.fromkeys(KubeletFault, frozenset({KubeletMoment.ANSWER}))
        super().__init__(moments=moments, chance=chance, clock=clock)
        self._slow_seconds = slow_seconds

    def of_node(self, node: str) -> Middleware:
        """The middleware of a node's kubelet."""

        @web.middleware
        async def misbehave(request: web.Request, handler: Handler) -> web.StreamResponse:
            match self.deal(KubeletMoment.ANSWER, node):
                case KubeletFault.AWAY:
                    abort(request)
                    return web.Response()
                case KubeletFault.SLOW:
                    await asyncio.sleep(self._slow_seconds)
                case KubeletFault.UNAUTHORIZED:
                    return web.Response(status=401, text="Unauthorized")
                case KubeletFault.TRUNCATED:
                    return await cut_in_half(request, await handler(request))
            return await handler(request)

        return misbehave
