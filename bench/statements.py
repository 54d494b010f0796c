"""Which SQL statement takes how long: a connection that notes the CPU seconds of all that it runs, of all threads."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest import mock

_SPACE = re.compile(r"\s+")


class Noting:
    """Stands in for a DuckDB connection. `noted` has the beginning of each statement and its CPU seconds, in order."""

    def __init__(self, con: Any, noted: list[tuple[str, float]]) -> None:
        self._con, self._noted = con, noted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._con, name)

    def execute(self, query: Any, parameters: Any = None) -> Any:
        """Run what is asked for, the statements of a script one by one."""
        statements = self._con.extract_statements(query) if isinstance(query, str) and parameters is None else [query]
        result = self._con
        for statement in statements:
            began = time.process_time()
            result = self._con.execute(statement) if parameters is None else self._con.execute(statement, parameters)
            text = statement if isinstance(statement, str) else statement.query
            self._noted.append((_SPACE.sub(" ", text).strip(), time.process_time() - began))
        return result


@contextmanager
def noting() -> Iterator[list[tuple[str, float]]]:
    """Note all that the steps of a build run while this lasts."""
    from pipelines import build, publishing

    noted: list[tuple[str, float]] = []
    usual = build.writer

    @contextmanager
    def writer(settings: Any) -> Iterator[Any]:
        held: AbstractContextManager[Any] = usual(settings)
        with held as con:
            yield Noting(con, noted)

    with mock.patch.object(build, "writer", writer), mock.patch.object(publishing, "writer", writer):
        yield noted
