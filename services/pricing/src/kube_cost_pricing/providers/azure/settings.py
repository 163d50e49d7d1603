"""What a user can set about Azure."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AzureSettings:
    """How the Retail Prices API and the price sheet are reached, and how often. Without any, list prices are asked."""

    endpoint: str = "https://prices.azure.com"
    """Where the Retail Prices API is: scheme and host, without a path. It wants no credentials."""

    api_version: str = "2023-01-01-preview"
    """The version of the Retail Prices API."""

    currency: str = "USD"
    """The currency that list prices are asked in. Another one than USD needs an exchange rate in the configuration."""

    types_per_call: int = 10
    """Machine types of one region that one query names; a type has up to about 10 rows, a page 100 or 1000."""

    parallel_calls: int = 2
    """Calls under way at once. The limits of the API aren't published; a few in parallel are throttled already."""

    max_pages: int = 20
    """An answer of more pages than this isn't believed to end."""

    max_body_bytes: int = 16 * 1024 * 1024
    """A page greater than this isn't read on: 1000 rows have about 0.7 MB."""

    call_timeout_seconds: float = 60.0
    """The longest that one call may take, whatever limit the caller has."""

    rows_max_age_seconds: float = 60.0
    """How long rows answer the other question: a type's on-demand and spot price are in the same answer."""

    subscription_id: str = ""
    """The subscription whose price sheet overrides list prices; empty: list prices alone, no Azure SDK is loaded."""

    offer_id: str = ""
    """The offer of the price sheet's lines to take, such as `MS-AZR-0017P` (`MS-AZR-0148P` is Dev/Test). Empty: all;
    a meter with different prices in several offers then keeps its list price."""

    arm_endpoint: str = "https://management.azure.com"
    """Where Azure Resource Manager is; with `http://` the token is sent without TLS, as tests do."""

    price_sheet_max_age_seconds: float = 86_400.0
    """How old a price sheet may be before it is read anew."""

    price_sheet_retry_seconds: float = 3600.0
    """How long after a failure it isn't asked for again."""

    price_sheet_max_pages: int = 400
    """A sheet of more pages than this isn't believed to end."""
