"""The mapping of a `files` source is made as that of any source that hub.yaml maps; see `connectors.fields_mapping`."""

from __future__ import annotations

from connectors.fields_mapping import mapping_sql

__all__ = ["mapping_sql"]
