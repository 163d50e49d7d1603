"""What the SDKs cost in memory, by imports alone."""

import subprocess
import sys

SERVICE = "import kube_cost_pricing.main\n"
AWS = "import kube_cost_pricing.providers.aws.prices\nimport kube_cost_pricing.providers.aws.clients\n"
GCP = "import kube_cost_pricing.providers.gcp.prices\nimport kube_cost_pricing.providers.gcp.catalog_api\n"
AZURE = "import kube_cost_pricing.providers.azure.prices\nimport kube_cost_pricing.providers.azure.sheet_api\n"
MB_IN_MIB = 1.048576


def resident_mib(code: str) -> float:
    """Resident memory of a Python that has run `code`, in MiB."""
    script = f"{code}\nprint([line for line in open('/proc/self/status') if line.startswith('VmRSS')][0].split()[1])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) / 1024


def test_the_provider_with_its_sdk_is_small() -> None:
    """Python, aioboto3 and what asks AWS: at most 60 MB."""
    mib = resident_mib(AWS)
    print(f"\n{mib:.1f} MiB, {mib * MB_IN_MIB:.1f} MB")
    assert mib * MB_IN_MIB <= 60


def test_the_service_with_awss_sdk_is_small() -> None:
    """The whole service with AWS alone: at most 60 MiB, of which 47 are the service's own."""
    mib = resident_mib(SERVICE + AWS)
    print(f"\n{mib:.1f} MiB, {mib * MB_IN_MIB:.1f} MB")
    assert mib <= 60


def test_the_service_with_all_sdks_is_small() -> None:
    """All three clouds: at most 105 MiB."""
    mib = resident_mib(SERVICE + AWS + GCP + AZURE)
    print(f"\n{mib:.1f} MiB, {mib * MB_IN_MIB:.1f} MB")
    assert mib <= 105


def test_the_package_loads_no_sdk() -> None:
    """Who only names the cloud, as the settings do, pays nothing for it."""
    code = (
        "import sys, kube_cost_pricing.providers.aws\nassert not {'botocore', 'boto3', 'aioboto3'} & set(sys.modules)"
    )
    assert resident_mib(SERVICE + code) < resident_mib(SERVICE + AWS) - 5
