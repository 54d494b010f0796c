"""The guard against a source that never ends."""

from __future__ import annotations

from hub.contract.errors import ProtocolError


class PageGuard:
    """Stops a source that serves the same page again and again (a known fault of proxies and of offset paging)."""

    def __init__(self, source: str, stream: str) -> None:
        self._source, self._stream = source, stream
        self._seen: set[str] = set()

    def advance(self, token: str) -> str:
        """Note the next page's token and return it. Raises `ProtocolError` if that page was asked for before."""
        if token in self._seen:
            raise ProtocolError(
                "the vendor sent us back to a page we already read",
                source=self._source,
                stream=self._stream,
                remedy="what came before it is kept; run the sync again, and report it to the vendor if it stays",
            )
        self._seen.add(token)
        return token
