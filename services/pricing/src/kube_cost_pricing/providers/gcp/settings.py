"""What a user can set about Google Cloud."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class GcpSettings:
    """How the Cloud Billing Catalog is reached, and how often."""

    endpoint: str = "cloudbilling.googleapis.com"
    """Host, or host:port, over TLS; with `http://` before it without TLS and without credentials, as tests do."""

    api_key_file: Path | None = None
    """A file with an API key that may call the Cloud Billing API; read for each listing, so that it can be rotated.
    None: Application Default Credentials, which on GKE are the pod's Workload Identity."""

    quota_project: str = ""
    """The project whose quota is used, where it isn't the credentials' own."""

    catalogue_max_age_seconds: float = 3600.0
    """How old a listing may be and still answer questions: the time to live of on-demand prices. Spot prices come from
    the same listing; Google changes them at most once a day (https://docs.cloud.google.com/compute/docs/instances/spot)."""

    call_timeout_seconds: float = 60.0
    """The deadline of one page, whatever limit the caller has: a page of 5000 SKUs has 4 to 8 MB."""

    max_pages: int = 40
    """A listing of more pages than this isn't believed to end: Compute Engine had 9 pages of 5000 in 2026."""

    page_size: int = 5000
    """The API's maximum (https://docs.cloud.google.com/billing/docs/reference/rest/v1/services.skus/list)."""
