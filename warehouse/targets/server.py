"""The server of a target: which system it is, where its schemas are, and a connection whose errors are ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from hub.contract.errors import ConfigError, HubError
from warehouse.targets.errors import trouble
from warehouse.targets.settings import TargetSettings

_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
_EXTRA = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql"}
_PATIENCE_SECONDS = 10
_OPTIONS: dict[str, dict[str, Any]] = {
    "postgresql": {"connect_timeout": _PATIENCE_SECONDS, "application_name": "customer hub"},
    # reading a file of ours into a table is how MySQL loads fast; the hub only ever offers its own pipe
    "mysql": {"connect_timeout": _PATIENCE_SECONDS, "local_infile": True, "charset": "utf8mb4"},
}


class Server:
    """One target's server."""

    def __init__(self, settings: TargetSettings) -> None:
        self.settings = settings

    @property
    def name(self) -> str:
        """The target's name in hub.yaml."""
        return self.settings.name

    @cached_property
    def url(self) -> sa.URL:
        """The URL, resolved; a system named without a driver gets the one that is tested."""
        try:
            url = sa.make_url(self.settings.url.resolve().strip())
        except (sa.exc.ArgumentError, ValueError):
            raise ConfigError(
                f"{self.settings.url.variable} holds no database URL",
                field=f"publish.{self.name}.url",
                remedy="write it like postgresql://user:password@host/database, with / @ : % in the password as %2F %40 %3A %25",
            ) from None
        return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))

    @property
    def system(self) -> str:
        """postgresql, mysql (MariaDB as well), or the dialect's own name."""
        backend = self.url.get_backend_name()
        return "mysql" if backend == "mariadb" else backend

    @property
    def prefix(self) -> str:
        """What stands before the names of schemas. On MySQL a schema is a database of the whole server."""
        if self.settings.schema_prefix is not None:
            return self.settings.schema_prefix
        return f"{self.url.database}_" if self.system == "mysql" and self.url.database else ""

    @cached_property
    def engine(self) -> sa.Engine:
        """Connections are made anew for each publish and closed after it."""
        field = f"publish.{self.name}.url"
        options = _OPTIONS.get(self.system, {})
        # what the URL asks for itself wins
        options = {key: value for key, value in options.items() if key not in self.url.query}
        try:
            return sa.create_engine(self.url, poolclass=sa.pool.NullPool, hide_parameters=True, connect_args=options)
        except sa.exc.NoSuchModuleError:
            raise ConfigError(
                f"no database system is called {self.url.drivername}", field=field, remedy="postgresql and mysql are tested"
            ) from None
        except ImportError as error:
            extra = _EXTRA.get(self.url.get_backend_name())
            raise ConfigError(
                f"the driver for {self.url.drivername} is not installed ({error.name})",
                field=field,
                remedy=f'pip install "customer-hub[{extra}]"' if extra else "install the Python package of this database",
            ) from None

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """A connection of the driver's own, outside of any transaction; whatever it says inside is one of our errors.

        Raises:
            TargetError: the server refuses, fails or does not answer.
        """
        with self._told():
            pooled = self.engine.raw_connection()
            try:
                yield pooled.driver_connection
            finally:
                with suppress(self._driver_error):
                    pooled.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except HubError:
            raise
        except RuntimeError as error:
            # how PyMySQL says that it cannot log in where MySQL 8 wants the password encrypted
            if "cryptography" not in str(error):
                raise
            raise ConfigError(
                "the server takes passwords only encrypted, and the package cryptography is not installed",
                field=f"publish.{self.name}.url",
                remedy='pip install "pymysql[rsa]", or connect by TLS',
            ) from None
        except sa.exc.DBAPIError as error:
            raise trouble(error.orig, self.name, self.settings.url.variable) from error
        except (self._driver_error, OSError) as error:
            raise trouble(error, self.name, self.settings.url.variable) from error

    @property
    def _driver_error(self) -> Any:
        return self.engine.dialect.loaded_dbapi.Error
