"""Workloads and what they own: Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs, CronJobs."""

from collections.abc import Mapping
from typing import Any

from kube_cost_simulator.names import rfc3339
from kube_cost_simulator.objects.pods import pod_spec
from kube_cost_simulator.resources import Resource
from kube_cost_simulator.scenario import WorkloadFact
from kube_cost_simulator.store import StoredObject

Json = dict[str, Any]


def owner_reference(owner: StoredObject) -> Json:
    """The ownerReferences entry that makes `owner` the controller."""
    return {
        "apiVersion": owner.resource.api_version,
        "kind": owner.resource.kind,
        "name": owner.content["metadata"]["name"],
        "uid": owner.content["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def new_object(
    resource: Resource,
    *,
    name: str,
    namespace: str,
    uid: str,
    created_ns: int,
    labels: Mapping[str, str],
    owner: Json | None = None,
) -> Json:
    """The head of a new object."""
    metadata: Json = {
        "name": name,
        "namespace": namespace,
        "uid": uid,
        "generation": 1,
        "creationTimestamp": rfc3339(created_ns),
        "labels": dict(labels),
    }
    if owner:
        metadata["ownerReferences"] = [owner]
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}


def pod_template(fact: WorkloadFact, labels: Mapping[str, str], restart_policy: str = "Always") -> Json:
    """The `template` of a workload's spec."""
    spec = pod_spec(fact.template, token_suffix="", restart_policy=restart_policy, claims={})
    # What admission adds to a pod isn't in the template.
    spec["volumes"] = spec["volumes"][:-1]
    for container in (*spec["containers"], *spec.get("initContainers", [])):
        container["volumeMounts"] = container["volumeMounts"][:-1]
    return {"metadata": {"labels": {**fact.template.labels, **labels}}, "spec": spec}


def replicas_spec(fact: WorkloadFact, labels: Mapping[str, str], replicas: int) -> Json:
    """`spec` of a Deployment, ReplicaSet or StatefulSet."""
    return {"replicas": replicas, "selector": {"matchLabels": dict(labels)}, "template": pod_template(fact, labels)}


def stateful_set_spec(fact: WorkloadFact, labels: Mapping[str, str], replicas: int) -> Json:
    """`spec` of a StatefulSet; its claims are written beside it."""
    return {
        **replicas_spec(fact, labels, replicas),
        "serviceName": fact.name,
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "revisionHistoryLimit": 10,
    }


def daemon_set_spec(fact: WorkloadFact, labels: Mapping[str, str]) -> Json:
    """`spec` of a DaemonSet."""
    return {
        "selector": {"matchLabels": dict(labels)},
        "template": pod_template(fact, labels),
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
        "revisionHistoryLimit": 10,
    }


def job_spec(fact: WorkloadFact, labels: Mapping[str, str], backoff_limit: int) -> Json:
    """`spec` of a Job."""
    return {
        "parallelism": 1,
        "completions": 1,
        "backoffLimit": backoff_limit,
        "selector": {"matchLabels": dict(labels)},
        "template": pod_template(fact, labels, "Never"),
        "completionMode": "NonIndexed",
        "suspend": False,
        "podReplacementPolicy": "TerminatingOrFailed",
    }


def cron_job_spec(fact: WorkloadFact, backoff_limit: int) -> Json:
    """`spec` of a CronJob. The schedule is the nearest that cron can say."""
    minutes = max(1, fact.every_seconds // 60)
    return {
        "schedule": f"*/{minutes} * * * *",
        "concurrencyPolicy": "Allow",
        "suspend": False,
        "jobTemplate": {
            "metadata": {},
            "spec": {"backoffLimit": backoff_limit, "template": pod_template(fact, {}, "Never")},
        },
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
    }


def replicas_status(*, desired: int, created: int, ready: int, generation: int) -> Json:
    """`status` of a Deployment, ReplicaSet or StatefulSet: counts of 0 are left out where Kubernetes does."""
    status: Json = {"observedGeneration": generation, "replicas": created}
    if created:
        status["updatedReplicas"] = created
    if ready:
        status |= {"readyReplicas": ready, "availableReplicas": ready}
    if desired > ready:
        status["unavailableReplicas"] = desired - ready
    return status
