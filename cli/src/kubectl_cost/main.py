"""`kubectl cost`: the command's door. Each command is a file of its own, imported when it is called."""

import click

from kubectl_cost.lazy import Group

COMMANDS = {
    "namespace": "What namespaces have cost (ns)",
    "pod": "What pods have cost",
    "deployment": "What Deployments have cost (deploy)",
    "controller": "What workloads of any kind have cost",
    "node": "What nodes have cost, and how much of that is idle",
    "label": "What pods with a label have cost, by its values",
    "pv": "What persistent volumes cost, and who mounts them",
    "savings": "What spot saves, and more of it would",
    "budget": "What was allowed, spent, and is to be expected",
    "forecast": "What the month will have cost",
    "prices": "Where prices are from, and which are missing",
    "export": "Costs as FOCUS, OpenMetrics or CSV, in files",
    "estimate": "What manifests will cost a month, without a server",
    "version": "The version of this command",
}
"""Modules of `kubectl_cost.commands`, and what help says of them."""

ALIASES = {
    "ns": "namespace",
    "namespaces": "namespace",
    "pods": "pod",
    "po": "pod",
    "deploy": "deployment",
    "deployments": "deployment",
    "controllers": "controller",
    "nodes": "node",
    "no": "node",
    "labels": "label",
    "pvs": "pv",
    "budgets": "budget",
    "price": "prices",
}
"""kubectl's own short names and plurals."""

EPILOG = """\b
kubectl cost namespace production --window 24h
kubectl cost pod -n shop -l team=payments --sort-by cost --limit 10
kubectl cost node -o csv >nodes.csv

Exit codes: 0 fine, 1 can't be answered now, 2 bad input."""


@click.group(
    cls=Group,
    package="kubectl_cost.commands",
    lines=COMMANDS,
    aliases=ALIASES,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
def main() -> None:
    """Show what the cluster costs."""


if __name__ == "__main__":
    main()
