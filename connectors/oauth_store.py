"""Where a rotating refresh token is kept between runs; see oauth.py for when."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub.contract.errors import ConfigError

log = logging.getLogger(__name__)

_MARGIN = 60.0  # seconds before its end at which an access token is renewed, so that it does not run out on the way


@dataclass(frozen=True, repr=False)
class Access:
    """An access token and when it ends (unix seconds by our clock)."""

    token: str
    ends: float

    def serves(self, refused: str | None) -> bool:
        """Whether it can be sent now."""
        return self.token != refused and time.time() < self.ends - _MARGIN


@dataclass(frozen=True, repr=False)
class Chain:
    """Where a chain of rotating refresh tokens stands.

    Attributes:
        refresh: the newest.
        former: the one before it.
        rotated_at: when the newest came (unix seconds).
        access: the access token that came with it.
    """

    refresh: str
    former: str | None = None
    rotated_at: float = 0.0
    access: Access | None = None


class TokenStore:
    """Keeps a chain in a folder that only its owner may read, one process at a time.

    A chain is known by a digest of the configured token it descends from: when a newly authorised token is configured, the old
    chain is forgotten.
    """

    def __init__(self, folder: Path, source: str) -> None:
        self._folder, self._source = folder, source
        self._file = folder / "oauth.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the store alone; waits for whoever holds it. Raises `ConfigError` if the folder cannot be used."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._folder / "oauth.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unusable(error) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)  # ends with the process that holds it, however that ends
            yield
        finally:
            os.close(lock)

    def load(self, configured: str) -> Chain | None:
        """The chain that descends from the configured token; None if there is none."""
        try:
            kept = json.loads(self._file.read_bytes())
            if kept["descends_from"] != _digest(configured):
                log.info("%s: another refresh token is configured than before; going on with it", self._source)
                return None
            access = Access(str(kept["access_token"]), float(kept["access_ends"]))
            return Chain(str(kept["refresh_token"]), kept["former"], float(kept["rotated_at"]), access)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error) from None
        except (ValueError, KeyError, TypeError):
            log.warning("%s: the stored refresh token cannot be read; trying the configured one", self._source)
            return None

    def save(self, configured: str, chain: Chain) -> None:
        """Write the chain, so that it outlives a crash of the machine. Raises `ConfigError` if it cannot be written."""
        assert chain.access is not None
        kept = {
            "descends_from": _digest(configured),
            "refresh_token": chain.refresh,
            "former": chain.former,
            "rotated_at": chain.rotated_at,
            "access_token": chain.access.token,
            "access_ends": chain.access.ends,
        }
        fresh = self._folder / f".oauth.{os.getpid()}.tmp"
        try:
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                json.dump(kept, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, self._file)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"cannot keep the refresh token in {self._folder} ({error.strerror})",
            source=self._source,
            remedy="free disk space or mend the folder's permissions, then run it again at once: the former token soon ends",
        )


def _digest(token: str) -> str:
    return hashlib.blake2b(token.encode(), digest_size=16).hexdigest()
