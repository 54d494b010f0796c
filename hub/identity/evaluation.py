"""How good a crosswalk is, given the truth about some of its records.

Pairwise precision and recall count pairs of records; B-cubed (Bagga and Baldwin 1998) averages over records and so is not ruled by
large clusters. Only records that the truth names are counted; whether the crosswalk holds more is not judged.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.contract.errors import ConfigError
from hub.identity.sql import Connection, one, rows, run


@dataclass(frozen=True)
class Evaluation:
    """Figures of a crosswalk against the truth.

    Attributes:
        records: records that the truth names.
        missing: those that the crosswalk does not hold; each counts as a customer of its own.
        largest_cluster, largest_entity: in records that the truth names.
        exact_entities: share of entities that are exactly one customer.
    """

    records: int
    missing: int
    entities: int
    customers: int
    true_pairs: int
    found_pairs: int
    correct_pairs: int
    bcubed_precision: float
    bcubed_recall: float
    exact_entities: float
    largest_cluster: int
    largest_entity: int

    @property
    def precision(self) -> float:
        """Share of the linked pairs that are right; 1 if nothing was linked."""
        return self.correct_pairs / self.found_pairs if self.found_pairs else 1.0

    @property
    def recall(self) -> float:
        """Share of the true pairs that were linked; 1 if there are none."""
        return self.correct_pairs / self.true_pairs if self.true_pairs else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _harmonic(self.precision, self.recall)

    @property
    def bcubed_f1(self) -> float:
        """Harmonic mean of both B-cubed figures."""
        return _harmonic(self.bcubed_precision, self.bcubed_recall)


def evaluate(con: Connection, xref_relation: str, truth_relation: str) -> Evaluation:
    """Compares a crosswalk with the truth.

    Args:
        xref_relation: columns source_system, stream, source_record_id, customer_id, and is_current if it has history.
        truth_relation: columns source_system, source_record_id, entity_id, and stream where IDs repeat across streams.

    Raises:
        ConfigError: a column is missing, a record is named twice in the truth, or a record ID exists in two streams of a source and
            the truth does not say which is meant.
    """
    _read(con, truth_relation, xref_relation, "customer_id")
    run(con, "evaluation")
    evaluation = _figures(con)
    con.execute("DROP TABLE ev_truth; DROP TABLE ev_found; DROP TABLE ev_joined; DROP TABLE ev_cell")
    return evaluation


def truth_of(con: Connection, records_relation: str, truth_relation: str, name: str) -> None:
    """Makes the temporary table ``name`` (record_key, entity_id): the entity of each record that the truth names.

    Args:
        records_relation: columns record_key, source_system, stream, source_record_id.
        truth_relation: as in ``evaluate``, which says what it raises.
    """
    _read(con, truth_relation, records_relation, "record_key")
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT record_key, entity_id FROM ev_found JOIN ev_truth "
        "USING (source_system, source_record_id) WHERE ev_truth.stream IS NULL OR ev_truth.stream = ev_found.stream"
    )
    con.execute("DROP TABLE ev_truth; DROP TABLE ev_found")


def _read(con: Connection, truth_relation: str, found_relation: str, wanted: str) -> None:
    """Makes ev_truth and ev_found, and sees to it that each record of the one is at most one of the other."""
    truth = _columns(con, truth_relation, {"source_system", "source_record_id", "entity_id"}, "truth")
    found = _columns(con, found_relation, {"source_system", "stream", "source_record_id", wanted}, "crosswalk")
    stream = "stream::VARCHAR" if "stream" in truth else "NULL::VARCHAR"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE ev_truth AS SELECT source_system::VARCHAR AS source_system, {stream} AS stream, "
        f"source_record_id::VARCHAR AS source_record_id, entity_id::VARCHAR AS entity_id FROM {truth_relation}"
    )
    current = " WHERE is_current" if "is_current" in found else ""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE ev_found AS SELECT source_system, stream, source_record_id, {wanted} "
        f"FROM {found_relation}{current}"
    )
    _refuse_ambiguity(con)


def _columns(con: Connection, relation: str, needed: set[str], what: str) -> set[str]:
    columns = {name for name, *_ in rows(con, f"DESCRIBE FROM {relation}")}
    if needed - columns:
        raise ConfigError(f"the {what} lacks {', '.join(sorted(needed - columns))}", remedy=f"it needs {', '.join(sorted(needed))}")
    return columns


def _refuse_ambiguity(con: Connection) -> None:
    twice = """
        SELECT source_system, source_record_id FROM ev_truth
        GROUP BY source_system, source_record_id, stream HAVING count(*) > 1 ORDER BY ALL LIMIT 1"""
    found = rows(con, twice)
    if found:
        source, record = found[0]
        raise ConfigError("the truth names this record twice", source=source, record=record, remedy="keep one row a record")
    unclear = """
        SELECT source_system, source_record_id FROM ev_truth JOIN ev_found USING (source_system, source_record_id)
        WHERE ev_truth.stream IS NULL GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1"""
    found = rows(con, unclear)
    if found:
        raise ConfigError(
            "this record ID exists in two streams and the truth does not say which is meant",
            source=found[0][0],
            record=found[0][1],
            remedy="add a column stream to the truth",
        )


def _figures(con: Connection) -> Evaluation:
    pairs = "SELECT coalesce(sum(n * (n - 1) // 2), 0)::BIGINT FROM "
    by = "(SELECT sum(n) AS n FROM ev_cell GROUP BY {})"
    cells = """
        SELECT coalesce(sum(c.n * c.n / k.n) / sum(c.n), 1), coalesce(sum(c.n * c.n / e.n) / sum(c.n), 1),
          coalesce(avg((c.n = k.n AND c.n = e.n)::INT) * count(*) / count(DISTINCT entity_id), 1)
        FROM ev_cell AS c JOIN (SELECT customer_id, sum(n) AS n FROM ev_cell GROUP BY customer_id) AS k USING (customer_id)
        JOIN (SELECT entity_id, sum(n) AS n FROM ev_cell GROUP BY entity_id) AS e USING (entity_id)"""
    precision, recall, exact = rows(con, cells)[0]
    return Evaluation(
        records=one(con, "SELECT count(*) FROM ev_joined"),
        missing=one(con, "SELECT count(*) FILTER (missing) FROM ev_joined"),
        entities=one(con, "SELECT count(DISTINCT entity_id) FROM ev_cell"),
        customers=one(con, "SELECT count(DISTINCT customer_id) FROM ev_cell"),
        true_pairs=one(con, pairs + by.format("entity_id")),
        found_pairs=one(con, pairs + by.format("customer_id")),
        correct_pairs=one(con, pairs + "ev_cell"),
        bcubed_precision=float(precision),
        bcubed_recall=float(recall),
        exact_entities=float(exact),
        largest_cluster=int(one(con, f"SELECT coalesce(max(n), 0) FROM {by.format('customer_id')}")),
        largest_entity=int(one(con, f"SELECT coalesce(max(n), 0) FROM {by.format('entity_id')}")),
    )


def _harmonic(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b else 0.0
