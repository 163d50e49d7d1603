"""Pods: what the API server shows of them at each step of their life."""

from collections.abc import Mapping
from typing import Any

from kube_cost_simulator.names import rfc3339
from kube_cost_simulator.objects.quantities import amounts
from kube_cost_simulator.reservation import ContainerRequests, PodRequests
from kube_cost_simulator.scenario import ContainerFact, Resources, TemplateFact

Json = dict[str, Any]

GRACE_SECONDS = 30


def quality_of_service(template: TemplateFact) -> str:
    """The QoS class: Guaranteed, Burstable or BestEffort."""
    nothing = Resources()
    if template.pod_requests in {None, nothing} and all(
        container.requests == nothing and container.limits in {None, nothing} for container in template.containers
    ):
        return "BestEffort"
    guaranteed = template.pod_requests is None and all(
        container.limits is not None
        and container.limits == container.requests
        and container.limits.cpu_millicores
        and container.limits.memory_bytes
        for container in template.containers
    )
    return "Guaranteed" if guaranteed else "Burstable"


def requests_of(template: TemplateFact, from_ns: int) -> PodRequests:
    """The requests that a new pod of a template has, `from_ns` its creation."""
    return PodRequests(
        from_ns=from_ns,
        containers=tuple(
            ContainerRequests(
                container.name, container.requests, init=container.init or container.sidecar, sidecar=container.sidecar
            )
            for container in template.containers
        ),
        pod_level=template.pod_requests,
        overhead=template.overhead,
    )


def container_resources(requests: Resources, limits: Resources | None) -> Json:
    """`resources` of a container; empty for one that asks for nothing."""
    resources: Json = {}
    if limits is not None:
        resources["limits"] = amounts(limits)
    if requests != Resources():
        resources["requests"] = amounts(requests)
    return resources


def container_spec(container: ContainerFact, token_volume: str, template: TemplateFact) -> Json:
    """A container of `spec`."""
    spec: Json = {
        "name": container.name,
        "image": container.image,
        "resources": container_resources(container.requests, container.limits),
        "volumeMounts": [
            *({"name": mount.claim, "mountPath": mount.path} for mount in template.mounts if not container.init),
            *({"name": secret, "readOnly": True, "mountPath": f"/etc/{secret}"} for secret in template.secrets),
            {"name": token_volume, "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"},
        ],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }
    if container.sidecar:
        spec["restartPolicy"] = "Always"
    if container.command:
        spec["command"] = list(container.command)
    if container.environment:
        spec["env"] = [{"name": name, "value": value} for name, value in container.environment.items()]
    return spec


def pod_spec(template: TemplateFact, *, token_suffix: str, restart_policy: str, claims: Mapping[str, str]) -> Json:
    """`spec` of a pod that isn't bound yet; `claims` maps a mount's name to the claim behind it."""
    token_volume = f"kube-api-access-{token_suffix}"
    volumes: list[Json] = [
        {"name": mount.claim, "persistentVolumeClaim": {"claimName": claims.get(mount.claim, mount.claim)}}
        for mount in template.mounts
    ]
    volumes += [{"name": secret, "secret": {"secretName": secret, "defaultMode": 420}} for secret in template.secrets]
    volumes.append({"name": token_volume, "projected": {"sources": token_sources(), "defaultMode": 420}})
    spec: Json = {
        "volumes": volumes,
        "containers": [
            container_spec(container, token_volume, template)
            for container in template.containers
            if not (container.init or container.sidecar)
        ],
        "restartPolicy": restart_policy,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": template.service_account,
        "serviceAccount": template.service_account,
        "securityContext": {},
        "schedulerName": "default-scheduler" if template.fargate_profile is None else "fargate-scheduler",
        "tolerations": [
            {
                "key": f"node.kubernetes.io/{taint}",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            }
            for taint in ("not-ready", "unreachable")
        ]
        + [{"key": key, "operator": "Exists"} for key in template.tolerates],
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }
    starters = [c for c in template.containers if c.init or c.sidecar]
    if starters:
        spec["initContainers"] = [container_spec(container, token_volume, template) for container in starters]
    if template.host_network:
        spec["hostNetwork"] = True
    if template.node_selector:
        spec["nodeSelector"] = dict(template.node_selector)
    if template.pod_requests is not None:
        spec["resources"] = {"requests": amounts(template.pod_requests)}
    if template.overhead != Resources():
        spec["overhead"] = amounts(template.overhead)
    return spec


def token_sources() -> list[Json]:
    """The projected service account token that admission adds to every pod."""
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    return [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]


def condition(kind: str, at_ns: int, *, true: bool = True, reason: str = "", message: str = "") -> Json:
    """A pod's condition that changed at `at_ns`."""
    written: Json = {
        "type": kind,
        "observedGeneration": 1,
        "status": "True" if true else "False",
        "lastProbeTime": None,
        "lastTransitionTime": rfc3339(at_ns),
    }
    if reason:
        written["reason"] = reason
    if message:
        written["message"] = message
    return written


def changed_conditions(old: list[Json], new: list[Json]) -> list[Json]:
    """`new` conditions over `old` ones; one whose status stays keeps its time of transition."""
    by_type = {each["type"]: each for each in old}
    for each in new:
        before = by_type.get(each["type"])
        if before is not None and before["status"] == each["status"]:
            each["lastTransitionTime"] = before["lastTransitionTime"]
        by_type[each["type"]] = each
    return list(by_type.values())


def container_status(
    container: ContainerFact,
    *,
    container_id: str,
    state: Json,
    ready: bool,
    requests: Resources | None,
    restarts: int,
    last_state: Json,
) -> Json:
    """A container's entry of `status`; `requests` are those in effect, None while it doesn't run."""
    status: Json = {
        "name": container.name,
        "state": state,
        "lastState": last_state,
        "ready": ready,
        "restartCount": restarts,
        "image": container.image,
        "imageID": f"{container.image.rsplit(':', 1)[0]}@sha256:{container_id}",
        "containerID": f"containerd://{container_id}",
        "started": ready,
    }
    if requests is not None:
        if requests != Resources():
            status["allocatedResources"] = amounts(requests)
        status["resources"] = container_resources(requests, container.limits)
        status["user"] = {"linux": {"uid": 0, "gid": 0, "supplementalGroups": [0]}}
    return status


def terminated(*, container_id: str, started_ns: int, finished_ns: int, exit_code: int) -> Json:
    """The state of a container that has ended."""
    return {
        "terminated": {
            "exitCode": exit_code,
            "reason": "Completed" if exit_code == 0 else "Error",
            "startedAt": rfc3339(started_ns),
            "finishedAt": rfc3339(finished_ns),
            "containerID": f"containerd://{container_id}",
        }
    }
