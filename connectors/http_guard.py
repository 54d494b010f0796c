"""What keeps a session's credentials with the one host they are for, and an answer from filling the memory.

Every request of `connectors.http` goes through this transport, whoever made its URL: a path of ours, a link in an answer, or a
redirect.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

_MEGABYTE = 1024 * 1024
# what the answer's own headers say of its length and packing is no more so once it is unpacked
_OF_THE_WIRE = ("content-encoding", "content-length", "transfer-encoding")


class UntrustedError(Exception):
    """A host showed a certificate that is not trusted."""


class AnotherHostError(Exception):
    """A request would take the credentials to a host they are not for."""


class TooLargeError(Exception):
    """An answer unpacks to more than it may."""


def confidential(address: str) -> bool:
    """Whether what is sent to a URL stays between us: over TLS, or on this machine."""
    parts = urlsplit(address)
    if parts.scheme == "https" or parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


class GuardedTransport(httpx.BaseTransport):
    """A transport to one host, over TLS that is verified.

    Trusted are the certificates of `certifi`, or those that ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` name, for a company with an
    authority of its own.

    Args:
        base_url: of the host.
        most_megabytes: what an answer may unpack to.
    """

    def __init__(self, base_url: str, most_megabytes: int) -> None:
        self._home, self._most = _origin(httpx.URL(base_url)), most_megabytes * _MEGABYTE
        self._inner = httpx.HTTPTransport(verify=httpx.create_ssl_context())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.BaseTransport`.

        Raises:
            AnotherHostError: the request is for another host; it was not made.
            UntrustedError: the host may not be the one it says it is.
            TooLargeError: as the answer is read.
        """
        if _origin(request.url) != self._home:
            raise AnotherHostError
        try:
            response = self._inner.handle_request(request)
        except httpx.ConnectError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):  # httpcore keeps no more than the text of the error below
                raise UntrustedError from None
            raise
        headers = [(name, value) for name, value in response.headers.raw if name.decode("latin-1").lower() not in _OF_THE_WIRE]
        body = _Bounded(response, self._most)
        return httpx.Response(response.status_code, headers=headers, stream=body, extensions=response.extensions)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


class _Bounded(httpx.SyncByteStream):
    """An answer's body, unpacked as it is read and no further than allowed: a megabyte of gzip may hold a gigabyte."""

    def __init__(self, response: httpx.Response, most: int) -> None:
        self._response, self._most = response, most

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._response.iter_bytes():
            size += len(chunk)
            if size > self._most:
                raise TooLargeError
            yield chunk

    def close(self) -> None:
        self._response.close()


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
