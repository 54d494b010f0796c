"""The leaf that every wing may import: the error tree and the canonical columns.

Nothing that does work belongs here, and nothing here imports another part of the hub.
"""
