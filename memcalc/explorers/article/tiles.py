"""The map of the article's claims: tiles with the marks of their verdicts; those of exercises are envelopes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from memcalc import catalogue
from memcalc.article.claims import VERDICTS, Claim, claims
from memcalc.explorers.article.recount import capital
from memcalc.explorers.frame import Frame
from memcalc.explorers.marks import Marks
from memcalc.texts import later, tr

ALL = later("all")
"""The first entry of the menus that sort claims."""

KINDS = [ALL, *dict.fromkeys(row["kind"] for row in catalogue.rows("claims"))]
SECTIONS = [ALL, *dict.fromkeys(row["section"] for row in catalogue.rows("claims"))]
ORDERS = (later("the article"), later("their verdicts"))

SIGNS = {row["name"]: row["sign"] for row in catalogue.rows("verdicts")}
"""Verdict → its mark, which needs no colour."""

SEALED = {row["id"] for row in catalogue.rows("claims") if row["exercise"]}
"""The claims that exercises ask about: closed until the reader has a verdict of their own."""

_ASKS = later(
    "Here are {table} of the article, in the order of {order}. Show of the kinds {kind}, of the sections {section}, "
    "and of the verdicts {verdict}."
)

PITCH = 27.4
"""How far apart tiles are [px]."""

SIDE = 24.4
"""How wide a tile is [px]."""

_LETTER = 6.8  # how wide a letter of a word beside a tile is, about [px]


@dataclass(frozen=True)
class Sorted:
    """Which claims are looked for, and in which order they lie."""

    kind: str
    section: str
    verdict: str
    order: str

    def has(self, one: Claim) -> bool:
        """Return whether a claim is of the kind and the section that are looked for."""
        return self.kind in (ALL, one.row["kind"]) and self.section in (ALL, one.row["section"])

    def shows(self, one: Claim, closed: bool) -> bool:
        """Return whether a claim is looked for; whether a closed one has the verdict is not betrayed."""
        return self.has(one) and (closed or self.verdict in (ALL, one.verdict))

    def place(self, one: Claim, closed: bool) -> tuple[int, int]:
        """Return a number by which claims are put in order: closed ones lie at the end, whatever their verdicts."""
        if self.order == ORDERS[0]:
            return 0, 0
        return 1, len(VERDICTS) if closed else VERDICTS.index(one.verdict)


def frame(marks: Marks, number: int, wanted: Sorted, mine: str, places: Mapping[str, Mapping[str, str]]) -> Frame:
    """Return the frame of the map with one claim open.

    Parameters
    ----------
    number : of the claim that is open
    wanted : which claims are looked for
    mine : the reader's own verdict on it, if there is one yet
    places : claim → the settings that show it in its table
    """
    chosen = claims()[number - 1]
    closed = {one.row["id"] for one in claims() if one.row["id"] in SEALED and not (one is chosen and mine)}
    top = _map(marks, wanted, chosen, closed)
    open_ = [one for one in claims() if one.row["id"] not in closed]
    counts = Counter(one.verdict for one in open_ if wanted.has(one))
    asks = chosen.row["id"] in closed
    bottom = judging(marks, chosen, top) if asks else _legend(marks, counts, wanted.verdict, top)
    if place := places.get(chosen.row["id"]):
        _link(marks, {**place, "mine": mine}, top)
    listed = ", ".join(f"{tr(name)} {counts[name]}" for name in VERDICTS)
    return Frame(
        marks=marks,
        height=round(bottom),
        said=_said(chosen, asks, mine),
        code=f"claims.claim({chosen.row['id']!r})",
        notes=_notes(chosen, asks),
        alt=tr(_SEEN, count=len(claims()), listed=listed, closed=len(closed)),
        sentence=_ASKS,
    )


_SEEN = later("{count} claims, a tile each. By verdict: {listed}; {closed} wait for yours.")


def judging(marks: Marks, one: Claim, top: float) -> float:
    """Write the verdicts that the reader can give to a claim; return where they end."""
    entries = [Key(f"key_{name}", SIGNS[name], _short(name), {"mine": name}) for name in VERDICTS]
    return _keys(marks, tr("Your verdict on claim {claim}?", claim=one.row["id"]), entries, top)


def _short(verdict: str) -> str:
    return tr(_SHORT.get(verdict, verdict))


_SHORT = {
    "holds only in GB": later("only in GB"),
    "holds only in GiB": later("only in GiB"),
    "holds under assumption": later("under assumption"),
}


def _legend(marks: Marks, counts: Mapping[str, int], verdict: str, top: float) -> float:
    """Write what the marks mean, and how many claims have each; a click looks for these alone."""
    entries = [
        Key(
            f"key_{name}",
            SIGNS[name],
            f"{_short(name)} {counts[name]}",
            {"verdict": ALL if name == verdict else name},
            name == verdict,
        )
        for name in VERDICTS
    ]
    return _keys(marks, tr("Click a tile, or a verdict to see it alone"), entries, top)


def _link(marks: Marks, place: Mapping[str, str], top: float) -> None:
    table = tr(place["table"])
    more = {"look": "link", "press": place, "says": tr("show it in {table}", table=table)}
    marks.text("place", marks.width - 12, top + 16, f"{table} ›", anchor="end", **more)


def _said(one: Claim, closed: bool, mine: str) -> str:
    claimed = tr("{id}: “{claim}.”", id=one.row["id"], claim=one.row["claim"])
    if closed:
        asks = tr("Exercise {exercise} asks for it, so judge it first.", exercise=one.row["exercise"])
        return f"{claimed} {asks}"
    if mine and one.row["id"] in SEALED:
        said = later("You say: {mine}. The audit says: *{verdict}*.")
        return f"{claimed} {tr(said, mine=tr(mine), verdict=tr(one.verdict))}"
    return f"{claimed} *{capital(tr(one.verdict))}.*"


def _notes(one: Claim, closed: bool) -> list[str]:
    kind, section, published = (one.row[name] for name in ("kind", "section", "published"))
    about = _PUBLISHED if published else later("{kind}, in the section “{section}”.")
    about = tr(about, kind=capital(tr(kind)), section=section, published=published)
    if closed:
        return [about]
    why = tr("Why: {why}", why=one.why)
    return [about, why, *([tr("Source: {source}.", source=one.source)] if one.source else [])]


_PUBLISHED = later("{kind}, in the section “{section}”; published: {published}.")


def _map(marks: Marks, wanted: Sorted, chosen: Claim, closed: set[str]) -> float:
    """Draw the tiles, section by section; return where they end."""
    top, places = 2.0, {}
    for section, group in groupby(claims(), lambda one: one.row["section"]):
        marks.text(f"section_{section}", 12, top + 13, section)
        lie = sorted(group, key=lambda one: wanted.place(one, one.row["id"] in closed))
        for place, one in enumerate(lie):
            each = int((marks.width - 24 + PITCH - SIDE) / PITCH)
            places[one.row["id"]] = 12 + PITCH * (place % each), top + 19 + PITCH * (place // each)
        top = places[lie[-1].row["id"]][1] + PITCH + 5
    for one in claims():
        _tile(marks, one, places[one.row["id"]], wanted, one.row["id"] in closed)
    x, y = places[chosen.row["id"]]
    marks.rect("chosen", x - 2.5, y - 2.5, SIDE + 5, SIDE + 5, rx=4, look="ink texture")
    return top


def _tile(marks: Marks, one: Claim, place: tuple[float, float], wanted: Sorted, closed: bool) -> None:
    name, mark = one.row["id"], "" if closed else SIGNS[one.verdict]
    says = f"{name}: {one.row['claim']}" + (f" ({tr('closed: judge it first')})" if closed else "")
    press = {"claim": int(name[1:]), "mine": ""}
    _mark(marks, name, mark, place, not wanted.shows(one, closed), press=press, says=says, group="tiles")


@dataclass(frozen=True)
class Key:
    """A mark with its meaning, which can be clicked.

    Parameters
    ----------
    name : of its shapes
    mark : the sign
    words : what it means
    press : the settings that a click makes
    chosen : whether it is what is looked for
    """

    name: str
    mark: str
    words: str
    press: Mapping[str, object]
    chosen: bool = False


def _keys(marks: Marks, asks: str, entries: Sequence[Key], top: float) -> float:
    """Write a line, and below it marks with their meanings, in as many rows as they need; return where they end."""
    _dots(marks)
    marks.text("keys", 12, top + 16, asks, look="middling")
    x, y = 12.0, top + 28
    for entry in entries:
        wide = SIDE + 16 + _LETTER * len(entry.words)
        if x + wide > marks.width:
            x, y = 12.0, y + PITCH + 3
        _mark(marks, entry.name, entry.mark, (x, y))
        look = "middling" if entry.chosen else ""
        marks.text(f"{entry.name}_words", x + SIDE + 7, y + 17, entry.words, look=look)
        reach = {"look": "reach", "press": entry.press, "says": entry.words, "group": "keys"}
        marks.rect(f"{entry.name}_reach", x - 2, y - 2, wide - 6, SIDE + 4, **reach)
        x += wide + 6
    return y + PITCH


def _dots(marks: Marks) -> None:
    marks.put("dots", "pattern", x=0, y=0, width=6, height=6, patternUnits="userSpaceOnUse")
    marks.rect("dots_paper", 0, 0, 6, 6, inside="dots", look="blank")
    marks.circle("dots_dot", 1.5, 1.5, 0.7, inside="dots", look="dot")


_LOOKS = {"GB": "tint", "GiB": "tint", "if": "", "✗": "solid", "?": "blank broken"}


def _mark(marks: Marks, name: str, mark: str, place: tuple[float, float], pale: bool = False, **reach: object) -> None:
    """Draw a tile with a mark, or an envelope."""
    (x, y), faint = place, " pale" if pale else ""
    look = f"tile {_LOOKS.get(mark, 'blank')}{faint}"
    marks.rect(name, x, y, SIDE, SIDE, rx=2, look=look, fill="url(#dots)" if mark == "if" else None, **reach)
    if not mark:
        flap = f"M{x:.1f} {y + 1:.1f}L{x + SIDE / 2:.1f} {y + 13:.1f}L{x + SIDE:.1f} {y + 1:.1f}"
        marks.path(f"{name}_flap", flap, look=f"tile texture{faint}", fill="none")
        return
    ink = {"✗": "mark paper", "if": "mark halo"}.get(mark, "mark")
    marks.text(f"{name}_mark", x + SIDE / 2, y + 16.5, mark, anchor="middle", look=f"{ink} texture{faint}")
