"""Connectors for invoicing systems.

Each is two neighbours: how to read the system (.py) and how its payload maps to the canonical columns (.sql).
"""
