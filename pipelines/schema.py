"""The JSON Schema of hub.yaml, for editors; made from the same models that validate it. `python -m pipelines.schema` prints it."""

from __future__ import annotations

import json
from typing import Any

import typer

from connectors.registry import connector_class, types
from pipelines.config import HubConfig


def config_schema() -> dict[str, Any]:
    """The schema of the whole file, with one alternative per source type."""
    schema = HubConfig.model_json_schema()
    definitions = schema.setdefault("$defs", {})
    alternatives = []
    for type_name in types():
        source = connector_class(type_name).Settings.model_json_schema(ref_template="#/$defs/{model}")
        definitions.update(source.pop("$defs", {}))
        source["properties"]["type"] = {"const": type_name}
        source["properties"].pop("root", None)
        name = f"source_{type_name}"
        definitions[name] = source
        alternatives.append({"$ref": f"#/$defs/{name}"})
    schema["properties"].pop("root", None)
    schema["required"] = ["sources"]
    schema["properties"]["sources"] = {"type": "object", "minProperties": 1, "additionalProperties": {"anyOf": alternatives}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "hub.yaml"}


def text() -> str:
    """The schema as the file that is shipped."""
    return json.dumps(config_schema(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    typer.echo(text(), nl=False)
