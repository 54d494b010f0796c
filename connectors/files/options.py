"""What hub.yaml says of a storage: its URL, and the options of fsspec's file system for it, with the secrets among them.

Judged when hub.yaml is read; secrets are resolved when the storage is opened.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, PlainSerializer, WithJsonSchema

from connectors.contract import Secret

_REFERENCE = re.compile(r"^\$\{[^}]+\}$")
_SENSITIVE = re.compile(r"(key|token|secret|password)$", re.IGNORECASE)
_NO_SECRET = frozenset({"anon", "cloud", "google_default"})  # what gcsfs takes for a token
PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "adl": "adlfs",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "smb": "smbprotocol",
    "http": "aiohttp",
    "https": "aiohttp",
    "webhdfs": "requests",
}


def is_url(path: str) -> bool:
    """Whether a path names a storage, and not a folder of this machine."""
    return re.match(r"[a-z][a-z0-9+.-]*://", path, re.IGNORECASE) is not None


def checked_url(url: str) -> str:
    """A storage's URL. Raises `ValueError` if it holds a password, or no storage is called so."""
    from fsspec import available_protocols  # type: ignore[import-untyped]

    protocol = url.partition("://")[0].lower()
    if re.match(r"[^/]*://[^/@]*:[^/@]*@", url):
        raise ValueError("a password does not belong in a path; give it under storage as ${ENV_VAR}")
    if protocol not in available_protocols():
        raise ValueError(f"no storage is called {protocol}://; usual ones are s3, gs, az, sftp and https")
    return url


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    return {name: _option(name, value) for name, value in options.items()}


def _option(name: str, value: Any) -> Any:
    match value:
        case dict():
            return _checked(value)
        case list():
            return [_option(name, item) for item in value]
        case str() if _REFERENCE.match(value):
            return Secret(value)
        case str() if _SENSITIVE.search(name) and value not in _NO_SECRET:
            raise ValueError(f"{name} must be given as ${{ENV_VAR}}, not written into the file")
        case _:
            return value


def resolved(value: Any) -> Any:
    """Options with the values of their secrets. Raises `ConfigError` that names a variable that is not set."""
    match value:
        case Secret():
            return value.resolve()
        case dict():
            return {name: resolved(item) for name, item in value.items()}
        case list():
            return [resolved(item) for item in value]
        case _:
            return value


def _written(value: Any) -> Any:
    match value:
        case Secret():
            return repr(value)
        case dict():
            return {name: _written(item) for name, item in value.items()}
        case list():
            return [_written(item) for item in value]
        case _:
            return value


StorageOptions = Annotated[
    dict[str, Any], AfterValidator(_checked), PlainSerializer(_written), WithJsonSchema({"type": "object", "default": {}})
]


def shown(path: str) -> str:
    """A path for people: without a query, which may be a signature."""
    return path.partition("?")[0] if path.startswith(("http://", "https://")) else path
