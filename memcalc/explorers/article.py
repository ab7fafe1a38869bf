"""What the explorer of the audit shows: how many claims have each verdict, and which claims they are."""

from collections import Counter

from memcalc import catalogue
from memcalc.article.claims import VERDICTS, claims
from memcalc.errors import choice
from memcalc.explorers.frame import Frame, explorer
from memcalc.explorers.svg import Label, Shapes, box, drawn_once

ALL = "all"  # the first entry of both menus
KINDS = [ALL, *dict.fromkeys(row["kind"] for row in catalogue.rows("claims"))]
_HALF = 0.35  # of the height of a bar


@explorer(
    presets={
        "all claims": {"kind": ALL, "verdict": ALL},
        "right in GiB alone": {"kind": ALL, "verdict": "holds only in GiB"},
        "wrong formulas": {"kind": "formula", "verdict": "wrong"},
    },
    menus={"kind": ("kind of claim", KINDS), "verdict": ("verdict", [ALL, *VERDICTS])},
)
def audit(*, kind: str, verdict: str) -> Frame:
    """Show how many claims of a kind have each verdict, and list those that have the chosen one.

    Raises InputError for another kind or verdict.

    >>> audit.frame(kind="formula", verdict="holds only in GiB").details[1]
    'C022 · That makes 16 GB for the cache of all 32 layers: holds only in GiB'
    """
    kind, verdict = choice("kind", kind, KINDS), choice("verdict", verdict, (ALL, *VERDICTS))
    of_kind = [claim for claim in claims() if kind in (ALL, claim.row["kind"])]
    found = [claim for claim in of_kind if verdict in (ALL, claim.verdict)]
    counts = Counter(claim.verdict for claim in of_kind)
    scope = "claims" if kind == ALL else f"claims of the kind {kind}"
    said = f"{len(found)} {scope}." if verdict == ALL else f"{len(found)} of {len(of_kind)} {scope}: {verdict}."
    said += f" By verdict: {', '.join(f'{name} {counts[name]}' for name in VERDICTS)}."
    details = [f"{claim.row['id']} · {claim.row['claim']}: {claim.verdict}" for claim in found] or ["none"]
    chosen = {name: value for name, value in (("kind", kind), ("verdict", verdict)) if value != ALL}
    code = f"claims.table({', '.join(f'{name}={value!r}' for name, value in chosen.items())})"
    return Frame(_picture(), _shapes(counts, verdict), said, details, code)


def _shapes(counts: Counter[str], chosen: str) -> Shapes:
    """Return the bars of the counts, and the arrow head before the chosen verdict, if there is one."""
    shapes = {}
    for y, verdict in enumerate(VERDICTS):
        count, of_all = counts[verdict], _everything()[verdict]
        shapes[f"verdict{y}"] = box(0, count, y - _HALF, y + _HALF)
        shapes[f"verdict{y}_count"] = Label(f"{count} of {of_all}", (of_all + 0.4, y + 0.15))
    y = VERDICTS.index(chosen) if chosen != ALL else None
    return shapes | {"chosen": [] if y is None else [(-2, y - 0.25), (-0.5, y), (-2, y + 0.25)]}


def _everything() -> Counter[str]:
    return Counter(claim.verdict for claim in claims())


@drawn_once(2.6)
def _picture(figure, axes) -> None:
    """Draw the bars that move in front of those of all claims, which stay."""
    everything = _everything()
    for y, verdict in enumerate(VERDICTS):
        axes.barh([y], [everything[verdict]], 2 * _HALF, color="none", edgecolor="0.5")
        axes.barh([y], [0], color="0.5", edgecolor="black", gid=f"verdict{y}")
        axes.text(0, y, "count", gid=f"verdict{y}_count", size=8, in_layout=False)
    axes.fill([0, 0, 0], [0, 0, 0], color="black", linewidth=0, gid="chosen")
    axes.set(yticks=range(len(VERDICTS)), yticklabels=VERDICTS, ylim=(len(VERDICTS) - 0.5, -0.5))
    axes.set_xlim(-2.5, 1.2 * max(everything.values()))
    axes.set(xlabel="claims: of your kind (filled), of all kinds (outline)")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
