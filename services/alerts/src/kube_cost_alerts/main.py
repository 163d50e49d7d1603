"""The alert service: reads the cost snapshots, and tells people about budgets in Slack."""

import asyncio
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from kube_cost_alerts.commands import evaluate, test
from kube_cost_alerts.config import AlertsConfig
from kube_cost_alerts.intake import SnapshotIntake
from kube_cost_alerts.links import Links
from kube_cost_alerts.memory import BusAlertBucket, Memory
from kube_cost_alerts.outbox import Outbox
from kube_cost_alerts.routing import Routing, Telling
from kube_cost_alerts.routing_file import RoutingFile
from kube_cost_alerts.slack.http import slack_session
from kube_cost_alerts.slack.posters import new_poster
from kube_cost_alerts.wording import worded
from kube_cost_common.messages.alerts import AlertCursor
from kube_cost_common.messages.names import cost_subject, escape
from kube_cost_common.messages.streams import ALERTS, COST, COST_ACK_WAIT_SECONDS
from kube_cost_common.runtime.bus import Bus
from kube_cost_common.runtime.declarations import wait_for
from kube_cost_common.runtime.deliveries import unix_ns
from kube_cost_common.runtime.health import Counters, Problems, Readiness
from kube_cost_common.runtime.http import health_routes, serving
from kube_cost_common.runtime.lifecycle import CannotStartError, Service, run
from kube_cost_common.runtime.pull import PullReader
from kube_cost_common.runtime.status import StatusReporter, new_instance

WRONG = 2

_CONDITIONS = {
    "bus": "the bus hasn't been reached yet",
    "memory": "what people have been told hasn't been read from the bus yet",
}


async def compose(config: AlertsConfig, service: Service) -> None:
    """Build the service and run it until it is told to stop."""
    clock, log = service.clock, service.log
    counters, problems = Counters(), Problems()
    readiness = Readiness(_CONDITIONS)
    port = await service.stack.enter_async_context(
        serving(host=config.listen_host, port=config.listen_port, routes=health_routes(readiness, problems))
    )
    log.info("listening", port=port)
    try:
        links = Links(dashboard=config.dashboard_url, optimize=config.optimize_url)
    except ValueError as error:
        raise CannotStartError(f"KUBE_COST_DASHBOARD_URL, KUBE_COST_OPTIMIZE_URL: {error}") from error

    bus = Bus(config=config.bus("alerts"), clock=clock, log=log)
    service.stack.push_async_callback(bus.close)
    instance = new_instance("alerts")
    status = StatusReporter(
        component="alerts",
        instance=instance,
        software_version=version("kube-cost-alerts"),
        readiness=readiness,
        problems=problems,
        counters=counters,
        clock=clock,
        log=log,
        publish=bus.publish,
        wait_connected=bus.wait_connected,
    )

    service.keep("bus", bus.run())
    service.keep("status", status.run())
    service.keep("readiness", _reached(bus, readiness))
    secrets = config.secrets
    if not secrets.any:
        log.info("no webhook and no token of Slack is configured; nobody is told anything")
        readiness.met("memory")
        await service.stopped()
        readiness.stopping()
        return

    routing = await _routing(config, service, counters, problems)
    session = await service.stack.enter_async_context(slack_session())
    memory = Memory(
        cluster=config.cluster_id, owner=instance, bucket=BusAlertBucket(bus=bus, clock=clock, log=log), log=log
    )
    outbox = Outbox(
        poster=new_poster(session=session, secrets=secrets, api_url=config.slack_api_url, clock=clock),
        memory=memory,
        words=lambda intent, now_ns: worded(intent, cluster=config.cluster_id, links=links, now_ns=now_ns),
        clock=clock,
        log=log,
        counters=counters,
        problems=problems,
    )
    intake = SnapshotIntake(
        cluster=config.cluster_id,
        owner=instance,
        reader=PullReader(
            bus=bus,
            stream=COST.name,
            consumer=f"alerts-{escape(config.cluster_id)}",
            filter_subject=cost_subject(config.cluster_id),
            clock=clock,
            log=log,
            ack_wait_seconds=COST_ACK_WAIT_SECONDS,
        ),
        newest=lambda: _newest(bus, config.cluster_id),
        memory=memory,
        outbox=outbox,
        routing=routing,
        on_loaded=lambda: readiness.met("memory"),
        clock=clock,
        log=log,
        counters=counters,
    )
    service.keep("outbox", outbox.run())
    service.keep("snapshots", _follow(intake, bus, service))

    await service.stopped()
    readiness.stopping()


async def _routing(
    config: AlertsConfig, service: Service, counters: Counters, problems: Problems
) -> Callable[[], Routing]:
    if not config.alert_routing_file:
        default = Routing(default=Telling(channel=config.slack_channel))
        return lambda: default
    file = RoutingFile(
        path=Path(config.alert_routing_file),
        channel=config.slack_channel,
        clock=service.clock,
        log=service.log,
        counters=counters,
        problems=problems,
    )
    await file.start()
    service.keep("routing", file.run())
    return lambda: file.now


async def _follow(intake: SnapshotIntake, bus: Bus, service: Service) -> NoReturn:
    await wait_for(bus, clock=service.clock, log=service.log, streams=[COST], buckets=[ALERTS])
    await intake.run()


async def _newest(bus: Bus, cluster: str) -> AlertCursor:
    """Return a cursor behind all that the stream of snapshots has now; raise BusError."""
    info = await bus.api(f"STREAM.INFO.{COST.name}")
    return AlertCursor(
        cluster=cluster,
        stream_created_ns=unix_ns(info["created"]),
        sequence=info["state"]["last_seq"],
        stored_at_ns=unix_ns(info["state"]["last_ts"]) if info["state"]["last_seq"] else 0,
    )


async def _reached(bus: Bus, readiness: Readiness) -> NoReturn:
    await bus.wait_connected()
    readiness.met("bus")
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


def main() -> int:
    """Run the service, or one of the commands; return the process's exit code."""
    match sys.argv[1:]:
        case ["test", *arguments]:
            return test.main(arguments)
        case ["evaluate", *arguments]:
            return evaluate.main(arguments)
        case [unknown, *_]:
            print(f"kube-cost-alerts: unknown command {unknown!r}; there are test, evaluate", file=sys.stderr)  # noqa: T201 - said to a person
            return WRONG
    return run("alerts", AlertsConfig, compose)


if __name__ == "__main__":
    sys.exit(main())
