"""Who may ask: the key by Basic authentication, in the query, or over plain http by a signature (OAuth 1.0a, one-legged).

WooCommerce takes a key itself over TLS only, and on plain http insists on the signature. The sandbox has no TLS, so here both work.
Source: https://woocommerce.github.io/woocommerce-rest-api-docs/#authentication
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import NoReturn
from urllib.parse import quote

from connectors.sandbox.wire import Call
from connectors.sandbox.woocommerce.books import WooError

CONSUMER_KEY = "ck_customer_hub_sandbox"
CONSUMER_SECRET = "cs_customer_hub_sandbox"
_WINDOW = 15 * 60
_HASHES = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}


class Gate:
    """Lets through who has the key. Remembers the nonces of signed requests, as each may be used once."""

    def __init__(self) -> None:
        self._nonces: dict[str, float] = {}

    def admit(self, call: Call) -> None:
        """Raises `WooError` for one who may not ask."""
        given = call.basic()
        if given is None and call.param("consumer_key") is not None:
            given = call.param("consumer_key") or "", call.param("consumer_secret") or ""
        if given is not None:
            if given[0] != CONSUMER_KEY:
                _refuse("Consumer key is invalid.")
            if given[1] != CONSUMER_SECRET:
                _refuse("Consumer secret is invalid.")
        elif call.param("oauth_consumer_key") is not None:
            self._check_signature(call)
        else:
            raise WooError(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")

    def _check_signature(self, call: Call) -> None:
        if call.param("oauth_consumer_key") != CONSUMER_KEY:
            _refuse("Consumer key is invalid.")
        method = _HASHES.get(call.param("oauth_signature_method") or "")
        if method is None:
            _refuse("Invalid signature - signature method is invalid.")
        text = signature_base(call)
        made = base64.b64encode(hmac.new(f"{CONSUMER_SECRET}&".encode(), text.encode(), method).digest()).decode()
        if not hmac.compare_digest(made, call.param("oauth_signature") or ""):
            _refuse("Invalid signature - provided signature does not match.")
        now, stamp, nonce = time.time(), call.param("oauth_timestamp") or "", call.param("oauth_nonce") or ""
        if not stamp.isdecimal() or abs(now - int(stamp)) > _WINDOW:
            _refuse("Invalid timestamp.")
        if not nonce or nonce in self._nonces:
            _refuse("Invalid nonce - nonce has already been used.")
        self._nonces = {known: at for known, at in self._nonces.items() if at > now - _WINDOW} | {nonce: now}


def signature_base(call: Call) -> str:
    """What is signed (RFC 5849 §3.4.1), of a request whose parameters are all in its query; as PHP sees them, each name once."""
    given = {name: value for name, value in call.query if name != "oauth_signature"}
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in given.items())
    parameters = "&".join(f"{name}={value}" for name, value in pairs)
    return "&".join(quote(part, safe="~") for part in (call.method, f"{call.base}{call.path}", parameters))


def _refuse(why: str) -> NoReturn:
    raise WooError(401, "woocommerce_rest_authentication_error", why)
