"""Backups: a consistent copy of everything that cannot be had from the sources again, kept where hub.yaml or a command says."""

from warehouse.backup.restoring import Restored, restore, verify
from warehouse.backup.storage import Backup, Entry, Storage
from warehouse.backup.taking import CONTROL, WAREHOUSE, back_up, prune

__all__ = ["CONTROL", "WAREHOUSE", "Backup", "Entry", "Restored", "Storage", "back_up", "prune", "restore", "verify"]
