"""Where tests find database servers; those that a machine lacks are skipped with the reason, never silently."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

POSTGRES = os.environ.get("HUB_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/test")
MARIADB = os.environ.get("HUB_TEST_MARIADB", "mysql+pymysql://root@127.0.0.1:3306/test")


def demand(url: str) -> str:
    """The URL, if a server answers there; else the test is skipped, or fails where CI says that it must be there."""
    try:
        engine = sa.create_engine(url, connect_args={"connect_timeout": 3})
        with engine.connect() as con:
            con.execute(sa.text("SELECT 1"))
        engine.dispose()
    except sa.exc.OperationalError as error:
        place = urlsplit(url).netloc.rpartition("@")[2]
        if os.environ.get("HUB_TEST_REQUIRE_SERVERS"):
            raise
        pytest.skip(f"no database server answers at {place} ({type(error.orig).__name__})")
    return url
