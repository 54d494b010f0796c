"""The bench of growing sizes resolves what it made, and says where the time went."""

from __future__ import annotations

from pathlib import Path

from bench.scale import PARTS, prepare, resolved


def test_every_part_of_a_resolution_is_timed(tmp_path: Path) -> None:
    path = tmp_path / "people.duckdb"
    prepare(path, 3_000, seed=1)
    figures = resolved(path)
    assert figures["records"] == 3_000
    assert set(figures["parts"]) == {*PARTS, "writing"}
    assert figures["f1"] > 0.9
    assert resolved(path)["candidate_pairs"] == figures["candidate_pairs"]
