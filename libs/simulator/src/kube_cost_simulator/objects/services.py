"""Services."""

import hashlib
from typing import Any

from kube_cost_simulator.billed import ServiceFact
from kube_cost_simulator.names import rfc3339

Json = dict[str, Any]


def service_object(fact: ServiceFact, *, uid: str, created_ns: int) -> Json:
    """A Service that has no address from a load balancer yet."""
    digest = hashlib.blake2b(f"{fact.namespace}/{fact.name}".encode(), digest_size=2).digest()
    address = f"10.96.{digest[0]}.{digest[1]}"
    port: Json = {"name": "http", "protocol": "TCP", "port": fact.port, "targetPort": 8080}
    spec: Json = {
        "ports": [port],
        "selector": dict(fact.selector),
        "clusterIP": address,
        "clusterIPs": [address],
        "type": fact.type,
        "sessionAffinity": "None",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
    }
    if fact.type == "LoadBalancer":
        port["nodePort"] = 30000 + fact.port % 2768
        spec |= {"allocateLoadBalancerNodePorts": True, "externalTrafficPolicy": "Cluster"}
    if fact.load_balancer_class is not None:
        spec["loadBalancerClass"] = fact.load_balancer_class
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": fact.name,
            "namespace": fact.namespace,
            "uid": uid,
            "creationTimestamp": rfc3339(created_ns),
        },
        "spec": spec,
        "status": {"loadBalancer": {}},
    }


def with_address(service: Json, fact: ServiceFact) -> Json:
    """A Service once its load balancer is there: AWS gives a name, Google and Azure an address."""
    ingress = {"hostname": fact.hostname} if fact.hostname is not None else {"ip": fact.ip, "ipMode": "VIP"}
    return {**service, "status": {"loadBalancer": {"ingress": [ingress]}}}
