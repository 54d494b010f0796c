"""Files, local or in object storage: CSV, JSON lines, Parquet, Excel. How they are found, told apart from what was read, and read.

What a column means is said in hub.yaml (`connectors.fields`), not here.
"""
