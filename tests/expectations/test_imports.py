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


def test_a_judgement_ends_well_in_a_process_whose_main_module_has_no_file() -> None:
    """Where PySpark is installed, its Connect client ends such a process, with exit code 0 and without a verdict."""
    code = (
        "import pandas as pd; from expectations import check_rows;"
        " frame = pd.DataFrame({'record_key': ['a', None]}, dtype=object);"
        " print([f.row for f in check_rows('party_record', frame, 'record_key').quarantine])"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == "[1]"


def test_statistics_are_imported_once_an_expectation_asks_for_them() -> None:
    code = (
        "import sys, pandas as pd; from expectations.engine import validate_any; from expectations.gx_import import import_gx;"
        " import_gx(); import great_expectations.expectations as gxe; before = 'scipy.stats._stats_py' in sys.modules;"
        " judged = validate_any(pd.DataFrame({'plan': ['a', 'b', 'b', 'b']}), 'plans', gxe.ExpectColumnKLDivergenceToBeLessThan("
        "column='plan', partition_object={'values': ['a', 'b'], 'weights': [.25, .75]}, threshold=.01));"
        " print(before, judged.success, 'scipy.stats._stats_py' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout.split() == ["False", "True", "True"]


def test_charts_are_imported_once_a_report_draws_one() -> None:
    code = (
        "import sys; from expectations.gx_import import import_gx; import_gx();"
        " from great_expectations.expectations.core import expect_column_kl_divergence_to_be_less_than as drawing;"
        " before = 'altair' in sys.modules; chart = drawing.alt.Chart; import altair;"
        " print(before, chart is altair.Chart, sys.modules['altair'].__spec__ is not None)"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout.split() == ["False", "True", "True"]
