"""Alerts: what is wrong by the hub's own records, who is told of it, and what of that is still owed.

Judging data belongs to the gate, and running anything to the runner; here is only looked, remembered and told.
"""
