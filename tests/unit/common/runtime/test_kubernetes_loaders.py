"""The loaders of kubeconfigs, and what comes with them."""

import subprocess
import sys

CODE = """
import sys
from kube_cost_common.runtime.kubernetes_loaders import import_loaders
loaders = import_loaders()
print("aiohttp" in sys.modules)
requestor = loaders.load_kube_config.__globals__["OpenIDRequestor"]("id", "secret", "https://issuer.example", None)
print(type(requestor).__module__, "aiohttp" in sys.modules)
"""


def test_aiohttp_is_imported_for_openid_alone() -> None:
    """Who has no such token waits for nothing; who has one gets the library's own renewer."""
    result = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.split("\n")[:2] == ["False", "kubernetes_asyncio.config.openid True"]
