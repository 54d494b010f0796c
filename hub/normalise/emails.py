"""E-mail addresses: the reference rules, by email-validator. emails.sql holds the fast path for plain addresses.

Nothing here asks the network: whether a mailbox exists is not ours to find out.
"""

from __future__ import annotations

import re
import unicodedata

from hub.normalise.values import INVALID, JUNK, MISSING, Normalised, clean_text, words

_MAILTO = re.compile(r"(?i)^<?mailto:([^?>]*)(\?.*)?>?$")
_SEPARATORS = re.compile(r"[._-]")
_GMAIL = ("gmail.com", "googlemail.com")


def normalise_email(value: str | None) -> Normalised:
    """An address as text, as a link (``mailto:``) or with a display name (``Jane <jane@x.org>``).

    The value keeps tags and dots and shows an international domain in its own script; the key is the mailbox behind it: without
    ``+tag``, without Gmail's dots, the domain as it is sent.
    """
    text = clean_text(value)
    if text is None:
        return MISSING
    # NFKC: full-width forms are the same address
    text = unicodedata.normalize("NFKC", _MAILTO.sub(r"\1", text)).strip(" ,;").lower()
    if text in words("placeholder") or text in words("placeholder_name"):
        return JUNK
    return _validated(text)


def _validated(text: str) -> Normalised:
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(text, check_deliverability=False, allow_display_name=True)
    except EmailNotValidError:
        # an address nobody can write to may still say why: n/a@n/a and the like are plain invalid, noreply@localhost is junk
        return JUNK if is_junk(text) else INVALID
    # lower() again: composing may bring back a capital, and the domain comes from the library as it was registered
    address = f"{found.local_part}@{found.domain}".lower()
    ascii_form = f"{_ascii_local(address.rpartition('@')[0])}@{(found.ascii_domain or found.domain).lower()}"
    return JUNK if is_junk(ascii_form) else Normalised(address, email_key(ascii_form), "valid")


def _ascii_local(local: str) -> str:
    # Punycode, not transliteration: different mailboxes must not get one key
    return local if local.isascii() else local.encode("punycode").decode().lower()


def email_key(address: str) -> str:
    """The folded form of a lower-case ASCII address: one key per mailbox."""
    local, _, domain = address.rpartition("@")
    base = _base(local)
    if domain in _GMAIL:
        base, domain = base.replace(".", "") or base, _GMAIL[0]
    return f"{base}@{domain}"


def is_junk(address: str) -> bool:
    """Whether a lower-case address is known to belong to nobody: no-reply mailboxes, placeholders, reserved domains."""
    local, _, domain = address.rpartition("@")
    if _plain(local) in words("junk_local") or _base(local) in words("placeholder"):
        return True
    return any(domain == junk or domain.endswith("." + junk) for junk in words("junk_domain"))


def is_role(local: str) -> bool:
    """Whether a local part names a function (``info``, ``sales2``, ``customer.service``) and not a person."""
    return _plain(local) in words("role_local")


def _base(local: str) -> str:
    base, _, _ = local.partition("+")
    return base or local


def _plain(local: str) -> str:
    return _SEPARATORS.sub("", _base(local)).rstrip("0123456789")
