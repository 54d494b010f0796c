"""Which records are one customer, and which lasting ID that customer has.

Blocking, comparison, model, scoring, clustering, the ID registry and evaluation, each over tables of a DuckDB connection.
"""
