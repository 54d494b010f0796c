"""A vendor sandbox on loopback: servers that speak the vendors' protocols, filled by a generator of one population.

Nothing outside this package knows of it; connectors meet it only as another base_url.
"""
