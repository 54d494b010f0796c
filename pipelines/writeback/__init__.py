"""The write-back outbox: what is owed to the sources after a load was published, sending it, and what became of it.

How a vendor is written to is its connector's affair, and no Dagster belongs here.
"""
