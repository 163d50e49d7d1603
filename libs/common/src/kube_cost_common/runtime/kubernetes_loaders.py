"""kubernetes_asyncio's configuration loaders without the 800 models that its packages import.

Measured on Python 3.11: `import kubernetes_asyncio.config` adds 66 MB and 1.9 s, this 3.4 MB and 0.15 s. The loaders
need one class of the client package, `Configuration`; its module is imported beside its package, which is put back as
it was, so that whoever imports the library elsewhere gets all of it.
"""

import importlib.machinery
import importlib.util
import sys
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

_LIBRARY = "kubernetes_asyncio"
_OPENID = f"{_LIBRARY}.config.openid"


class Loaders(NamedTuple):
    """What is used of the library. It has no types of its own."""

    configuration: Any
    """The class `kubernetes_asyncio.client.Configuration`."""
    load_kube_config: Any
    in_cluster_loader: Any
    """The class `InClusterConfigLoader`."""
    error: type[Exception]
    """`ConfigException`."""


def import_loaders() -> Loaders:
    """Return the library's loaders."""
    before = _take_out()
    try:
        for package in (_LIBRARY, f"{_LIBRARY}.client"):
            sys.modules[package] = _bare_package(package)
        configuration = import_module(f"{_LIBRARY}.client.configuration").Configuration
        client = sys.modules[f"{_LIBRARY}.client"]
        vars(client).update(Configuration=configuration, ApiClient=object)  # the latter for an annotation only
        sys.modules[_OPENID] = _openid_when_asked()
        config = import_module(f"{_LIBRARY}.config")
        return Loaders(
            configuration=configuration,
            load_kube_config=config.load_kube_config,
            in_cluster_loader=import_module(f"{_LIBRARY}.config.incluster_config").InClusterConfigLoader,
            error=config.ConfigException,
        )
    finally:
        _take_out()
        sys.modules.update(before)


def _openid_when_asked() -> ModuleType:
    """Return a stand-in for the module that renews OpenID tokens, which imports aiohttp: 0.2 s for what few have."""
    module = ModuleType(_OPENID)

    def requestor(*arguments: Any, **named: Any) -> Any:
        return import_module(_OPENID).OpenIDRequestor(*arguments, **named)

    vars(module).update(OpenIDRequestor=requestor)
    return module


def _take_out() -> dict[str, ModuleType]:
    """Take the library's modules out of those that are imported, and return them."""
    names = [name for name in sys.modules if name == _LIBRARY or name.startswith(f"{_LIBRARY}.")]
    return {name: sys.modules.pop(name) for name in names}


def _bare_package(name: str) -> ModuleType:
    """Return a package whose modules can be imported and whose own `__init__` hasn't run."""
    spec = importlib.machinery.PathFinder.find_spec(name, _search_path(name))
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    package = ModuleType(name)
    package.__path__ = list(spec.submodule_search_locations)
    return package


def _search_path(name: str) -> list[str] | None:
    parent = name.rpartition(".")[0]
    return list(sys.modules[parent].__path__) if parent else None
