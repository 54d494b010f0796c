"""`make chaos`: syncs that are killed with SIGKILL at random moments, finished by one more, and compared with ones left in peace.

One module a concern: `world` (sources that change from day to day), `processes` (syncs that can be killed, and where they are),
`seen` (what must be equal afterwards), `episode` (days of both hubs), `__main__` (many of them, and the table).
"""
