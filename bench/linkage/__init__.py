"""`make bench-identity`: linkage side by side with Splink, with recordlinkage alone, and with the bare SQL of the same pairs.

One module an engine, each run in a process of its own by ``python -m bench.linkage``; ``bench.identity`` measures ours alone.
"""
