"""The OpenMetrics text format, version 1.0: gauges with labels, escaped as the specification says.

Nothing of the hub is known here. A client library would keep counters of a process; a command that ends has none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass
class Gauge:
    """One metric family: a value per set of labels.

    Attributes:
        name: without unit; the unit is added to it, as the format demands.
        samples: labels and value; a value of None is left out.
    """

    name: str
    help: str
    unit: str = ""
    samples: list[tuple[Mapping[str, str], float | None]] = field(default_factory=list)

    def set(self, value: float | None, **labels: str) -> None:
        """Add a sample."""
        self.samples.append((labels, value))

    @property
    def full_name(self) -> str:
        """The name as it is exposed."""
        return f"{self.name}_{self.unit}" if self.unit else self.name


def exposition(gauges: Iterable[Gauge]) -> str:
    """The text of the families that have samples."""
    lines = []
    for gauge in gauges:
        told = [(labels, value) for labels, value in gauge.samples if value is not None]
        if not told:
            continue
        lines.append(f"# TYPE {gauge.full_name} gauge")
        if gauge.unit:
            lines.append(f"# UNIT {gauge.full_name} {gauge.unit}")
        lines.append(f"# HELP {gauge.full_name} {_escaped(gauge.help)}")
        lines += [f"{gauge.full_name}{_labels(labels)} {_number(value)}" for labels, value in told]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    inner = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inner}}}" if inner else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    if math.isfinite(value):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
