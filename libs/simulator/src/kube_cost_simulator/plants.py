"""Strings planted where nobody may look: in what a pod's spec says beside what it asks for."""

from dataclasses import replace

from kube_cost_simulator.building import asked, container, swinging, template, using
from kube_cost_simulator.scenario import WorkloadFact

PLANTED_POD_NAME = "planted-pod-name-4f1d"
PLANTED_ENVIRONMENT = "planted-env-value-9b27"
PLANTED_COMMAND = "planted-command-argument-63ae"
PLANTED_ANNOTATION = "planted-annotation-value-e05c"
PLANTED_SECRET = "planted-secret-name-1c88"  # noqa: S105 - no secret, a name to look for

ALL_PLANTED = (PLANTED_POD_NAME, PLANTED_ENVIRONMENT, PLANTED_COMMAND, PLANTED_ANNOTATION, PLANTED_SECRET)
NEVER_SHOWN = ALL_PLANTED[1:]
"""Those that may appear nowhere; a pod's name may where names are plain."""


def planted_workload(namespace: str) -> WorkloadFact:
    """A bare pod that carries all of them."""
    main = container(
        "keeper",
        "registry.example.com/vault/keeper:1.2.0",
        asked(50, 64),
        command=("/bin/keeper", f"--passphrase={PLANTED_COMMAND}"),
        environment={"DATABASE_PASSWORD": PLANTED_ENVIRONMENT},
    )
    planted = replace(
        template("keeper", swinging(using(20, 40), using(60, 60)), main),
        annotations={"vault.example.com/unseal": PLANTED_ANNOTATION},
        secrets=(PLANTED_SECRET,),
    )
    return WorkloadFact("Pod", namespace, PLANTED_POD_NAME, planted)
