"""What the project exists for: identity, survivorship and the customer model, as functions over a DuckDB connection or frames.

No Dagster, no vendor code and no paths belong here; whoever calls hands in the connection and the settings.
"""
