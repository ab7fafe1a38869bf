"""What the explorer of the audit shows: how many claims have each verdict, and which claims they are."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence
from functools import cache

from memcalc import catalogue
from memcalc.claims import VERDICTS, Claim, claims
from memcalc.errors import choice
from memcalc.figures import canvas
from memcalc.scenes import Frame
from memcalc.stage import Point, Stage, box

ALL = "all"
"""The first entry of both menus."""

_LISTED = 12  # claims that are named; of more, the number is said


def kinds() -> list[str]:
    """Return what the menu of kinds offers: all, or one kind of claim.

    >>> kinds()
    ['all', 'formula', 'opinion', 'history', 'specification', 'prediction']
    """
    return [ALL, *dict.fromkeys(row["kind"] for row in catalogue.rows("claims"))]


def verdicts() -> list[str]:
    """Return what the menu of verdicts offers: all, or one verdict.

    >>> verdicts()[:2]
    ['all', 'holds']
    """
    return [ALL, *VERDICTS]


def audit(*, kind: str, verdict: str) -> Frame:
    """Show how many claims of a kind have each verdict, and list those that have the chosen one.

    Parameters
    ----------
    kind : one of `kinds()`
    verdict : one of `verdicts()`

    Raises InputError for another kind or verdict.

    >>> "<li>C022 · That makes 16 GB" in audit(kind="formula", verdict="holds only in GiB").words
    True
    """
    kind, verdict = choice("kind", kind, kinds()), choice("verdict", verdict, verdicts())
    of_kind = [claim for claim in claims() if kind in (ALL, claim.row["kind"])]
    found = [claim for claim in of_kind if verdict in (ALL, claim.verdict)]
    counts = Counter(claim.verdict for claim in of_kind)
    scope = "claims" if kind == ALL else f"claims of the kind {kind}"
    title = f"{len(found)} {scope}." if verdict == ALL else f"{len(found)} of {len(of_kind)} {scope}: {verdict}."
    summary = f"By verdict: {', '.join(f'{name} {counts[name]}' for name in VERDICTS)}."
    return Frame(_bars().frame(f"{title} {summary}", **_shapes(counts, verdict)), _in_words(title, summary, found))


def _in_words(title: str, summary: str, found: Sequence[Claim]) -> str:
    lines = [f"{claim.row['id']} · {claim.row['claim']}: {claim.verdict}" for claim in found[:_LISTED]] or ["none"]
    lines += [f"and {len(found) - _LISTED} more"] if len(found) > _LISTED else []
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return f"<p style='margin: 0'><b>{title}</b><br>{summary}</p><ul style='margin: 0'>{items}</ul>"


def _shapes(counts: Counter[str], chosen: str) -> dict[str, list[Point]]:
    """Return the bars of the counts, and the arrow head before the chosen verdict: a mere point if there is none."""
    bars = {name: box(0, counts[verdict], y - _HALF, y + _HALF) for y, (name, verdict) in enumerate(_NAMES.items())}
    size, y = (0, 0) if chosen == ALL else (1, VERDICTS.index(chosen))
    return bars | {"chosen": [(-2 * size, y - 0.25 * size), (-0.5 * size, y), (-2 * size, y + 0.25 * size)]}


@cache
def _bars() -> Stage:
    """Draw the bars that move in front of those of all claims, which stay."""
    everything = Counter(claim.verdict for claim in claims())
    with canvas(7.0, 2.6) as (figure, axes):
        for place, (name, verdict) in enumerate(_NAMES.items()):
            whole = axes.barh([place], [everything[verdict]], 2 * _HALF, color="none", edgecolor="0.5")
            axes.bar_label(whole, padding=4)
            axes.barh([place], [0], color="0.5", edgecolor="black", gid=name)
        axes.fill([0, 0, 0], [0, 0, 0], color="black", linewidth=0, gid="chosen")
        axes.set(yticks=range(len(VERDICTS)), yticklabels=VERDICTS, ylim=(len(VERDICTS) - 0.5, -0.5))
        axes.set_xlim(-2.5, 1.1 * max(everything.values()))
        axes.set(xlabel="claims: of your kind (filled), of all kinds (outline)")
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        return Stage(figure, (*_NAMES, "chosen"))


_HALF = 0.35  # of the height of a bar
_NAMES = {f"verdict{place}": verdict for place, verdict in enumerate(VERDICTS)}
"""Shape → the verdict whose bar it is."""
