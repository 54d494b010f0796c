"""Secrets: named in hub.yaml by environment variable, for sources and targets alike."""

from __future__ import annotations

import os
import re
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from hub.contract.errors import ConfigError


class Secret:
    """A secret named by environment variable, resolved when it is used, never when hub.yaml is read.

    ``${NAME}`` or ``${NAME:-fallback}``; the text itself never shows in repr, errors or logs.
    """

    _PATTERN = re.compile(r"^\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}$")

    def __init__(self, template: str) -> None:
        match = self._PATTERN.match(template.strip())
        if not match:
            raise ValueError("a secret must be given as ${ENV_VAR}, not written into the file")
        self.variable, self._fallback = match.group(1), match.group(2)

    def resolve(self) -> str:
        """The secret's value. Raises `ConfigError` that names the variable if it is not set."""
        value = os.environ.get(self.variable) or self._fallback
        if not value:
            raise ConfigError(
                f"environment variable {self.variable} is not set",
                remedy=f"set {self.variable} (a .env file beside hub.yaml will do)",
            )
        return value

    def __repr__(self) -> str:
        return f"${{{self.variable}}}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def make(value: Any) -> Secret:
            return value if isinstance(value, Secret) else cls(str(value))

        return core_schema.no_info_plain_validator_function(make, serialization=core_schema.to_string_ser_schema())

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": cls._PATTERN.pattern, "description": "a secret, as ${ENV_VAR}"}
