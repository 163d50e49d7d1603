"""The aggregator's composition root."""

import gc
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from aiohttp import web

from kube_cost_aggregator.config import AggregatorConfig
from kube_cost_aggregator.history.sqlite import SqliteStore, open_store
from kube_cost_aggregator.history.store import StoreError
from kube_cost_aggregator.history.upkeep import Upkeep
from kube_cost_aggregator.inputs.budget_file import BudgetFile
from kube_cost_aggregator.inputs.kubernetes.client import api_client
from kube_cost_aggregator.inputs.kubernetes.cluster import ClusterWatch
from kube_cost_aggregator.inputs.kubernetes.errors import NoClusterError
from kube_cost_aggregator.inputs.kubernetes.receiver import InventoryReceiver
from kube_cost_aggregator.inputs.kubernetes.watch import WatchTimes
from kube_cost_aggregator.inputs.prices import PriceIntake, follow_prices
from kube_cost_aggregator.inputs.samples import SampleReader
from kube_cost_aggregator.inputs.status import StatusIntake
from kube_cost_aggregator.inputs.usage import UsageIntake
from kube_cost_aggregator.outputs.answers.costs_schema import COSTS, STATUS
from kube_cost_aggregator.outputs.answers.handler import Answers
from kube_cost_aggregator.outputs.answers.knowledge import Knowledge
from kube_cost_aggregator.outputs.api import Api
from kube_cost_aggregator.outputs.demand import DemandPublisher
from kube_cost_aggregator.outputs.exports.focus_columns import Payer
from kube_cost_aggregator.outputs.exports.handlers import Exports
from kube_cost_aggregator.outputs.exposition import Metrics
from kube_cost_aggregator.outputs.families import ReportedSeries
from kube_cost_aggregator.outputs.health_families import COMPONENTS
from kube_cost_aggregator.outputs.moments import Moments
from kube_cost_aggregator.outputs.page import Page
from kube_cost_aggregator.outputs.rendering import Rendering
from kube_cost_aggregator.outputs.routes import api_routes
from kube_cost_aggregator.outputs.same_hours import SameHours
from kube_cost_aggregator.outputs.scope_hours import ScopeHours
from kube_cost_aggregator.outputs.snapshots import SnapshotPublisher
from kube_cost_aggregator.outputs.sources import Sources
from kube_cost_aggregator.state.budgets import BudgetReader
from kube_cost_aggregator.state.components import SILENT_AFTER_SECONDS, Components
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.ledger import Ledger
from kube_cost_aggregator.state.prices import DefaultPrices, PriceShelf
from kube_cost_aggregator.state.rates import RateBoard
from kube_cost_aggregator.state.restart import restore
from kube_cost_aggregator.state.settlement import Patience, Settlement
from kube_cost_aggregator.state.standing import StandingCosts
from kube_cost_aggregator.state.timings import Timings
from kube_cost_common.domain.gpus import DEFAULT_GPU_RESOURCES
from kube_cost_common.domain.privacy import PodNames
from kube_cost_common.messages.names import STATUS_SUBJECTS
from kube_cost_common.messages.streams import BUCKETS, DEMAND, PRICES, STREAMS, USAGE, USAGE_ACK_WAIT_SECONDS
from kube_cost_common.runtime.bus import Bus, BusError
from kube_cost_common.runtime.declarations import declare
from kube_cost_common.runtime.health import Counters, Problems, Readiness
from kube_cost_common.runtime.http import health_routes, serving
from kube_cost_common.runtime.kv import KvBucket
from kube_cost_common.runtime.kv_mirror import KvMirror
from kube_cost_common.runtime.lifecycle import CannotStartError, Service, run
from kube_cost_common.runtime.pull import PullReader

if TYPE_CHECKING:
    from kube_cost_aggregator.history.postgres import PostgresStore

CONDITIONS = {
    "bus": "the streams and buckets on the bus aren't there yet",
    "cluster": "the API server hasn't listed all resources yet",
    "prices": "no prices have been read from the bus yet",
}

STANDING_KINDS = frozenset({"PersistentVolume", "PersistentVolumeClaim", "StorageClass", "Service", "Pod"})
"""What volumes and load balancers cost, and whom, depends on these."""

DECLARE_RETRY_SECONDS = 1.0
SYNC_CHECK_SECONDS = 0.1

YOUNG_OBJECTS, YOUNG_ROUNDS = 50_000, 20
"""So many more objects than before are looked at for cycles, and so often before older ones are too.

A sample makes hundreds and a rendering tens of thousands, of which nearly all go without being looked at: by Python's
default, 700, an eighth of the time went into it. What cycles hold meanwhile is ten MiB at the most.
"""


async def compose(config: AggregatorConfig, service: Service) -> None:
    """Build the aggregator and run it until it is told to stop."""
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_ROUNDS)
    clock, log = service.clock, service.log
    counters, problems, readiness = Counters(), Problems(), Readiness(CONDITIONS)

    try:
        retention = config.retention
    except ValueError as error:
        raise CannotStartError(str(error)) from error
    store = await _open_store(config, service)
    sharing = config.sharing
    try:
        pod_names = PodNames(show=config.pod_names, key=config.pod_names_secret.encode())
    except ValueError as error:
        raise CannotStartError(f"KUBE_COST_POD_NAMES: {error}; set KUBE_COST_POD_NAMES_SECRET") from error
    ledger = Ledger(store=store, sharing=sharing)
    try:
        open_pods = await ledger.load(began_ns := clock.now_ns())
    except StoreError as error:
        raise CannotStartError(str(error)) from error

    changed = _Later()
    inventory = Inventory(
        spot_label=config.spot_label,
        pool_label=config.node_pool_label,
        default_provider=config.cloud_provider,
        gpu_resources=DEFAULT_GPU_RESOURCES,
        changed=changed,
    )
    restore(inventory, ledger, open_pods)
    shelf = PriceShelf(defaults=_default_prices(config), changed=changed, sustained_use=config.gcp_sustained_use)
    settlement = Settlement(
        inventory=inventory,
        ledger=ledger,
        prices=shelf,
        patience=_patience(config),
        network_shares=config.network_shares,
        basis=config.cost_basis,
        pod_names=pod_names,
    )
    standing = StandingCosts(
        inventory=inventory, ledger=ledger, prices=shelf, price_patience_seconds=config.price_wait_seconds
    )
    budgets = BudgetFile(
        path=Path(config.budgets_file), cluster=config.cluster_id, clock=clock, log=log, counters=counters
    )
    if config.budgets_file:
        await budgets.start()
        service.keep("budgets", budgets.run())
    board = RateBoard(
        inventory=inventory,
        now_ns=clock.now_ns,
        network_shares=config.network_shares,
        basis=config.cost_basis,
        budgets=BudgetReader(file=lambda: budgets.now, label_names=config.label_names),
    )
    timings = Timings()
    components = Components(
        fold=ledger.fold,
        clock=clock,
        new_ledger=ledger.started_at_ns == began_ns,
        sample_silent_after_seconds=max(SILENT_AFTER_SECONDS, 3 * config.interval_seconds),
    )
    components.restore(ledger.totals.counters)

    bus = Bus(config=config.bus("aggregator"), clock=clock, log=log)
    reader = PullReader(
        bus=bus,
        stream=USAGE.name,
        consumer="aggregator",
        clock=clock,
        log=log,
        ack_wait_seconds=USAGE_ACK_WAIT_SECONDS,
    )
    try:
        client = await service.stack.enter_async_context(
            api_client(
                kubeconfig=config.kubeconfig or os.environ.get("KUBECONFIG", ""),
                environ=os.environ,
                clock=clock,
                log=log,
            )
        )
    except NoClusterError as error:
        raise CannotStartError(str(error)) from error
    cluster = ClusterWatch(
        client=client,
        receiver=InventoryReceiver(inventory=inventory, last_seen_ns=settlement.last_seen_ns),
        gpus=DEFAULT_GPU_RESOURCES,
        kept_labels=frozenset(config.label_names),
        pod_names=pod_names,
        counters=counters,
        clock=clock,
        log=log,
        times=WatchTimes(),
        on_problem=lambda kind, sentence: _note(problems, f"watch {kind}", sentence),
    )
    usage = UsageIntake(
        reader=reader,
        samples=SampleReader(cluster=config.cluster_id),
        settlement=settlement,
        ledger=ledger,
        timings=timings,
        standing=standing,
        interval_seconds=config.interval_seconds,
        objects_known_ns=lambda: min(
            (state.last_event_ns or 0 for state in cluster.states if state.problem and state.kind in STANDING_KINDS),
            default=None,
        ),
        nodes_watched=lambda: not any(state.problem for state in cluster.states if state.kind == "Node"),
        nodes_listed_ns=lambda: max(state.listed_ns or 0 for state in cluster.states if state.kind == "Node"),
        bus_connected=lambda: bus.connected,
        heard=components.hear_sample,
        clock=clock,
        log=log,
        counters=counters,
        problems=problems,
    )
    prices = PriceIntake(shelf=shelf, currency="USD", log=log, counters=counters, note=ledger.note_price)
    price_mirror = KvMirror(bus=bus, bucket=PRICES.name, clock=clock, log=log, on_change=prices.take)
    demand = DemandPublisher(
        cluster=config.cluster_id,
        inventory=inventory,
        shelf=shelf,
        network_classes=tuple(config.network_shares),
        bus=bus,
        bucket=KvBucket(bus=bus, name=DEMAND.name),
        clock=clock,
        log=log,
        counters=counters,
    )

    sources = Sources(
        cluster=config.cluster,
        sharing=sharing,
        label_names=config.label_names,
        info_max_pods=config.pod_info_max_pods,
        opencost_names=config.opencost_names,
        version=version("kube-cost-aggregator"),
        revision=os.environ.get("KUBE_COST_REVISION", ""),
        rates=lambda: board.refresh(shelf.book),
        pod_rates=lambda: board.refresh_pods(shelf.book),
        prepare_rates=lambda *, usage: board.prepare(shelf.book, usage=usage),
        totals=lambda: ledger.totals,
        last_samples=lambda: usage.last_sample_ns,
        watches=lambda: cluster.states,
        bus_connected=lambda: bus.connected,
        pending_messages=lambda: reader.pending,
        components=components,
        timings=timings,
        counters=counters,
        problems=problems,
        readiness=readiness,
        clock=clock,
    )
    rendering = Rendering(sources=sources)
    metrics = Metrics(rendering=rendering, clock=clock, log=log, counters=counters)
    changed.call = metrics.changed
    api = Api(store=store, sources=sources, log=log)
    exports = Exports(
        rows=store.hours,
        payer=lambda: _payer(config, inventory),
        cluster=config.cluster,
        clock=clock,
        log=log,
    )
    status = StatusIntake(
        messages=bus.subscribe(STATUS_SUBJECTS),
        components=components,
        series_key=ReportedSeries().key,
        known_components=COMPONENTS,
        counters=counters,
        clock=clock,
        log=log,
        changed=metrics.changed,
    )

    upkeep = Upkeep(
        store=store,
        retention=retention,
        settled_through_ns=lambda: ledger.totals.settled_through_ns,
        clock=clock,
        log=log,
        counters=counters,
    )
    moments = Moments(
        sources=sources,
        rendering=rendering,
        scope_hours=ScopeHours(store=store),
        same_hours=SameHours(store=store),
        fresh=metrics.fresh,
        log=log,
    )
    snapshots = SnapshotPublisher(
        cluster=config.cluster_id,
        costs=moments.now,
        interval_seconds=config.interval_seconds,
        bus=bus,
        clock=clock,
        log=log,
        counters=counters,
    )
    knowledge = Knowledge(
        sources=sources,
        rendering=rendering,
        fresh=metrics.fresh,
        book=lambda: shelf.book,
        demand=lambda: demand.now,
        mounting=lambda *claim: sorted(pod.name for pod in inventory.mounts.running(*claim) if pod.name),
        costs=moments.now,
    )
    answers = Answers(knowledge=knowledge, now_ns=clock.now_ns, log=log)

    routes = [
        *health_routes(readiness, problems),
        web.get("/metrics", metrics.handle),
        *api_routes(
            answers=answers,
            others=[(COSTS, api.costs), (STATUS, api.status), *exports.endpoints()],
            version=sources.version,
        ),
        web.get("/", Page(overview=lambda: rendering.overview, sources=sources, fresh=metrics.fresh).handle),
    ]
    port = await service.stack.enter_async_context(
        serving(host=config.listen_host, port=config.listen_port, routes=routes)
    )
    log.info("listening", port=port)
    service.stack.push_async_callback(bus.close)

    async def settle() -> NoReturn:
        await _declare(bus, service, replicas=config.stream_replicas)
        readiness.met("bus")
        while cluster.unsynced:
            await clock.sleep(SYNC_CHECK_SECONDS)
        readiness.met("cluster")
        while not prices.listed:
            await clock.sleep(SYNC_CHECK_SECONDS)
        readiness.met("prices")
        # What the lists made stays for long: a full collection that looks at it all would stop everything for 80 ms.
        gc.collect()
        gc.freeze()
        service.keep("cost snapshots", snapshots.run())
        await usage.run()

    service.keep("bus", bus.run())
    service.keep("metrics", metrics.run())
    cluster.start(service)
    service.keep("prices", follow_prices(price_mirror, prices, clock))
    service.keep("price demand", demand.run())
    service.keep("status", status.run())
    service.keep("settlement", settle())
    service.keep("history upkeep", upkeep.run())

    await service.stopped()
    readiness.stopping()


def _note(problems: Problems, cause: str, sentence: str) -> None:
    if sentence:
        problems.say(cause, sentence)
    else:
        problems.over(cause)


class _Later:
    """Calls what is told to it once it is made: what changes is made before what shows it."""

    def __init__(self) -> None:
        self.call: Callable[[], None] = lambda: None

    def __call__(self) -> None:
        self.call()


async def _open_store(config: AggregatorConfig, service: Service) -> "SqliteStore | PostgresStore":
    store: SqliteStore | PostgresStore
    try:
        if config.database_dsn:
            store = await _open_database(config)
        else:
            store = open_store(Path(config.ledger_file), cluster_id=config.cluster_id)
    except StoreError as error:
        raise CannotStartError(str(error)) from error
    service.stack.callback(store.close)
    return store


async def _open_database(config: AggregatorConfig) -> "PostgresStore":
    try:
        from kube_cost_aggregator.history.postgres import open_postgres  # noqa: PLC0415 - its driver is an extra
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise CannotStartError(
            "KUBE_COST_DATABASE_DSN needs asyncpg, which isn't here: pip install 'kube-cost-aggregator[postgres]'"
        ) from error
    return await open_postgres(config.database_dsn, config.cluster_id)


async def _declare(bus: Bus, service: Service, *, replicas: int) -> None:
    """Make the streams and buckets, as soon as the bus allows it."""
    told = False
    while True:
        await bus.wait_connected()
        try:
            await declare(bus, streams=STREAMS, buckets=BUCKETS, replicas=replicas)
        except BusError as error:
            if not told:
                service.log.warning("streams can't be made", error=str(error))
            told = True
            await service.clock.sleep(DECLARE_RETRY_SECONDS)
        else:
            return


def _default_prices(config: AggregatorConfig) -> DefaultPrices | None:
    defaults = DefaultPrices(
        usd_per_vcpu_hour=config.default_usd_per_vcpu_hour,
        usd_per_gib_hour=config.default_usd_per_gib_hour,
        usd_per_gpu_hour=config.default_usd_per_gpu_hour,
    )
    return defaults if any((defaults.usd_per_vcpu_hour, defaults.usd_per_gib_hour, defaults.usd_per_gpu_hour)) else None


def _payer(config: AggregatorConfig, inventory: Inventory) -> Payer:
    place = inventory.place()
    return Payer(
        account_id=config.billing_account_id or config.cluster_id,
        provider=place.provider or config.cloud_provider,
        provider_name=config.billing_provider,
        region=place.region,
        invoice_issuer=config.billing_invoice_issuer,
        cluster=config.cluster,
    )


def _patience(config: AggregatorConfig) -> Patience:
    return Patience(
        usage_seconds=config.usage_wait_seconds,
        price_seconds=config.price_wait_seconds,
        ended_node_seconds=config.ended_node_wait_seconds,
    )


def main() -> None:
    """Run the aggregator as the environment says."""
    sys.exit(run("aggregator", AggregatorConfig, compose))


if __name__ == "__main__":
    main()
