"""What the SDKs cost in memory, by imports alone, as the image has them: compiled, without the developers' packages."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SERVICE = "import kube_cost_pricing.main\n"
AWS = "import kube_cost_pricing.providers.aws.prices\nimport kube_cost_pricing.providers.aws.clients\n"
GCP = "import kube_cost_pricing.providers.gcp.prices\nimport kube_cost_pricing.providers.gcp.catalog_api\n"
AZURE = "import kube_cost_pricing.providers.azure.prices\nimport kube_cost_pricing.providers.azure.sheet_api\n"

WITHOUT = "import sys\nsys.modules['rich'] = None\n"
"""structlog loads rich (4 MB) where it finds it, as among the tools here."""

RESIDENT = "print(next(line for line in open('/proc/self/status') if line.startswith('VmRSS')).split()[1])\n"

Resident = Callable[[str], float]


@pytest.fixture(scope="module")
def resident_mb(tmp_path_factory: pytest.TempPathFactory) -> Resident:
    """Return how to measure the resident memory of a Python that has run some code, in 10⁶ bytes.

    Compiling leaves 10 MB behind that no container has, since images carry their bytecode: everything is imported
    once before anything is measured.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(tmp_path_factory.mktemp("bytecode"))

    def run(code: str) -> float:
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT + code + RESIDENT],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return int(done.stdout.split()[-1]) * 1024 / 1e6

    run(SERVICE + AWS + GCP + AZURE)
    return run


def test_the_provider_with_its_sdk_is_small(resident_mb: Resident) -> None:
    """Python, aioboto3 and what asks AWS: at most 60 MB."""
    mb = resident_mb(AWS)
    print(f"\n{mb:.1f} MB")
    assert mb <= 60


def test_the_service_with_awss_sdk_is_small(resident_mb: Resident) -> None:
    """The whole service with AWS alone: at most 60 MB."""
    mb = resident_mb(SERVICE + AWS)
    print(f"\n{mb:.1f} MB")
    assert mb <= 60


def test_the_service_with_all_sdks_is_small(resident_mb: Resident) -> None:
    """All three clouds: at most 100 MB."""
    mb = resident_mb(SERVICE + AWS + GCP + AZURE)
    print(f"\n{mb:.1f} MB")
    assert mb <= 100


def test_the_package_loads_no_sdk(resident_mb: Resident) -> None:
    """Who only names the clouds, as the settings do, pays nothing for them."""
    code = (
        "from kube_cost_pricing.providers import aws, azure, gcp\n"
        "assert not {'botocore', 'boto3', 'aioboto3', 'grpc', 'google.cloud', 'azure.core'} & set(sys.modules)\n"
    )
    assert resident_mb(SERVICE + code) < resident_mb(SERVICE + AWS) - 5


def test_the_image_has_no_rich() -> None:
    """What is left out of the measurement isn't among what the image installs."""
    locked = (ROOT / "locks" / "pricing.txt").read_text()
    assert re.search(r"^structlog==", locked, re.MULTILINE)
    assert not re.search(r"^rich==", locked, re.MULTILINE)
