"""The screenshot tour of the Dagster UI: a hub with a few eventful days, the pages ops look at, and what each of them must show."""
