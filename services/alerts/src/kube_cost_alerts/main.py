"""The alert service's composition root: it connects, and says how it is. What it tells people comes with budgets."""

import asyncio
import sys
from importlib.metadata import version
from typing import NoReturn

from kube_cost_alerts.config import AlertsConfig
from kube_cost_common.runtime.bus import Bus
from kube_cost_common.runtime.health import Counters, Problems, Readiness
from kube_cost_common.runtime.http import health_routes, serving
from kube_cost_common.runtime.lifecycle import Service, run
from kube_cost_common.runtime.status import StatusReporter, new_instance


async def compose(config: AlertsConfig, service: Service) -> None:
    """Build the service and run it until it is told to stop."""
    clock, log = service.clock, service.log
    counters, problems = Counters(), Problems()
    readiness = Readiness({"bus": "the bus hasn't been reached yet"})
    await service.stack.enter_async_context(
        serving(host=config.listen_host, port=config.listen_port, routes=health_routes(readiness, problems))
    )
    bus = Bus(config=config.bus("alerts"), clock=clock, log=log)
    service.stack.push_async_callback(bus.close)
    status = StatusReporter(
        component="alerts",
        instance=new_instance("alerts"),
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
    service.keep("readiness", _become_ready(bus, readiness))

    await service.stopped()
    readiness.stopping()


async def _become_ready(bus: Bus, readiness: Readiness) -> NoReturn:
    await bus.wait_connected()
    readiness.met("bus")
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


def main() -> None:
    """Run the alert service as the environment says."""
    sys.exit(run("alerts", AlertsConfig, compose))


if __name__ == "__main__":
    main()
