"""The families that say how the exporter itself is: what it has heard, counted, and not managed."""

from kube_cost_aggregator.outputs.family import BYTES, NONE, SECONDS, UNIX_SECONDS, Family
from kube_cost_common.messages.prices import UNITS

COMPONENTS = ("agent", "pricing", "aggregator", "alerts")
PROVIDERS = ("aws", "gcp", "azure", "custom")
ENDPOINTS = (
    "instance_price",
    "spot_price",
    "storage_price",
    "network_price",
    "load_balancer_price",
    "control_plane_price",
    "price_sheet",
)

PRICE_KINDS = tuple(sorted(UNITS))

_PRICING = frozenset({"pricing"})
_OTHERS = frozenset({"agent", "pricing", "alerts"})
_REPORTED = "Counted since the ledger began; at most a status report (15 s) and a commit behind."
_REPORT = "As of pricing's last status report, at most 15 s old; no series once pricing is silent for 45 s."
_PROCESS = "Counted since this process began, at most 5 s behind."
_FRESH = "At most 5 s old."

HEALTH_FAMILIES = (
    Family(
        name="kube_cost_exporter_up",
        type="gauge",
        unit=NONE,
        labels=("component",),
        values={"component": COMPONENTS},
        help="1 while a process of the component has been heard within three status intervals (45 s), of the agents "
        f"any; 0 otherwise. {_FRESH}",
    ),
    Family(
        name="kube_cost_errors_total",
        type="counter",
        unit=NONE,
        labels=("component", "error_type"),
        values={
            "component": COMPONENTS,
            "error_type": (
                "pricing_fetch",
                "sample_decode",
                "status_decode",
                "history_write",
                "kubernetes_watch",
                "exposition",
                "bus",
                "slack",
                "config",
            ),
        },
        sent_by=_OTHERS,
        help="Errors by who met them and what kind they are. The aggregator's own count from its start, those of "
        "others from when the ledger began; at most 15 s and a commit behind.",
    ),
    Family(
        name="kube_cost_pricing_api_calls_total",
        type="counter",
        unit=NONE,
        labels=("provider", "endpoint"),
        values={"provider": PROVIDERS, "endpoint": ENDPOINTS},
        sent_by=_PRICING,
        help=f"Calls to a cloud's price API, retries included, cache hits not. {_REPORTED}",
    ),
    Family(
        name="kube_cost_pricing_api_failures_total",
        type="counter",
        unit=NONE,
        labels=("provider", "endpoint", "reason"),
        values={
            "provider": PROVIDERS,
            "endpoint": ENDPOINTS,
            "reason": ("throttled", "server", "timeout", "connection", "denied", "invalid", "answer"),
        },
        sent_by=_PRICING,
        help=f"Calls to a cloud's price API that failed, by why. {_REPORTED}",
    ),
    Family(
        name="kube_cost_price_cache_requests_total",
        type="counter",
        unit=NONE,
        labels=("provider", "result"),
        values={"provider": PROVIDERS, "result": ("hit", "stale", "miss")},
        sent_by=_PRICING,
        help=f"Times a price was looked up in pricing's cache: fresh there, there but old, not there. {_REPORTED}",
    ),
    Family(
        name="kube_cost_prices_refused_total",
        type="counter",
        unit=NONE,
        labels=("provider", "reason"),
        values={
            "provider": PROVIDERS,
            "reason": ("not_finite", "not_positive", "currency", "implausible", "ambiguous"),
        },
        sent_by=_PRICING,
        help=f"Prices that were not believed; the last good one stayed. {_REPORTED}",
    ),
    Family(
        name="kube_cost_provider_up",
        type="gauge",
        unit=NONE,
        labels=("provider",),
        values={"provider": PROVIDERS},
        sent_by=_PRICING,
        help=f"1 while the provider's last answer was a good one, 0 while it was not. {_REPORT}",
    ),
    Family(
        name="kube_cost_circuit_breaker_state",
        type="gauge",
        unit=NONE,
        labels=("provider", "endpoint", "state"),
        values={"provider": PROVIDERS, "endpoint": ENDPOINTS, "state": ("closed", "open", "half_open")},
        sent_by=_PRICING,
        help="1 for the state that the endpoint's circuit breaker is in: closed, or open after failures in a row, when "
        f"it isn't asked, or half open, when one call finds out. {_REPORT}",
    ),
    Family(
        name="kube_cost_price_last_success_timestamp_seconds",
        type="gauge",
        unit=UNIX_SECONDS,
        labels=("provider",),
        values={"provider": PROVIDERS},
        sent_by=_PRICING,
        help=f"When the provider last gave a good answer, in Unix seconds. {_REPORT}",
    ),
    Family(
        name="kube_cost_price_age_seconds",
        type="gauge",
        unit=SECONDS,
        labels=("provider", "kind"),
        values={"provider": PROVIDERS, "kind": PRICE_KINDS},
        sent_by=_PRICING,
        help=f"Age of the oldest price in use. {_REPORT}",
    ),
    Family(
        name="kube_cost_unpriced_nodes",
        type="gauge",
        unit=NONE,
        labels=("reason",),
        values={
            "reason": (
                "waiting",
                "no_price",
                "no_region",
                "no_instance_type",
                "ambiguous",
                "currency",
                "implausible",
                "not_positive",
                "not_finite",
                "api_waiting",
                "api_failing",
            )
        },
        help="Nodes without a price, whose pods have no dollar series, by why: `waiting` where pricing has not said "
        "anything yet. Within a second of a change.",
    ),
    Family(
        name="kube_cost_budget_parse_errors",
        type="gauge",
        unit=NONE,
        help=f"Budgets of namespaces that can't be read; the page names the first. {_FRESH}",
    ),
    Family(
        name="kube_cost_slack_messages_total",
        type="counter",
        unit=NONE,
        labels=("result",),
        values={"result": ("sent", "found", "throttled", "failed", "refused")},
        sent_by=frozenset({"alerts"}),
        help="Attempts to send a message to Slack by what became of them: `found` where it was there already, "
        f"`throttled` and `failed` ones are tried again, `refused` Slack doesn't want. {_REPORTED}",
    ),
    Family(
        name="kube_cost_agents_connected",
        type="gauge",
        unit=NONE,
        help=f"Nodes whose agent has sent a status within three intervals (45 s). {_FRESH}",
    ),
    Family(
        name="kube_cost_agent_last_sample_timestamp_seconds",
        type="gauge",
        unit=UNIX_SECONDS,
        labels=("node",),
        help="End of the last usage sample that was taken from the node's agent since this process began, in Unix "
        f"seconds of the bus's clock. {_FRESH}",
    ),
    Family(
        name="kube_cost_agent_samples_dropped_total",
        type="counter",
        unit=NONE,
        labels=("reason",),
        values={"reason": ("queue_full", "too_large")},
        sent_by=frozenset({"agent"}),
        help="Usage samples that agents gave up, all nodes together: too many waited for the bus, or it takes none so "
        f"large. Totals go on in the next sample, so no usage is lost. {_REPORTED}",
    ),
    Family(
        name="kube_cost_samples_received_total",
        type="counter",
        unit=NONE,
        help=f"Usage samples that came over the bus, repeated and refused ones included. {_PROCESS}",
    ),
    Family(
        name="kube_cost_samples_rejected_total",
        type="counter",
        unit=NONE,
        labels=("reason",),
        values={
            "reason": ("oversized", "version", "malformed", "subject", "cluster", "value", "unknown_node", "discarded"),
        },
        help=f"Usage samples that could not be used, by why; `discarded` ones the bus dropped unread. {_PROCESS}",
    ),
    Family(
        name="kube_cost_settled_through_timestamp_seconds",
        type="gauge",
        unit=UNIX_SECONDS,
        help="Up to when the node that is furthest behind is settled, in Unix seconds; no series before the first "
        "settlement. As of the last commit.",
    ),
    Family(
        name="kube_cost_history_start_timestamp_seconds",
        type="gauge",
        unit=UNIX_SECONDS,
        help="When the ledger began, in Unix seconds: nothing before it is known. Never changes.",
    ),
    Family(
        name="kube_cost_history_write_failures_total",
        type="counter",
        unit=NONE,
        help=f"Commits to the ledger that failed; they are tried again, and samples wait on the bus. {_PROCESS}",
    ),
    Family(
        name="kube_cost_calculation_duration_seconds",
        type="summary",
        unit=SECONDS,
        labels=("quantile",),
        values={"quantile": ("0.5", "0.9", "0.99")},
        help="Time that a settlement pass takes, its commit included; quantiles over the last 1,000 passes. "
        f"{_PROCESS}",
    ),
    Family(
        name="kube_cost_bus_connected",
        type="gauge",
        unit=NONE,
        help=f"1 while the aggregator is connected to the bus. {_FRESH}",
    ),
    Family(
        name="kube_cost_bus_pending_messages",
        type="gauge",
        unit=NONE,
        help="Usage samples that wait on the bus to be settled, as of the last fetch, at most a few seconds old.",
    ),
    Family(
        name="kube_cost_watch_last_event_timestamp_seconds",
        type="gauge",
        unit=UNIX_SECONDS,
        labels=("resource",),
        help="When the API server last said anything on the watch of a resource, bookmarks included, in Unix seconds. "
        f"{_FRESH}",
    ),
    Family(
        name="kube_cost_leader",
        type="gauge",
        unit=NONE,
        help=f"1 in the replica that settles and exposes costs. {_FRESH}",
    ),
    Family(
        name="kube_cost_exposed_series",
        type="gauge",
        unit=NONE,
        help="Series in the exposition before this one, at most 5 s old.",
    ),
    Family(
        name="kube_cost_exposition_bytes",
        type="gauge",
        unit=BYTES,
        labels=("encoding",),
        values={"encoding": ("identity", "gzip")},
        help="Size of the exposition before this one, at most 5 s old.",
    ),
    Family(
        name="kube_cost_build_info",
        type="gauge",
        unit=NONE,
        labels=("version", "revision"),
        help="Always 1: the aggregator's version and the revision it was built from. Never changes while it runs.",
    ),
)
