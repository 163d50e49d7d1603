"""AWS's answers to the four questions."""

from collections.abc import Callable, Coroutine, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from kube_cost_common.messages.prices import INSTANCE, NETWORK, PriceRequest
from kube_cost_pricing.calls.failures import CallFailedError
from kube_cost_pricing.providers.aws import services, traffic
from kube_cost_pricing.providers.aws.clients import AwsClients
from kube_cost_pricing.providers.aws.judging import choose, machine
from kube_cost_pricing.providers.aws.places import CHINA, region_code, spot_currency
from kube_cost_pricing.providers.aws.price_list import Listing, PriceList
from kube_cost_pricing.providers.aws.refusals import UnknownTypesError
from kube_cost_pricing.providers.aws.settings import AwsSettings
from kube_cost_pricing.providers.aws.spot_history import DESCRIPTIONS, SpotHistory, SpotRow
from kube_cost_pricing.providers.cloud import INSTANCE_PRICE, NETWORK_PRICE, STORAGE_PRICE, Seen, Tell
from kube_cost_pricing.providers.source import API, NO_INSTANCE_TYPE, NO_REGION, Answer, Quote, Unknown

K = TypeVar("K", bound=Hashable)


class AwsPrices:
    """On demand by the Price List, spot by EC2's history of the region.

    A call that fails leaves its requests untold and doesn't keep the others from being asked; the first failure is
    raised at the end.
    """

    def __init__(
        self,
        *,
        settings: AwsSettings,
        price_list: PriceList,
        spot_history: SpotHistory,
        clients: AwsClients,
        seen: Seen,
    ) -> None:
        self._settings = settings
        self._price_list = price_list
        self._spot_history = spot_history
        self._clients = clients
        self._seen = seen

    @property
    def provider(self) -> str:
        """`aws`."""
        return "aws"

    async def instances(self, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        """Tell on-demand prices of machines, and of Fargate's pods.

        Machines of a Local or Wavelength Zone, which a request then names, are listed under the zone.
        """
        failures = _Failures()
        asked = self._listed(region, requests, tell)
        machines = [request for request in asked if request.kind == INSTANCE]
        for (where, os), group in _grouped(machines, lambda request: (region_code(request), request.os)).items():
            await failures.keep(self._machines(where, os, group, tell))
        await failures.keep(self._billed(region, [each for each in asked if each.kind != INSTANCE], tell))
        failures.raise_first()

    async def spot(self, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        """Tell spot prices, each of its zone."""
        failures = _Failures()
        machines = []
        for request in self._listed(region, requests, tell, spot=True):
            if request.kind != INSTANCE:
                tell(request, Unknown(reason="AWS sells no spot pods on EKS"))
            elif request.os not in DESCRIPTIONS:
                tell(request, Unknown(reason=f"AWS has no spot prices for {request.os or 'a nameless system'}"))
            else:
                machines.append(request)
        for os, group in _grouped(machines, lambda request: request.os).items():
            by_type = _grouped(group, lambda request: request.sku)
            for types in _slices(sorted(by_type), self._settings.spot_types_per_call):
                await failures.keep(self._spot(region, os, {name: by_type[name] for name in types}, tell))
        failures.raise_first()

    async def storage(self, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        """Tell prices of EBS volumes: a question for each type, which answers capacity, operations and throughput."""
        failures = _Failures()
        for sku, group in _grouped(self._listed(region, requests, tell), lambda request: request.sku).items():
            await failures.keep(self._volumes(region, sku, group, tell))
        failures.raise_first()

    async def network(self, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        """Tell prices of traffic by class, of load balancers and of EKS: a question each."""
        failures = _Failures()
        asked = self._listed(region, requests, tell)
        for request in asked:
            if request.kind == NETWORK:
                await failures.keep(self._traffic(region, request, tell))
        await failures.keep(self._billed(region, [each for each in asked if each.kind != NETWORK], tell))
        failures.raise_first()

    async def close(self) -> None:
        """End connections."""
        await self._clients.close()

    async def _machines(self, where: str, os: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        by_type = _grouped(requests, lambda request: request.sku)
        conditions = {
            "regionCode": where,
            "operatingSystem": {"linux": "Linux", "windows": "Windows"}.get(os, os),
            "preInstalledSw": "NA",
            "tenancy": "Shared",
            "capacitystatus": "Used",
            # No productFamily: bare metal is one of its own, and a region is asked for both at once. No marketoption:
            # an item that has none (recorded ones are so) would be hidden by it, and it saves no page: us-east-1 has
            # 1,367 types, and capacity blocks of a dozen. The judge leaves them out, where `lookup` shows them.
        }
        if len(by_type) > self._settings.types_asked_singly:
            listing = await self._price_list.products(INSTANCE_PRICE, services.EC2, conditions)
            products: dict[str, Listing] = {}
            for product in listing.products:
                of_type = products.setdefault(
                    product.attributes.get("instanceType", ""), Listing([], listing.fetched_at_ns)
                )
                of_type.products.append(product)
            for name, group in by_type.items():
                self._tell_machines(group, products.get(name, Listing([], listing.fetched_at_ns)), tell)
            return
        failures = _Failures()
        for name, group in by_type.items():
            await failures.keep(self._one_type({**conditions, "instanceType": name}, group, tell))
        failures.raise_first()

    async def _one_type(self, conditions: Mapping[str, str], requests: Sequence[PriceRequest], tell: Tell) -> None:
        self._tell_machines(requests, await self._price_list.products(INSTANCE_PRICE, services.EC2, conditions), tell)

    def _tell_machines(self, requests: Sequence[PriceRequest], listing: Listing, tell: Tell) -> None:
        for request in requests:
            where = request.zone or request.region
            words = f"{request.sku} with {request.os} in {where}"
            tell(request, choose(listing, machine(request), words, unit="hour", seen=self._seen))

    async def _spot(self, region: str, os: str, by_type: Mapping[str, Sequence[PriceRequest]], tell: Tell) -> None:
        try:
            rows, fetched_at_ns = await self._spot_history.rows(region, os, list(by_type))
        except UnknownTypesError as error:
            await self._spot_apart(region, os, by_type, tell, error)
            return
        for name, requests in by_type.items():
            for request in requests:
                tell(request, self._spot_answer(request, name, rows, fetched_at_ns))

    async def _spot_apart(
        self,
        region: str,
        os: str,
        by_type: Mapping[str, Sequence[PriceRequest]],
        tell: Tell,
        error: UnknownTypesError,
    ) -> None:
        """Ask for each half of the types, so that one which EC2 doesn't know leaves the others their prices."""
        names = list(by_type)
        if len(names) == 1:
            for request in by_type[names[0]]:
                tell(request, Unknown(reason=error.detail))
            return
        failures = _Failures()
        for half in (names[: len(names) // 2], names[len(names) // 2 :]):
            await failures.keep(self._spot(region, os, {name: by_type[name] for name in half}, tell))
        failures.raise_first()

    def _spot_answer(
        self, request: PriceRequest, name: str, rows: Mapping[tuple[str, str], SpotRow], fetched_at_ns: int
    ) -> Answer:
        if not request.zone:
            return Unknown(reason=f"the spot price of {name} depends on the zone, and none is named", code=NO_REGION)
        row = rows.get((name, request.zone))
        if row is None:
            return Unknown(reason=f"AWS has no spot price of {name} in {request.zone}")
        currency = spot_currency(request.region)
        self._seen(f"{name} in {row.zone}: taken, {row.amount:g} {currency} since {row.since.isoformat()}")
        return Quote(amount=row.amount, unit="hour", source=API, fetched_at_ns=fetched_at_ns, currency=currency)

    async def _volumes(self, region: str, sku: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        conditions = {"regionCode": region, "volumeApiName": sku}
        listing = await self._price_list.products(STORAGE_PRICE, services.EC2, conditions)
        for request in requests:
            tell(request, services.volume_price(request, listing, self._seen))

    async def _traffic(self, region: str, request: PriceRequest, tell: Tell) -> None:
        conditions = traffic.conditions(region, request.sku)
        if conditions is None:
            tell(request, Unknown(reason=f"AWS has no traffic to {request.sku or 'nowhere'}"))
            return
        listing = await self._price_list.products(NETWORK_PRICE, services.TRAFFIC, conditions)
        tell(request, traffic.price(request, listing, self._seen))

    async def _billed(self, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        failures = _Failures()
        by_service: dict[tuple[str, str], list[tuple[PriceRequest, services.Billed]]] = {}
        for request in requests:
            of = services.billed(request)
            if of is None:
                tell(request, Unknown(reason=f"AWS has no {request.kind.replace('_', ' ')} {request.sku or '(none)'}"))
            else:
                by_service.setdefault((of.service, of.endpoint), []).append((request, of))
        for (service, endpoint), group in by_service.items():
            await failures.keep(self._service(region, service, endpoint, group, tell))
        failures.raise_first()

    async def _service(
        self,
        region: str,
        service: str,
        endpoint: str,
        requests: Sequence[tuple[PriceRequest, services.Billed]],
        tell: Tell,
    ) -> None:
        listing = await self._price_list.products(endpoint, service, {"regionCode": region})
        for request, of in requests:
            tell(request, services.price(request, of, listing, self._seen))

    def _listed(
        self, region: str, requests: Sequence[PriceRequest], tell: Tell, *, spot: bool = False
    ) -> list[PriceRequest]:
        """Return the requests that the configured endpoints can answer; the others are told why not."""
        asked = []
        for request in requests:
            why = self._why_not(region, request, spot=spot)
            if why is None:
                asked.append(request)
            else:
                tell(request, why)
        return asked

    def _why_not(self, region: str, request: PriceRequest, *, spot: bool) -> Unknown | None:
        if not region:
            return Unknown(reason="no region is named", code=NO_REGION)
        if request.kind == INSTANCE and not request.sku:
            return Unknown(reason="no instance type is named", code=NO_INSTANCE_TYPE)
        listed = self._settings.pricing_region
        if not spot and region.startswith(CHINA) != listed.startswith(CHINA):
            there = "cn-northwest-1" if region.startswith(CHINA) else "us-east-1"
            return Unknown(reason=f"prices of {region} are listed at the endpoint of {there}, not at that of {listed}")
        return None


class _Failures:
    """The first failure among several questions."""

    def __init__(self) -> None:
        self._first: CallFailedError | None = None

    async def keep(self, question: Coroutine[Any, Any, None]) -> None:
        """Ask, and go on after a failure."""
        try:
            await question
        except CallFailedError as error:
            self._first = self._first or error

    def raise_first(self) -> None:
        """Raise the first failure, if there was any."""
        if self._first is not None:
            raise self._first


def _grouped(requests: Iterable[PriceRequest], by: Callable[[PriceRequest], K]) -> dict[K, list[PriceRequest]]:
    groups: dict[K, list[PriceRequest]] = {}
    for request in requests:
        groups.setdefault(by(request), []).append(request)
    return groups


def _slices(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (names[first : first + size] for first in range(0, len(names), size))
