"""The outside world: how to read each system, over HTTP or from files, and how its payload maps to the canonical columns.

Connectors write Parquet parts into the landing zone and know nothing of the warehouse, of Dagster or of the sandbox.
"""
