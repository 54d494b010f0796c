"""Checks of what others can read: files of this machine, secrets that stand in hub.yaml, and lines that are not encrypted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from connectors.contract import Secret
from connectors.http_guard import confidential
from hub.contract.errors import ConfigError
from pipelines.doctor.finding import Finding
from pipelines.doctor.look import Look

# what a URL must say for its driver to find out whether the server is the one it should be
_VERIFIED = {
    "postgresql": ("sslmode", ("verify-full", "verify-ca"), "sslmode=verify-full&sslrootcert=/PATH/ca.pem"),
    "mysql": ("ssl_ca", None, "ssl_ca=/PATH/ca.pem&ssl_verify_identity=true"),
}


def secrecy(look: Look) -> Iterator[Finding]:
    """Each of them; that all is well is told once."""
    found = [*_files(look), *_written_down(look), *_lines(look)]
    yield from found
    if not found:
        what = "the hub's files are its user's and group's, no secret stands in hub.yaml, and databases elsewhere show who they are"
        yield Finding("secrecy", "ok", what, str(look.hub.config.root))


def _files(look: Look) -> Iterator[Finding]:
    config = look.hub.config
    folders = {config.warehouse.path.parent, config.warehouse.golden.parent, config.warehouse.landing.parent}
    for place, allowed in [(config.root / ".env", 0o600), *((folder, 0o750) for folder in sorted(folders))]:
        if place.exists() and place.stat().st_mode & 0o777 & ~(allowed | 0o070):
            what = "every user of this machine can look into it"
            yield Finding("secrecy", "warning", what, str(place), f"chmod {allowed:o} {place}")


def _written_down(look: Look) -> Iterator[Finding]:
    for source, settings in look.hub.config.sources.items():
        if settings.base_url is not None and not settings.base_url.startswith("https:"):
            continue  # a sandbox
        for name in type(settings).model_fields:
            given = getattr(settings, name)
            if isinstance(given, Secret) and given.is_written_down:
                what = f"{given.variable} is not set, and what stands in hub.yaml in its place is used"
                remedy = f"set {given.variable}, and take it out of hub.yaml"
                yield Finding("secrecy", "warning", what, f"sources.{source}.{name}", remedy)


def _lines(look: Look) -> Iterator[Finding]:
    config = look.hub.config
    urls: list[tuple[str, Any]] = [(f"publish.{target.name}.url", target.url) for target in config.publish]
    given_by = {name: getattr(settings, "url", None) for name, settings in config.sources.items()}
    urls += [(f"sources.{name}.url", url) for name, url in given_by.items() if isinstance(url, Secret)]
    if "://" in config.warehouse.control:
        urls.append(("warehouse.control", config.warehouse.control))
    for place, given in urls:
        try:
            url = sa.make_url(given.resolve() if isinstance(given, Secret) else given)
        except (ConfigError, sa.exc.ArgumentError):
            continue  # hub check says so
        backend = "mysql" if url.get_backend_name() in ("mysql", "mariadb") else url.get_backend_name()
        if backend not in _VERIFIED or url.host is None or url.host.startswith("/") or confidential(f"http://{url.host}"):
            continue
        name, wanted, remedy = _VERIFIED[backend]
        if url.query.get(name) is None or (wanted is not None and url.query[name] not in wanted):
            what = f"whoever sits between here and {url.host} could read along, or say that he is that server"
            yield Finding("secrecy", "warning", what, place, f"add ?{remedy} to the URL")
