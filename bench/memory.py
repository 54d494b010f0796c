"""Peak memory of this process."""

from __future__ import annotations

import resource
import sys


def peak_gb() -> float:
    """Greatest resident set so far, in GB (10^9 bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
