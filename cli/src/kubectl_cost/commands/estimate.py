"""`kubectl cost estimate`."""

import click

from kubectl_cost.estimate.costs import estimate
from kubectl_cost.estimate.documents import objects
from kubectl_cost.estimate.objects import Assumptions, needs_of
from kubectl_cost.estimate.shipped_prices import shipped_prices
from kubectl_cost.formats.chosen import FORMATS
from kubectl_cost.options import OUTPUTS


@click.command(name="estimate")
@click.option("-f", "--filename", "sources", multiple=True, required=True, help="A file, a directory, or - for input.")
@click.option("--provider", type=click.Choice(("aws", "azure", "gcp")), default="aws", show_default=True, help="Cloud.")
@click.option("--region", default="us-east-1", show_default=True, help="Where the pods will run.")
@click.option("--instance-type", default="m5.large", show_default=True, help="What they will run on.")
@click.option("--volume-type", default="gp3", show_default=True, help="What claims will be.")
@click.option("--nodes", type=click.IntRange(min=0), default=1, show_default=True, help="Nodes of a DaemonSet.")
@click.option(
    "--job-hours", type=click.FloatRange(min=0), default=1.0, show_default=True, help="How long a Job's pod runs."
)
@click.option("-o", "--output", type=click.Choice(OUTPUTS), default="table", show_default=True, help="Format.")
def command(
    *,
    sources: tuple[str, ...],
    provider: str,
    region: str,
    instance_type: str,
    volume_type: str,
    nodes: int,
    job_hours: float,
    output: str,
) -> None:
    """Estimate what manifests will cost a month by what they request, at list prices that are shipped: no server.

    It knows Pods, Deployments, ReplicaSets, StatefulSets with their claims, DaemonSets, Jobs and claims. Each object
    is counted, those too that it can't estimate.
    """
    assumed = Assumptions(nodes=nodes, job_hours=job_hours)
    needs = [needs_of(manifest, assumed) for manifest in objects(sources)]
    prices = shipped_prices(provider=provider, region=region, instance_type=instance_type, volume_type=volume_type)
    click.echo(FORMATS[output](estimate(needs, prices)), nl=False)
