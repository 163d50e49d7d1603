"""What the alert service remembers on the bus: whom it has told what, and what it is about to tell.

Money is in whole nano-units of USD (10^9 to the dollar), rates are per hour.
"""

from kube_cost_common.messages.codec import Part, Record
from kube_cost_common.messages.costs import CostDriver


class AlertIntent(Part, frozen=True):
    """A message that is to be sent, with all that stands in it.

    `intent` is unique to it. `kind` is one of the evaluator's; `all_clear` says that it is over. `percent` is the
    share of the budget that was reached, of the kind that has shares. `owner` is the process that is to send it.
    `rate_nano` is the rate that the alert is about, `usual_nano` what would have been usual or allowed. `detail` is a
    sentence where the numbers don't say it all.
    """

    intent: str
    kind: str
    all_clear: bool
    percent: float
    channel: str
    owner: str
    at_ns: int
    month_start_ns: int
    scope_kind: str
    scope_name: str
    source: str
    amount_nano: int
    spent_nano: int
    hourly_nano: int
    rate_nano: int | None
    forecast_nano: int | None
    usual_nano: int | None
    drivers: list[CostDriver]
    detail: str = ""


class AlertThread(Part, frozen=True):
    """A channel's first message about a budget in a month, by what Slack calls them."""

    channel: str
    month_start_ns: int
    channel_id: str
    message_ts: str


class AlertMemory(Record, frozen=True, kw_only=True):
    """What people have been told of a budget.

    `told_percent` is the greatest share of `amount_nano` that they were told of in the month that began at
    `month_start_ns`, 0 for none; `active` are the kinds that hold now. `as_of_ns` is the moment of the last snapshot
    that changed any of it.
    """

    cluster: str
    budget: str
    as_of_ns: int
    month_start_ns: int
    amount_nano: int
    told_percent: float
    active: list[str]
    intents: list[AlertIntent]
    threads: list[AlertThread]


class AlertCursor(Record, frozen=True, kw_only=True):
    """Up to which message of the stream of cost snapshots everything has been looked at, and when it was stored."""

    cluster: str
    stream_created_ns: int
    sequence: int
    stored_at_ns: int
