"""The picture of the audit: a tile for each claim of the article, by section and verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

import pandas
from matplotlib.patches import Patch, Rectangle

from memcalc import claims
from memcalc.canvas import Drawn, canvas
from memcalc.figures import Picture

LOOKS = {
    "holds": ("#56B4E9", "✓"),
    "holds only in GB": ("#3FA587", "GB"),
    "holds only in GiB": ("#93CFBB", "GiB"),
    "holds under assumption": ("#F0E442", "if"),
    "wrong": ("#A63603", "✗"),
    "not checkable": ("#FFFFFF", "?"),
}
"""Verdict → colour and sign: the colours differ in lightness too, and the sign tells without any."""

_LEFT = {"alignment": "left", "borderpad": 0}
_WRAP = 19  # tiles of a row
_WRITTEN = {"ha": "center", "va": "center", "fontsize": 8, "linespacing": 0.95}


def claims_audit(rows: pandas.DataFrame | None = None) -> Drawn:
    """Draw one tile for each claim, with its number and its verdict, in one row or more for each section."""
    rows = _rows() if rows is None else rows
    lines = list(_rows_of_tiles(rows))
    with canvas(height=1.1 + 0.33 * len(lines)) as (figure, axes):
        for height, (_, tiles) in enumerate(lines):
            for place, tile in enumerate(tiles.itertuples()):
                _tile(axes, place, height, tile)
        axes.set(xlim=(-0.1, _WRAP), ylim=(len(lines), -0.1), xticks=[])
        axes.set(yticks=[height + 0.5 for height in range(len(lines))], yticklabels=[name for name, _ in lines])
        axes.tick_params(axis="y", length=0, labelsize=8)
        axes.spines[:].set_visible(False)
        _legend(figure, rows["verdict"].value_counts())
    return figure.told(_in_words(rows))


def _rows() -> pandas.DataFrame:
    return claims.table()[["id", "section", "claim", "kind", "verdict"]]


def _rows_of_tiles(rows: pandas.DataFrame) -> Iterator[tuple[str, pandas.DataFrame]]:
    """Yield what stands in a row: the name of its section, if it begins there, and its claims."""
    for section, group in rows.groupby("section", sort=False):
        for start in range(0, len(group), _WRAP):
            yield ("" if start else textwrap.fill(section, 22)), group.iloc[start : start + _WRAP]


def _tile(axes, place: int, height: int, claim) -> None:
    colour, sign = LOOKS[claim.verdict]
    axes.add_patch(Rectangle((place, height), 0.94, 0.88, facecolor=colour, edgecolor="black", linewidth=0.6))
    ink = "white" if claim.verdict == "wrong" else "black"
    axes.text(place + 0.47, height + 0.45, f"{claim.id[1:]}\n{sign}", color=ink, **_WRITTEN)


def _legend(figure: Drawn, counts: Mapping[str, int]) -> None:
    keys = [
        Patch(facecolor=colour, edgecolor="black", label=f"{sign}  {verdict}: {counts.get(verdict, 0)}")
        for verdict, (colour, sign) in LOOKS.items()
    ]
    title = f"The {sum(counts)} claims of the article, by section and verdict"
    bold = {"size": 10, "weight": "bold"}
    figure.legend(handles=keys, title=title, title_fontproperties=bold, loc="outside upper left", ncols=3, **_LEFT)


def _in_words(rows: pandas.DataFrame) -> str:
    """Say what the picture of the audit shows."""
    counts = rows["verdict"].value_counts()
    verdicts = ", ".join(f"{verdict}: {counts.get(verdict, 0)}" for verdict in LOOKS)
    sections = [
        f"{section} {len(group)}, of which {(group['verdict'] == 'wrong').sum()} wrong"
        for section, group in rows.groupby("section", sort=False)
    ]
    return f"One tile a claim, with its number and a sign. {verdicts}. By section: {'; '.join(sections)}."


PICTURE = Picture(
    "claims_audit",
    _rows,
    claims_audit,
    caption="Every claim of the article as one tile with its number, in the order of the text, one row or more a"
    " section. Colour and sign give the verdict, the legend how many claims have it.",
    describe=_in_words,
)
"""The picture of the audit."""
