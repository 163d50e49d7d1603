"""What the alert service can be told."""

from kube_cost_common.runtime.mesh import MeshConfig


class AlertsConfig(MeshConfig, frozen=True, kw_only=True):
    """Settings from the environment: `KUBE_COST_` and the field's name in capitals."""
