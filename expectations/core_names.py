"""Which expectations Great Expectations' core has and which arguments each takes, read from its files.

Importing Great Expectations costs seconds, and every command reads hub.yaml; so a name is checked without. Arguments are the fields
that the expectation's class and its bases declare.
"""

from __future__ import annotations

import ast
import difflib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

# declared by GX for its own use; what they are for is said by keys of ours, or they would let values out
_OURS = frozenset(
    {"severity", "meta", "id", "notes", "result_format", "catch_exceptions", "rendered_content", "windows", "batch_id"}
)


@cache
def core_expectations() -> tuple[str, ...]:
    """The snake names of all core expectations, sorted; a file that GX itself does not export is none."""
    tree = ast.parse((_folder() / "core" / "__init__.py").read_text(encoding="utf-8"))
    modules = (node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom))
    return tuple(sorted(name for name in (module.rpartition(".")[2] for module in modules) if name.startswith("expect_")))


@cache
def arguments(expectation: str) -> frozenset[str]:
    """The arguments of a core expectation."""
    classes = _classes(_folder() / "expectation.py") | _classes(_folder() / "core" / f"{expectation}.py")
    found: set[str] = set()
    todo = [class_name(expectation)]
    while todo:
        fields, bases = classes.get(todo.pop(), (frozenset(), ()))
        found |= fields
        todo += bases
    return frozenset(found - _OURS)


def class_name(expectation: str) -> str:
    """`expect_column_values_to_be_unique` -> `ExpectColumnValuesToBeUnique`, whatever the case of its letters in the file."""
    plain = expectation.replace("_", "").lower()
    tree = ast.parse((_folder() / "core" / f"{expectation}.py").read_text(encoding="utf-8"))
    return next(node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.name.lower() == plain)


def problem(expectation: str, given: set[str]) -> str | None:
    """What is wrong with the name or the arguments of an expectation, and the nearest right one; None if nothing is."""
    known = core_expectations()
    if expectation not in known:
        return f"no expectation {expectation!r}; {_nearest(expectation, known)}"
    allowed = arguments(expectation)
    unknown = sorted(given - allowed)
    if unknown:
        return f"{expectation} takes no {unknown[0]!r}; {_nearest(unknown[0], sorted(allowed))}"
    return None


def _nearest(word: str, known: tuple[str, ...] | list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"


@cache
def _folder() -> Path:
    spec = find_spec("great_expectations")
    assert spec is not None, "a dependency of ours"
    assert spec.submodule_search_locations, "a package"
    return Path(spec.submodule_search_locations[0]) / "expectations"


@cache
def _classes(path: Path) -> dict[str, tuple[frozenset[str], tuple[str, ...]]]:
    """The classes of a file: the fields each declares, and the names of its bases."""
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ClassDef):
            continue
        fields = [item for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)]
        names = [item.target.id for item in fields if "ClassVar" not in ast.unparse(item.annotation)]  # type: ignore[union-attr]
        bases = tuple(base.id for base in node.bases if isinstance(base, ast.Name))
        found[node.name] = (frozenset(name for name in names if not name.startswith("_")), bases)
    return found
