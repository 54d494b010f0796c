"""Great Expectations costs seconds to import, so only a judgement may."""

from __future__ import annotations

import subprocess
import sys

import expectations


def test_importing_the_wing_imports_neither_great_expectations_nor_pandas() -> None:
    code = "import sys, expectations; print(sorted({'great_expectations', 'pandas', 'pycountry', 'babel'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == "[]"


def test_what_the_wing_offers_is_there() -> None:
    assert all(hasattr(expectations, name) for name in expectations.__all__)
    assert {"judge", "check_rows", "to_markdown", "GateSettings"} <= set(expectations.__all__)
