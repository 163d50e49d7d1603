"""The agent's composition root."""

import asyncio
import resource
import sys
from importlib.metadata import version
from pathlib import Path

import aiohttp

from kube_cost_agent.agent import Agent, phase_seconds, read_boot_id, seconds_to_phase
from kube_cost_agent.cgroups import CgroupReader
from kube_cost_agent.config import AgentConfig
from kube_cost_agent.dcgm import Dcgm
from kube_cost_agent.gpu_rounds import GpuRounds
from kube_cost_agent.kubelet import Kubelet, KubeletAddress
from kube_cost_agent.machine import read_machine
from kube_cost_agent.publisher import Publisher
from kube_cost_agent.session import CurrentSession
from kube_cost_common.runtime.bus import Bus
from kube_cost_common.runtime.health import Counters, Problems, Readiness
from kube_cost_common.runtime.http import health_routes, serving
from kube_cost_common.runtime.lifecycle import Service, run
from kube_cost_common.runtime.periodic import every
from kube_cost_common.runtime.status import StatusReporter, new_instance

OPEN_FILES_WANTED = 4096
"""Five files for each of 800 pods; the kubelet's default is 110 pods, the documented most 250."""

OPEN_FILES_RESERVED = 128
"""For sockets, libraries and the runtime."""

LAST_SAMPLE_SECONDS = 3.0
"""For the last sample at the end, of the 10 s that a stop may take."""


async def compose(config: AgentConfig, service: Service) -> None:
    """Build the agent and run it until it is told to stop."""
    clock, log = service.clock, service.log
    counters, problems = Counters(), Problems()
    readiness = Readiness(
        {"cgroups": "the cgroups haven't been read yet", "sample": "no sample has been stored by the bus yet"}
    )

    await service.stack.enter_async_context(
        serving(host=config.listen_host, port=config.listen_port, routes=health_routes(readiness, problems))
    )

    bus = Bus(config=config.bus("agent"), clock=clock, log=log)
    service.stack.push_async_callback(bus.close)
    http = await service.stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
    cgroups = CgroupReader(
        root=Path(config.cgroup_root), sysfs_root=Path(config.sysfs_root), max_open_files=_raise_open_files()
    )
    service.stack.callback(cgroups.close)

    session = CurrentSession(
        clock=clock,
        cluster=config.cluster_id,
        node=config.node_name,
        boot_id=read_boot_id(Path(config.boot_id_file)),
        machine=read_machine(),
    )
    publisher = Publisher(
        bus=bus,
        clock=clock,
        now_ns=session.now_ns,
        counters=counters,
        problems=problems,
        log=log,
        on_stored=lambda: readiness.met("sample"),
    )
    agent = Agent(
        cgroups=cgroups,
        kubelet=Kubelet(address=_kubelet_address(config), session=http),
        publisher=publisher,
        session=session,
        boot_id_file=Path(config.boot_id_file),
        readiness=readiness,
        counters=counters,
        problems=problems,
        log=log,
    )
    status = StatusReporter(
        component="agent",
        instance=new_instance(config.node_name),
        software_version=version("kube-cost-agent"),
        readiness=readiness,
        problems=problems,
        counters=counters,
        clock=clock,
        log=log,
        publish=bus.publish,
        wait_connected=bus.wait_connected,
        node=config.node_name,
    )
    phase = phase_seconds(config.node_name, config.interval_seconds)

    service.keep("bus", bus.run())
    service.keep("publisher", publisher.run())
    service.keep(
        "cgroup reads",
        every(
            config.read_interval_seconds,
            agent.read,
            name="cgroup reads",
            clock=clock,
            log=log,
            on_error=agent.cgroups_failed,
        ),
    )
    service.keep(
        "samples",
        every(
            config.interval_seconds,
            agent.sample,
            name="samples",
            clock=clock,
            log=log,
            on_error=agent.cgroups_failed,
            jitter=0.0,
            first_delay_seconds=seconds_to_phase(clock.now_ns(), phase=phase, interval_seconds=config.interval_seconds),
        ),
    )
    service.keep("status", status.run())
    if config.dcgm_url:
        gpus = GpuRounds(
            dcgm=Dcgm(url=config.dcgm_url, timeout_seconds=config.kubelet_timeout_seconds, session=http),
            session=session,
            counters=counters,
            problems=problems,
            log=log,
        )
        service.keep(
            "gpu reads",
            every(
                config.dcgm_interval_seconds, gpus.read, name="gpu reads", clock=clock, log=log, on_error=gpus.failed
            ),
        )

    log.info("agent started", node=config.node_name, cluster=config.cluster_id, cgroup_root=config.cgroup_root)
    await service.stopped()
    readiness.stopping()
    await _send_last(agent, publisher, service)


async def _send_last(agent: Agent, publisher: Publisher, service: Service) -> None:
    """Send what was used since the last sample: the memory integral ends with this process."""
    try:
        async with asyncio.timeout(LAST_SAMPLE_SECONDS):
            await agent.sample_cgroups()
            await publisher.flush()
    except Exception as error:  # noqa: BLE001 - whatever it is, the service is ending
        service.log.warning("the last sample isn't stored", error=repr(error), waiting=publisher.waiting)


def _kubelet_address(config: AgentConfig) -> KubeletAddress:
    return KubeletAddress(
        url=config.kubelet_url,
        token_file=config.kubelet_token_file,
        ca_file=config.kubelet_ca_file,
        server_name=config.kubelet_server_name,
        insecure=config.kubelet_insecure,
        timeout_seconds=config.kubelet_timeout_seconds,
    )


def _raise_open_files() -> int:
    """Raise this process's limit of open files as far as it may, and return how many of them cgroups may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES_WANTED if hard == resource.RLIM_INFINITY else min(OPEN_FILES_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(0, wanted - OPEN_FILES_RESERVED)


def main() -> None:
    """Run the agent as the environment says."""
    sys.exit(run("agent", AgentConfig, compose))


if __name__ == "__main__":
    main()
