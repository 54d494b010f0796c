"""Secrets: named in hub.yaml by environment variable or by file, for sources and targets alike."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from hub.contract.errors import ConfigError

_LARGEST = 64 * 1024  # of a file; a larger one holds something else


class Secret:
    """A secret named by environment variable or by file, resolved when it is used, never when hub.yaml is read.

    ``${NAME}``, ``${NAME:-fallback}`` or ``${file:/run/secrets/name}``; the text itself never shows in repr, errors or logs.
    """

    _PATTERN = re.compile(r"^\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?|file:(/[^}]+))\}$")

    def __init__(self, template: str) -> None:
        match = self._PATTERN.match(template.strip())
        if not match:
            raise ValueError("a secret must be given as ${ENV_VAR} or ${file:/PATH}, not written into the file")
        name, self._fallback, self._file = match.groups()
        self.variable: str = name or self._file  # where it is, for messages

    @property
    def is_written_down(self) -> bool:
        """Whether it is a fallback that stands in hub.yaml: good for a sandbox, which has no secrets."""
        return self._file is None and not os.environ.get(self.variable) and bool(self._fallback)

    def resolve(self) -> str:
        """The secret's value. Raises `ConfigError` that names the variable or the file if there is none."""
        if self._file is not None:
            return secret_in(self._file)
        value = os.environ.get(self.variable) or self._fallback
        if not value:
            raise ConfigError(
                f"environment variable {self.variable} is not set",
                remedy=f"set {self.variable} (a .env file beside hub.yaml will do)",
            )
        return value

    def __repr__(self) -> str:
        return f"${{{'file:' if self._file is not None else ''}{self.variable}}}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def make(value: Any) -> Secret:
            return value if isinstance(value, Secret) else cls(str(value))

        return core_schema.no_info_plain_validator_function(make, serialization=core_schema.to_string_ser_schema())

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        said = "a secret, as ${ENV_VAR} or ${file:/PATH}"
        return {"type": "string", "pattern": cls._PATTERN.pattern, "description": said}


def secret_in(path: str) -> str:
    """The secret in a file, as Docker, Kubernetes and systemd put them there, without the line end.

    Raises `ConfigError` if the file cannot be read, or holds no single secret.
    """
    remedy = "put the secret there, and nothing else, where the hub's user may read it"
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LARGEST + 1)
        value = content.decode("utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigError(f"cannot read the secret in {path} ({error.strerror})", remedy=remedy) from None
    except UnicodeDecodeError:
        raise ConfigError(f"the secret in {path} is no text", remedy=remedy) from None
    if not value or len(content) > _LARGEST:
        raise ConfigError(f"there is {'more than one' if value else 'no'} secret in {path}", remedy=remedy)
    return value
