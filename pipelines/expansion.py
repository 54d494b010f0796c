"""What stands in hub.yaml as `${VAR}` or `${file:/PATH}`, and what must not stand there in writing."""

from __future__ import annotations

import os
import re
from typing import Any

from connectors.contract import Secret
from connectors.registry import connector_class, types
from hub.contract.errors import ConfigError
from hub.contract.secret import secret_in
from pipelines.alerts.settings import SECRETS

# a URL with a password in it that is no ${ENV_VAR}
_PASSWORD = re.compile(r"^[a-z][a-z0-9+.-]*://[^/?#@:]*:(?!\$\{)[^/?#@]+@", re.IGNORECASE)
_FILE = re.compile(r"\$\{file:(/[^}]+)\}")
ENV = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def expanded(value: Any) -> Any:
    """Replace `${VAR}` that is only a part of a text, or has a fallback and is no secret's whole text, where it can be."""
    if isinstance(value, dict):
        secrets = _secret_settings(value.get("type"))
        return {key: item if _is_secret(str(key)) or key in secrets else expanded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [expanded(item) for item in value]
    if isinstance(value, str):
        return _FILE.sub(lambda match: secret_in(match.group(1)), ENV.sub(_environment, value))
    return value


def demand_no_password(value: Any, place: str = "") -> None:
    """Raise `ConfigError` for a URL that holds a password; settings that are secrets refuse any text themselves."""
    match value:
        case dict():
            for key, item in value.items():
                demand_no_password(item, f"{place}.{key}" if place else str(key))
        case list():
            for at, item in enumerate(value):
                demand_no_password(item, f"{place}.{at}")
        case str() if _PASSWORD.match(value):
            remedy = "write ${ENV_VAR} or ${file:/PATH} in its place, and renew the password: who has the file knows it"
            raise ConfigError("a password does not belong in hub.yaml", field=place, remedy=remedy)


def _is_secret(key: str) -> bool:
    return bool(re.search(r"(key|token|secret|password|passphrase|connection_string|authorization)$", key))


def _secret_settings(type_name: Any) -> frozenset[str]:
    """The settings of a type of source, or of channel, that are secrets, whatever they are called."""
    if type_name not in types():
        return SECRETS.get(type_name, frozenset()) if isinstance(type_name, str) else frozenset()
    fields = connector_class(type_name).Settings.model_fields
    return frozenset(name for name, field in fields.items() if field.annotation is Secret)


def _environment(match: re.Match[str]) -> str:
    # an unset variable stays as it is written: it is an error when it is used, not for whoever only reads the file
    return os.environ.get(match.group(1)) or (match.group(2) if match.group(2) is not None else match.group(0))
