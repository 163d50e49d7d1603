"""Settings from the environment: one frozen record a service, each field a default, a unit and a reason.

A field `interval_seconds` of a record is read from `KUBE_COST_INTERVAL_SECONDS`. What a value may be is said by the
field's type and its `msgspec.Meta`; all faults are reported at once, each naming its variable.
"""

import math
import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec

PREFIX = "KUBE_COST_"

# Kubernetes puts these into every pod for each Service named kube-cost or kube-cost-…: `<SERVICE>_SERVICE_HOST`,
# `<SERVICE>_PORT_9090_TCP_ADDR` and so on, and `<SERVICE>_PORT`, which only its value tells from a setting.
_SERVICE_LINK = re.compile(r"KUBE_COST_(.*_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT_\d+_(TCP|UDP|SCTP)(_.+)?)")
_SERVICE_URL = re.compile(r"(tcp|udp|sctp)://.*")

_SWITCHES = {"yes": True, "on": True, "no": False, "off": False}


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Base of a service's settings."""


class ConfigError(Exception):
    """What is wrong with the environment; `faults` has one sentence for each variable at fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


C = TypeVar("C", bound=Config)


def variable(field: str) -> str:
    """Return the name of the environment variable of a field."""
    return PREFIX + field.upper()


def load(config_type: type[C], environ: Mapping[str, str]) -> C:
    """Return the settings that `environ` asks for. An empty variable counts as not set.

    Raises ConfigError, which names every variable that is missing or can't be read.
    """
    values: dict[str, object] = {}
    faults: list[str] = []
    for field in msgspec.structs.fields(config_type):
        name = variable(field.name)
        text = environ.get(name, "").strip()
        if not text or _is_service_link(name, text):
            if field.required:
                faults.append(f"{name} is not set, and it has no default")
            continue
        try:
            values[field.name] = _value(text, field.type)
        except msgspec.ValidationError as error:
            shown = "…" if _is_secret(field.name) else repr(text)
            faults.append(f"{name}={shown}: {error}")
    if faults:
        raise ConfigError(faults)
    return config_type(**values)


def unknown_variables(config_types: list[type[Config]], environ: Mapping[str, str]) -> list[str]:
    """Return the `KUBE_COST_…` variables that no field reads: misspelt ones, most likely."""
    known = {variable(field.name) for config_type in config_types for field in msgspec.structs.fields(config_type)}
    return sorted(
        name
        for name, text in environ.items()
        if name.startswith(PREFIX) and name not in known and not _is_service_link(name, text)
    )


def _value(text: str, field_type: object) -> object:
    """Return `text` as a field's value. Yes and no, on and off will do for a switch, as Kubernetes users write them."""
    try:
        value = msgspec.convert(text, field_type, strict=False)
    except msgspec.ValidationError:
        switch = _SWITCHES.get(text.lower())
        if switch is None:
            raise
        value = msgspec.convert(switch, field_type)
    if isinstance(value, float) and not math.isfinite(value):
        raise msgspec.ValidationError("Expected a finite number")
    return value


def _is_service_link(name: str, text: str) -> bool:
    if name.endswith("_PORT") and _SERVICE_URL.fullmatch(text):
        return True
    return _SERVICE_LINK.fullmatch(name) is not None


def _is_secret(field: str) -> bool:
    return any(word in field for word in ("token", "secret", "password", "dsn", "webhook_url"))
