"""Measurements that anyone can rerun; every number in docs/ comes from a command here."""
