"""What people may ask of a hub that knows them: to be left alone, and to see which of that was asked, by when, and is done.

The list and the requests lie in the control store; how the list acts on golden tables is the affair of ``hub.golden``.
"""

from pipelines.privacy.requests import lift, requests, settle_requests, suppress

__all__ = ["lift", "requests", "settle_requests", "suppress"]
