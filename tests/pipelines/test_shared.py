"""A hub that many begin with is built once, and anew where its building failed half way."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipelines.shared import built_once, copy_of


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return f"of-{request.node.name}"


def test_it_is_built_once_for_all_who_ask(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    built: list[Path] = []
    first = built_once(tmp_path_factory, name, built.append)
    assert built_once(tmp_path_factory, name, built.append) == first
    assert built == [first]


def test_half_a_hub_is_never_handed_out(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    def fails(root: Path) -> None:
        (root / "half").touch()
        raise OSError("no more room")

    for _ in range(2):
        with pytest.raises(OSError, match="no more room"):
            built_once(tmp_path_factory, name, fails)
    whole = built_once(tmp_path_factory, name, lambda root: (root / "whole").touch())
    assert [path.name for path in whole.iterdir()] == ["whole"]


def test_a_copy_has_all_but_the_dagster_instance(tmp_path: Path) -> None:
    hub, copy = tmp_path / "hub", tmp_path / "copy"
    for folder in ("var", "data/var"):
        (hub / folder).mkdir(parents=True)
    (hub / "data" / "golden").symlink_to("published")
    copy_of(hub, copy)
    assert {str(path.relative_to(copy)) for path in copy.rglob("*")} == {"data", "data/var", "data/golden"}
    assert (copy / "data" / "golden").readlink() == Path("published")
