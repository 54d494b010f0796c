"""`python -m pipelines.cli` is `hub`."""

from pipelines.cli import main

main()
