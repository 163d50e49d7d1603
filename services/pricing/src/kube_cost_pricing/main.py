"""The pricing service: reads which prices are needed, and answers with them."""

import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn, TypeVar

import stamina

from kube_cost_common.messages.streams import DEMAND, PRICES, Bucket
from kube_cost_common.runtime.bus import Bus
from kube_cost_common.runtime.config import variable
from kube_cost_common.runtime.declarations import wait_for
from kube_cost_common.runtime.health import Counters, Problems, Readiness
from kube_cost_common.runtime.http import health_routes, serving
from kube_cost_common.runtime.kv import KvBucket, KvEntry
from kube_cost_common.runtime.kv_mirror import KvMirror
from kube_cost_common.runtime.lifecycle import CannotStartError, Service, run
from kube_cost_common.runtime.status import StatusReporter, new_instance
from kube_cost_price_snapshot import load
from kube_cost_pricing.cache import Lifetimes
from kube_cost_pricing.calls.breaker import BreakerSettings
from kube_cost_pricing.calls.caller import Caller, CallSettings
from kube_cost_pricing.calls.limiter import Limiter
from kube_cost_pricing.catalog import Catalog, DefaultRates
from kube_cost_pricing.commands import live, lookup, rebuild
from kube_cost_pricing.commands.asking import WRONG
from kube_cost_pricing.config import PricingConfig, currency_rates
from kube_cost_pricing.custom.file import CustomPricesFile
from kube_cost_pricing.demand import Demand
from kube_cost_pricing.discounts import parse_discounts
from kube_cost_pricing.held import Held
from kube_cost_pricing.providers.api import ApiSource
from kube_cost_pricing.providers.custom import CustomSource
from kube_cost_pricing.providers.registry import chosen, cloud_access
from kube_cost_pricing.providers.snapshot import SnapshotSource
from kube_cost_pricing.publisher import Publisher
from kube_cost_pricing.sanity import Sanity

T = TypeVar("T")

_CONDITIONS = {
    "demand": "the price demand hasn't been read from the bus",
    "held": "the prices in force haven't been read from the bus",
    "prices": "no pass over all prices has been completed",
}


def main() -> int:
    """Run the service, or one of the commands; return the process's exit code."""
    stamina.instrumentation.set_on_retry_hooks([])  # what fails is counted, and said once
    match sys.argv[1:]:
        case ["lookup", *arguments]:
            return lookup.main(arguments)
        case ["live", *arguments]:
            return live.main(arguments)
        case ["snapshot", *arguments]:
            return rebuild.main(arguments)
        case [unknown, *_]:
            print(f"kube-cost-pricing: unknown command {unknown!r}; there are lookup, live, snapshot", file=sys.stderr)  # noqa: T201 - said to a person
            return WRONG
    return run("pricing", PricingConfig, compose)


async def compose(config: PricingConfig, service: Service) -> None:
    """Build the parts, run them, and return when the service has been told to stop."""
    clock, log = service.clock, service.log
    usd_per = _parsed("currency_rates", currency_rates, config.currency_rates)
    discounts = _parsed("discounts", parse_discounts, config.discounts)
    clouds = _parsed("price_apis", chosen, config.price_apis)

    counters, problems, readiness = Counters(), Problems(), Readiness(_CONDITIONS)
    port = await service.stack.enter_async_context(
        serving(host=config.listen_host, port=config.listen_port, routes=health_routes(readiness, problems))
    )
    log.info("listening", port=port)

    bus = Bus(config=config.bus("pricing"), clock=clock, log=log)
    service.stack.push_async_callback(bus.close)
    service.keep("bus", bus.run())

    def answered() -> None:
        """Let a pass take what an API said."""
        publisher.wake()

    held = Held(clock=clock, log=log)
    callers = {provider: _caller(provider, config, service, counters) for provider in clouds}
    for caller in callers.values():
        counters.gauge(caller.gauges)
    api = ApiSource(
        clouds={
            provider: cloud_access(provider, settings=config.cloud_settings(provider), ask=caller, clock=clock, log=log)
            for provider, caller in callers.items()
        },
        lifetimes=Lifetimes(
            instances_seconds=config.instance_price_ttl_seconds,
            spot_seconds=config.spot_price_ttl_seconds,
            storage_seconds=config.storage_price_ttl_seconds,
            network_seconds=config.network_price_ttl_seconds,
        ),
        before=held.price,
        on_change=answered,
        clock=clock,
        log=log,
        counters=counters,
        problems=problems,
    )
    snapshot = SnapshotSource(snapshot=load())
    custom = CustomSource(shapes=snapshot)
    catalog = Catalog(
        sources=[custom, *([api] if clouds else []), snapshot],  # the one that is believed most first
        shapes=snapshot,
        default_rates=DefaultRates(
            usd_per_vcpu_hour=config.default_usd_per_vcpu_hour,
            usd_per_gib_hour=config.default_usd_per_gib_hour,
            usd_per_gpu_hour=config.default_usd_per_gpu_hour,
        ),
        sanity=Sanity(usd_per=usd_per, clock=clock, counters=counters),
        discounts=discounts,
    )
    demand = Demand(log=log, counters=counters)
    publisher = Publisher(
        bucket=KvBucket(bus=bus, name=PRICES.name),
        demand=demand,
        held=held,
        catalog=catalog,
        wanted_labels=lambda: None if custom.waiting else custom.label_names,
        on_settled=lambda: readiness.met("prices"),
        clock=clock,
        log=log,
        counters=counters,
        problems=problems,
    )
    counters.gauge(publisher.ages)

    def wake() -> None:
        """Let a pass begin, unless what is asked for or in force isn't known yet."""
        if demand_mirror.listed and held_mirror.listed:
            publisher.wake()

    def take_demand(entries: Mapping[str, KvEntry]) -> None:
        readiness.met("demand")
        demand.replace(entries)
        wake()

    def take_held(entries: Mapping[str, KvEntry]) -> None:
        readiness.met("held")
        held.replace(entries)
        wake()

    demand_mirror = KvMirror(bus=bus, bucket=DEMAND.name, clock=clock, log=log, on_change=take_demand)
    held_mirror = KvMirror(bus=bus, bucket=PRICES.name, clock=clock, log=log, on_change=take_held)

    if config.custom_prices_file:
        file = CustomPricesFile(
            path=Path(config.custom_prices_file),
            usd_per=usd_per,
            check_seconds=config.custom_prices_check_seconds,
            take=custom.replace,
            refuse=custom.wait,
            on_change=wake,
            clock=clock,
            log=log,
            counters=counters,
            problems=problems,
        )
        await file.start()
        counters.gauge(file.gauges)
        service.keep("custom prices file", file.run())

    status = StatusReporter(
        component="pricing",
        instance=new_instance("pricing"),
        software_version=version("kube-cost-pricing"),
        readiness=readiness,
        problems=problems,
        counters=counters,
        clock=clock,
        log=log,
        publish=bus.publish,
        wait_connected=bus.wait_connected,
    )
    service.stack.push_async_callback(api.close)
    service.keep("price APIs", api.run())
    service.keep("publisher", publisher.run())
    service.keep("demand", _follow(demand_mirror, DEMAND, bus, service))
    service.keep("prices", _follow(held_mirror, PRICES, bus, service))
    service.keep("prices check", _every_now_and_then(config, service, wake))
    service.keep("status", status.run())

    await service.stopped()
    readiness.stopping()


def _parsed(field: str, parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise CannotStartError(f"{variable(field)}: {error}") from error


def _caller(provider: str, config: PricingConfig, service: Service, counters: Counters) -> Caller:
    return Caller(
        provider=provider,
        limiter=Limiter(clock=service.clock, calls=config.price_api_calls_per_minute),
        settings=CallSettings(timeout_seconds=config.price_api_timeout_seconds),
        breaker_settings=BreakerSettings(),
        clock=service.clock,
        counters=counters,
    )


async def _follow(mirror: KvMirror, bucket: Bucket, bus: Bus, service: Service) -> NoReturn:
    await wait_for(bus, clock=service.clock, log=service.log, buckets=[bucket])
    await mirror.run()


async def _every_now_and_then(config: PricingConfig, service: Service, wake: Callable[[], None]) -> NoReturn:
    while True:
        await service.clock.sleep(config.prices_check_seconds)
        wake()
