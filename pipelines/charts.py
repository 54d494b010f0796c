"""Pictures of the linkage: match weights per comparison level, and how the weight of one pair comes about.

The format follows from the file's name (.svg, .png, .pdf). Matplotlib is imported only when a picture is drawn, without a display
and without fonts from elsewhere: text stays text in SVG. What is drawn names levels and record keys, never values of a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from hub.contract.errors import ConfigError
from hub.identity import Explanation, ModelCard

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Point = tuple[float, float]
FORMATS = (".svg", ".png", ".pdf")
_NAMED = {"unrelated": "strangers", "household": "one household", "workplace": "one workplace"}
_FOR, _AGAINST, _TOTAL, _QUIET = "#2f7f6f", "#b5523b", "#30435c", "#8a8f98"


def model_chart(card: ModelCard, path: Path) -> None:
    """Draw the match weights of a model into a file.

    Raises:
        ConfigError: the file's name ends in none of FORMATS, or it cannot be written.
    """
    with _sink(path) as sink:
        draw_model(card, sink, path.suffix[1:].lower())


def pair_chart(found: Explanation, path: Path) -> None:
    """Draw the waterfall of one pair into a file. Raises as `model_chart` does."""
    with _sink(path) as sink:
        draw_pair(found, sink, path.suffix[1:].lower())


@contextmanager
def _sink(path: Path) -> Iterator[BinaryIO]:
    """A file that appears only when the picture is whole."""
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(f"{path.name} is no picture", field="--chart", remedy=f"end its name in {', '.join(FORMATS)}")
    drawn = BytesIO()
    yield drawn
    try:
        path.write_bytes(drawn.getvalue())
    except OSError as error:
        raise ConfigError(f"cannot write {path} ({error.strerror})", field="--chart", remedy="name a folder that exists") from error


def draw_model(card: ModelCard, sink: BinaryIO, form: str) -> None:
    """Draw the match weight of every level: a bar against chance, a mark against people of one household."""
    figure, axes = _figure(8.0, 0.17 * len(card.levels) + 1.6)
    places = _places([level.comparison for level in card.levels])
    bars = [level.weight for level in card.levels]
    for colour, side in ((_FOR, True), (_AGAINST, False)):
        mine = [(place, bar) for place, bar in zip(places, bars, strict=True) if (bar > 0) == side]
        _strokes(axes, [((0, place), (bar, place)) for place, bar in mine], colour, 7.5, "against strangers" if side else None)
    marks = [((w.household, place - 0.35), (w.household, place + 0.35)) for w, place in zip(card.levels, places, strict=True)]
    _strokes(axes, marks, _TOTAL, 1.2, "against a household")
    axes.set_yticks(places, [level.level for level in card.levels])
    for name in dict.fromkeys(level.comparison for level in card.levels):
        first = next(i for i, level in enumerate(card.levels) if level.comparison == name)
        axes.annotate(name, (0, places[first] + 0.95), xycoords=("axes fraction", "data"), fontsize=7.5, weight="bold", va="center")
    axes.set_xlabel("match weight of the level, log2(m / u): right speaks for one customer, left against")
    axes.legend(loc="lower right", frameon=False, fontsize=8)
    made = "learnt from" if card.origin == "trained" else "defaults, used with"
    axes.set_title(f"Model {card.version}, {made} {card.trained_records:,} records", loc="left", fontsize=9)
    axes.margins(y=0.01)
    _save(figure, sink, form)


def _strokes(axes: Axes, strokes: Sequence[tuple[Point, Point]], colour: str, width: float, label: str | None) -> None:
    """Draw many strokes as one line with gaps: a twentieth of the size of an element each."""
    points = [point for start, end in strokes for point in (start, end, (nan, nan))]
    x, y = [x for x, _ in points], [y for _, y in points]
    axes.plot(x, y, color=colour, linewidth=width, solid_capstyle="butt", label=label)


def _places(groups: Sequence[str]) -> list[float]:
    """Where the bars stand, from top to bottom, with room for a heading between groups."""
    places, here = [], 0.0
    for index, group in enumerate(groups):
        here -= 1.0 if index and group == groups[index - 1] else 2.2
        places.append(here)
    return places


def draw_pair(found: Explanation, sink: BinaryIO, form: str) -> None:
    """Draw how prior, comparisons and other explanations add up to the match weight of a pair; what is missing adds nothing."""
    steps = [("prior", found.prior_weight)]
    steps += [(f"{c.comparison}: {c.level}", c.weight) for c in found.comparisons if c.m is not None]
    if found.other_explanations <= -0.05:  # less is not seen
        steps.append(("other explanations", found.other_explanations))
    figure, axes = _figure(8.0, 0.3 * (len(steps) + 1) + 1.5)
    start = 0.0
    for place, (_, weight) in enumerate(steps):
        axes.barh(-place, weight, left=start, height=0.6, color=_FOR if weight > 0 else _AGAINST)
        axes.plot([start + weight] * 2, [-place - 1.3, -place], color=_QUIET, linewidth=0.7)
        _label(axes, max(start, start + weight), -place, weight)
        start += weight
    axes.barh(-len(steps), found.match_weight, height=0.6, color=_TOTAL)
    _label(axes, max(0.0, found.match_weight), -len(steps), found.match_weight)
    axes.set_yticks([-place for place in range(len(steps) + 1)], [*(name for name, _ in steps), "match weight"])
    axes.margins(x=0.12)
    axes.set_xlabel(f"bits for one customer against the likeliest other explanation, {_NAMED[found.alternative]}")
    said = "one customer" if found.same_customer else "two customers"
    judged = f"probability of a match {found.match_probability:.4f}; published as {said}"
    axes.set_title(f"{found.record_key_l}  and  {found.record_key_r}\n{judged}", loc="left", fontsize=9)
    _save(figure, sink, form)


def _label(axes: Axes, x: float, y: float, weight: float) -> None:
    axes.annotate(f"{weight:+.1f}", (x, y), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7.5)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    axes.axvline(0, color=_QUIET, linewidth=0.8)
    axes.tick_params(labelsize=7.5, length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.xaxis.label.set_fontsize(8)
    return figure, axes


def _save(figure: Figure, sink: BinaryIO, form: str) -> None:
    from matplotlib import rc_context

    undated = {"Date": None} if form == "svg" else {"CreationDate": None} if form == "pdf" else None
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "customer-hub", "font.sans-serif": ["DejaVu Sans"]}):
        figure.savefig(sink, format=form, metadata=undated)
