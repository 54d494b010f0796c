"""How a message gets to a webhook, to Slack, or into a mailbox: bounded tries, and errors that hold no secret.

An incoming webhook's URL is its secret, and httpx's client writes the URL of each request to its log; so requests go straight to
the transport, which does not. That follows no redirects either, which would carry the message elsewhere.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any
from urllib.parse import urlsplit

import httpx
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential, wait_random

from connectors.http_guard import confidential
from hub.contract.errors import DeliveryError
from hub.contract.secret import Secret
from pipelines.alerts.message import Message
from pipelines.alerts.settings import Channel, EmailChannel, SlackChannel, WebhookChannel

SECONDS = 8.0  # for one try; with three tries all channels are done before the minute that Dagster gives a sensor
_TRIES = 3
_LATER = frozenset({408, 425, 429})
_EMOJI = {"recovered": ":white_check_mark:", "test": ":bell:", "error": ":red_circle:", "warning": ":large_yellow_circle:"}


def deliver(channel: Channel, message: Message, wait: float = 0.5) -> str:
    """Send a message; what the channel answered.

    Args:
        wait: seconds before the second try.

    Raises:
        DeliveryError: it did not take it, after as many tries as make sense.
        ConfigError: the environment variable of a secret is not set, or holds no URL.
    """
    passing = retry_if_exception(lambda error: isinstance(error, DeliveryError) and error.passing)
    pause = wait_exponential(multiplier=wait) + wait_random(0, wait)
    tries = Retrying(retry=passing, stop=stop_after_attempt(_TRIES), wait=pause, reraise=True)
    return str(tries(_sender(channel), message))


def verify(channel: Channel) -> str:
    """Look at a channel's settings without sending anything: its secrets are there, its server of mail takes the user.

    Raises:
        DeliveryError, ConfigError: as `deliver`.
    """
    if not isinstance(channel, EmailChannel):
        host = urlsplit(_url(channel)).hostname
        if isinstance(channel, WebhookChannel) and channel.token is not None:
            channel.token.resolve()
        return f"sends to {host}; hub alerts test {channel.name} tries it"
    with _smtp(channel) as server:
        server.noop()
    return f"{channel.host} takes mail; hub alerts test {channel.name} sends one"


def _sender(channel: Channel) -> Callable[[Message], str]:
    match channel:
        case EmailChannel():
            return lambda message: _mail(channel, message)
        case SlackChannel():
            return lambda message: _post(channel, _slack(message), None)
        case WebhookChannel():
            return lambda message: _post(channel, message.payload(), channel.token)


# over HTTP -----------------------------------------------------------------------------------------------------------


def _url(channel: WebhookChannel | SlackChannel) -> str:
    url = channel.url.resolve()
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        parts = httpx.URL()
    if parts.scheme not in ("http", "https") or not parts.host:
        raise DeliveryError(
            f"{channel.url.variable} holds no URL", passing=False, channel=channel.name, remedy="it must begin with https://"
        )
    if not confidential(url):
        what = f"the URL in {channel.url.variable}, which is a secret, would go over the net in clear text"
        raise DeliveryError(what, passing=False, channel=channel.name, remedy="let it begin with https://")
    return url


def _post(channel: WebhookChannel | SlackChannel, body: dict[str, Any], token: Secret | None) -> str:
    headers = {"user-agent": "customer-hub"} | ({"authorization": f"Bearer {token.resolve()}"} if token else {})
    timeout = {"timeout": httpx.Timeout(SECONDS).as_dict()}
    request = httpx.Request("POST", _url(channel), json=body, headers=headers, extensions=timeout)
    try:
        with httpx.HTTPTransport() as transport:
            response = transport.handle_request(request)
            text = response.read()[:200].decode(errors="replace").strip()
            response.close()
    except httpx.TransportError as error:
        raise DeliveryError(f"no answer ({type(error).__name__})", passing=True, channel=channel.name) from None
    if response.is_success:
        return f"answered {response.status_code}"
    passing = response.status_code >= 500 or response.status_code in _LATER
    # Slack says why in one word, as no_service; anything else that is answered may repeat what was sent
    why = f" {text}" if re.fullmatch(r"[a-z_]{3,40}", text) else ""
    remedy = None if passing else f"renew {channel.url.variable}, then hub alerts test {channel.name}"
    raise DeliveryError(f"answered {response.status_code}{why}", passing=passing, channel=channel.name, remedy=remedy)


def _slack(message: Message) -> dict[str, Any]:
    mark = _EMOJI[message.event] if message.event in _EMOJI else _EMOJI[message.severity]
    head = f"{mark} *{_escaped(message.title)}* (hub {_escaped(message.hub)} on {_escaped(message.host)})"
    told = "\n".join(f"*{word}* {f'`{text}`' if word == 'next' else _escaped(text)}" for word, text in message.lines())
    # a section takes 3,000 characters
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": part[:2_900]}} for part in (head, told)]
    return {"text": f"{_escaped(message.title)}: {_escaped(message.what)}"[:2_900], "blocks": blocks}


def _escaped(text: str) -> str:
    """Slack's own escapes; without them a text could call people or hide links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# by mail -------------------------------------------------------------------------------------------------------------


def _mail(channel: EmailChannel, message: Message) -> str:
    mail = EmailMessage()
    mail["Subject"] = f"[hub {message.hub}] {message.title}"
    mail["From"], mail["To"] = channel.sender, ", ".join(channel.to)
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=channel.sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"  # so that nobody's absence answers it
    said = "\n".join(f"{word + ':':<7}{text}" for word, text in message.lines())
    mail.set_content(f"{message.title}\n\n{said}\n\nCustomer Hub {message.hub} on {message.host}, alert {message.key}\n")
    with _smtp(channel) as server:
        refused = server.send_message(mail)
    some = f"; it refused {len(refused)} of the addresses" if refused else ""
    return f"{channel.host} took the mail{some}"


@contextmanager
def _smtp(channel: EmailChannel) -> Iterator[smtplib.SMTP]:
    """A connection that is encrypted and logged in as the settings say; what fails while it is open is our error."""
    context = ssl.create_default_context()
    try:
        with (
            smtplib.SMTP_SSL(channel.host, channel.port, timeout=SECONDS, context=context)
            if channel.security == "tls"
            else smtplib.SMTP(channel.host, channel.port, timeout=SECONDS)
        ) as server:
            if channel.security == "starttls":
                server.starttls(context=context)
            if channel.user is not None and channel.password is not None:
                server.login(channel.user, channel.password.resolve())
            yield server
    except (smtplib.SMTPException, OSError) as error:
        raise _refusal(channel, error) from None


def _refusal(channel: EmailChannel, error: Exception) -> DeliveryError:
    """Without the server's own words, which repeat addresses."""
    host = channel.host
    match error:
        case smtplib.SMTPAuthenticationError():
            variable = channel.password.variable if channel.password else "the password"
            return DeliveryError(
                f"{host} refuses user or password", passing=False, channel=channel.name, remedy=f"renew {variable}"
            )
        case smtplib.SMTPNotSupportedError():
            return DeliveryError(
                f"{host} does not offer what security: {channel.security} takes", passing=False, channel=channel.name
            )
        case smtplib.SMTPRecipientsRefused():
            code = min(code for code, _ in error.recipients.values())
            return DeliveryError(f"{host} refuses all addresses under to: ({code})", passing=code < 500, channel=channel.name)
        case smtplib.SMTPResponseException():
            return DeliveryError(f"{host} answered {error.smtp_code}", passing=error.smtp_code < 500, channel=channel.name)
        case ssl.SSLCertVerificationError():
            return DeliveryError(f"{host} has no certificate that is trusted", passing=False, channel=channel.name)
    return DeliveryError(f"no answer from {host}:{channel.port} ({type(error).__name__})", passing=True, channel=channel.name)
