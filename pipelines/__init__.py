"""The hall that joins the wings: configuration, steps, and thin Dagster assets, jobs, schedules and a command line over them.

Steps are plain functions that tests call without Dagster. Nothing is computed here that a wing could compute.
"""
