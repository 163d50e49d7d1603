"""What a user can set about AWS."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AwsSettings:
    """How the Price List and EC2 APIs are reached. Credentials are what botocore finds: IRSA, environment, profile."""

    pricing_region: str = "us-east-1"
    """Region of the Price List endpoint: us-east-1, eu-central-1, ap-south-1; cn-northwest-1 has China's prices, and
    those alone."""

    pricing_endpoint: str = ""
    """URL of the Price List API where it isn't AWS's own; `AWS_ENDPOINT_URL_PRICING` does the same."""

    ec2_endpoint: str = ""
    """URL of the EC2 API of all regions, likewise."""

    types_asked_singly: int = 14
    """Up to so many types of a region are a call each; for more the region's whole list is cheaper: 14 pages."""

    spot_types_per_call: int = 50
    """Types that one question for spot prices names."""

    max_pages: int = 60
    """An answer of more pages than this isn't believed to end; us-east-1 has 1,367 types, 100 a page."""

    max_answer_bytes: int = 16 * 1024 * 1024
    """The largest answer that is read: a page of 100 machines with their reserved terms has about 1.5 MB."""

    call_timeout_seconds: float = 60.0
    """The longest that one call may take, whatever limit the caller has."""
