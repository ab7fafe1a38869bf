"""The explorer of the audit: the article's tables, whose numbers are counted again, and the map of its claims."""

from collections.abc import Iterator, Mapping

from memcalc import catalogue
from memcalc.article import claims, table3
from memcalc.article.claims import VERDICTS
from memcalc.article.published import PublishedRow
from memcalc.explorers import vessel
from memcalc.explorers.article import levels, sheet, tiles
from memcalc.explorers.article.recount import ARTICLE, ROWS, WAYS, Recount, is_bytes, judged, recount
from memcalc.explorers.article.sheet import Cell, Column
from memcalc.explorers.article.tiles import ALL, KINDS, ORDERS, SEALED, SECTIONS, SIGNS
from memcalc.explorers.controls import Menu, Number
from memcalc.explorers.frame import Frame, Guess, explorer
from memcalc.explorers.marks import Marks, apart
from memcalc.explorers.vessel import Vessel, square_of
from memcalc.explorers.words import plain, words
from memcalc.formula.symbols import SUMMANDS
from memcalc.texts import later, tr
from memcalc.units import show

__all__ = ["ALL", "KINDS", "VERDICTS", "audit"]

CLAIMS, ONE, EACH = later("the claims"), later("the chosen number"), later("every number")
OWN = later("its own format")


def _name(cell: Mapping[str, str]) -> str:
    return f"{cell['table']}.{cell['row']}.{cell['year'] or cell['quantity']}"


CELLS = {_name(cell): cell for cell in catalogue.rows("article")}
"""Name of a cell → cell: its table, its row, and its quantity or year."""


def _column(head: str, *wide: int, words: bool = False) -> Column:
    return Column(head, dict(zip((360, 600, 860), wide, strict=True)), words)


COLUMNS = {
    "Table 1": {
        "subject": _column("Model", 54, 94, 100, words=True),
        "parameters": _column("Param-|eters", 54, 74, 86),
        "precision": _column("Preci-|sion", 40, 72, 78, words=True),
        "weights": _column("Weights|(GB)", 48, 74, 92),
        "kv_cache": _column("KV Cache|@32K|(GB)", 54, 120, 156),
        "total": _column("Total|@32K|(GB)", 58, 72, 112),
        "fits": _column("Fits RTX|4090|(24 GB)?", 50, 70, 212, words=True),
    },
    "Table 2": {
        "subject": _column("Hardware", 66, 130, 190, words=True),
        "memory": _column("Memory", 70, 100, 140),
        "bandwidth": _column("Bandwidth", 82, 112, 150),
        "price": _column("Price", 78, 102, 150),
        "largest model": _column("Max|Model|(INT8,|32K ctx)", 62, 132, 206),
    },
    "Table 3": {
        "subject": _column("Metric", 178, 297, 440, words=True),
        "2023": _column("2023", 60, 93, 132),
        "2024": _column("2024", 60, 93, 132),
        "2025": _column("2025|(Pro-|jected)", 60, 93, 132),
    },
}
"""Table → quantity or year → column, headed as in the article."""

_ASKS = later(
    "Here is {table} of the article, as published. Click a number, and it is counted again. Verdicts stand beside "
    "{marked}."
)
_ASKS_HOW = later(
    "Here is {table} of the article, as published. Click a number, and it is counted again. Verdicts stand beside "
    "{marked}. It is counted {way}, in {tried}."
)

_FIRST = {"Table 1": "1.1.kv_cache", "Table 2": "2.1.memory", "Table 3": "3.1.2023"}
"""Table → the cell that is chosen first."""


@explorer(
    _ASKS_HOW,
    presets={
        later("a wrong cache"): {"cell": "1.3.kv_cache"},
        later("every verdict on Table 1"): {"marked": EACH},
        later("the map of all claims"): {"table": CLAIMS},
    },
    table=Menu("part of the article", (*ROWS, CLAIMS)),
    cell=Menu("cell", tuple(CELLS)),
    marked=Menu("verdicts", (ONE, EACH)),
    way=Menu("way to count", WAYS),
    tried=Menu("format", (OWN, "FP16", "INT8", "INT4"), ("B", "B_k", "B_v")),
    claim=Number("claim", 1, len(catalogue.rows("claims"))),
    kind=Menu("kind of claim", KINDS),
    section=Menu("section", SECTIONS),
    verdict=Menu("verdict", (ALL, *VERDICTS)),
    order=Menu("order", ORDERS),
    mine=Menu("your verdict", ("", *VERDICTS)),
)
def audit(
    *,
    width: int = 860,
    table: str = "Table 1",
    cell: str = "1.1.kv_cache",
    marked: str = ONE,
    way: str = ARTICLE,
    tried: str = OWN,
    claim: int = 1,
    kind: str = ALL,
    section: str = ALL,
    verdict: str = ALL,
    order: str = ORDERS[0],
    mine: str = "",
) -> Frame:
    """Show a table of the article with one cell counted again, or the map of its claims with one claim open.

    >>> audit.frame(cell="1.3.kv_cache").sentence_said.partition(":")[0]
    'Wrong'
    """
    marks = Marks(width)
    if table == CLAIMS:
        return tiles.frame(marks, claim, tiles.Sorted(kind, section, verdict, order), mine, _places(cell))
    chosen = cell if f"Table {CELLS[cell]['table']}" == table else _FIRST[table]
    rows = list(_printed(table, chosen, marked == EACH, mine))
    bottom = sheet.draw(marks, list(COLUMNS[table].values()), rows, chosen)
    if _closed(chosen, mine):
        return _asking(marks, table, chosen, bottom)
    return _counted(marks, chosen, bottom, way, tried.replace(OWN, ""), mine)


def _row(cell: Mapping[str, str]) -> PublishedRow:
    return ROWS[f"Table {cell['table']}"][int(cell["row"]) - 1]


def _closed(name: str, mine: str) -> bool:
    return CELLS[name]["claim"] in SEALED and not mine


def _places(name: str) -> dict[str, dict[str, str]]:
    """Return which settings show a claim in its table: the cell of a name, or the first that it has."""
    names = (*reversed(CELLS), name)
    return {CELLS[one]["claim"]: {"table": f"Table {CELLS[one]['table']}", "cell": one} for one in names}


def _printed(table: str, chosen: str, each: bool, mine: str) -> Iterator[list[sheet.Printed]]:
    """Yield the rows of a table as they are printed, with the verdicts that are shown."""
    for number, row in enumerate(ROWS[table], 1):
        names = [name for name in CELLS if name.startswith(f"{table[-1]}.{number}.")]
        cells = {}
        for name in names:
            own = (
                mine if CELLS[name]["claim"] == CELLS[chosen]["claim"] else ""
            )  # stays while one looks around in a row
            cells[name] = _cell(name, row, (each or name == chosen) and not _closed(name, own), own)
        words = {"subject": row.subject, "precision": CELLS[names[0]]["precision"]}
        yield [words.get(part) or _of(cells, part) for part in COLUMNS[table]]


def _of(cells: Mapping[str, Cell], part: str) -> list[Cell]:
    """Return the cells of a column, which is named after a quantity, its beginning, or a year."""
    return [cell for name, cell in cells.items() if name.split(".", 2)[2].startswith(part)]


def _cell(name: str, row: PublishedRow, marked: bool, mine: str) -> Cell:
    cell = CELLS[name]
    quantity = cell["quantity"]
    verdict = judged(f"Table {cell['table']}", int(cell["row"]) - 1, quantity)[1] if marked else ""
    text, after = _text(cell, row)
    what = " ".join(filter(None, (_called(quantity), cell["year"])))
    return Cell(
        name,
        text,
        says=f"{row.subject}, {what}: {text} {after}".strip(),
        press={"cell": name, "way": ARTICLE, "tried": OWN, "mine": mine},
        after=after,
        of=quantity if quantity in SUMMANDS else "",
        mark=SIGNS.get(verdict, ""),
        struck=verdict == "wrong",
    )


def _called(quantity: str) -> str:
    """Return what a cell is called in words; a row that has one quantity over the years says it by itself."""
    if quantity.startswith("fits "):
        return tr("fits {card}", card=quantity.removeprefix("fits "))
    return tr(_NAMES.get(quantity, ""))


_NAMES = {
    **{"parameters": later("parameters"), "weights": later("weights"), "kv_cache": later("cache")},
    **{"total": later("total"), "memory": later("memory"), "bandwidth": later("bandwidth"), "price": later("price")},
    "largest model": later("largest model"),
}


def _text(cell: Mapping[str, str], row: PublishedRow) -> tuple[str, str]:
    """Return what is printed in a cell, and what after it."""
    quantity, published = cell["quantity"], cell["published"]
    if cell["table"] == "3":
        return table3.shown(cell), ""
    if cell["table"] == "2":
        return row.as_published(quantity).removesuffix(f" ({cell['remark']})"), cell["remark"]
    if quantity.startswith("fits ") and quantity != "fits RTX 4090":
        return f"(needs {quantity.removeprefix('fits ')})", ""
    return published + cell["unit"] * (quantity == "parameters"), cell["remark"]


def _counted(marks: Marks, name: str, top: float, way: str, tried: str, mine: str) -> Frame:
    """Draw what a cell comes to, below the table."""
    cell = CELLS[name]
    found = recount(_row(cell), cell["quantity"], cell["year"], way, tried)
    sealed = cell["claim"] in SEALED
    scale, guess = _drawn(marks, found, top + 10, sealed)
    height = top + 10 + (found.chart or levels.Chart((), ())).high(marks.width)
    _link(marks, cell["claim"], height, mine)
    told, bytes_ = _told(cell["claim"], mine) + " " if mine and sealed else "", is_bytes(cell["quantity"])
    return Frame(
        marks=marks,
        height=round(height),
        said=told + found.said,
        code=found.code,
        formula=found.formula,
        notes=found.notes,
        hints=[tr(_HINT)] if bytes_ else (),
        alt=_alt(cell, found),
        sentence=_ASKS_HOW if bytes_ else _ASKS,
        scale=scale,
        guess=guess,
    )


def _alt(cell: Mapping[str, str], found: Recount) -> str:
    page = tr("{table} of the article.", table=tr(f"Table {cell['table']}"))
    return f"{page} {plain(words(found.said))}"


def _drawn(marks: Marks, found: Recount, top: float, sealed: bool) -> tuple[str, Guess | None]:
    """Draw what a cell comes to; return a name of the scale, and what is asked if no exercise asks for it."""
    if found.load:
        return _card(marks, found, top), None
    board = levels.draw(marks, found.chart, top)
    return board.scale, board.ask(found.asks) if found.asks and not sealed else None


def _told(claim: str, mine: str) -> str:
    said = later("You say of claim {claim}: {mine}; the audit says: *{verdict}*.")
    return tr(said, claim=claim, mine=tr(mine), verdict=tr(claims.claim(claim).verdict))


_HINT = later("Try the other formats, and both ways to count: does any of them give the published number?")


def _link(marks: Marks, claim: str, height: float, mine: str) -> None:
    press = {"table": CLAIMS, "claim": int(claim[1:]), "mine": mine}
    says = tr("open claim {claim}, to which this number belongs", claim=claim)
    more = {"look": "link", "press": press, "says": says}
    marks.text("claim", marks.width - 12, height - 5, tr("claim {claim} ›", claim=claim), anchor="end", **more)


def _asking(marks: Marks, table: str, name: str, top: float) -> Frame:
    """Ask for a verdict of the reader's own before a cell of a sealed claim is counted."""
    one = claims.claim(CELLS[name]["claim"])
    bottom = tiles.judging(marks, one, top + 8)
    return Frame(
        marks=marks,
        height=round(bottom),
        said=tr(_JUDGE, exercise=one.row["exercise"], claim=one.row["id"]),
        code=f"claims.claim({one.row['id']!r})",
        alt=tr(_CLOSED, table=tr(table), claim=one.row["id"]),
        sentence=_ASKS,
    )


_JUDGE = later("Exercise {exercise} asks for this number's claim, {claim}. Judge it first.")
_CLOSED = later("{table} of the article. Claim {claim} is closed until you have given your own verdict.")


def _card(marks: Marks, found: Recount, top: float) -> str:
    """Draw a card and what is poured into it; return a name of the scale."""
    (gpu, load), room, floor = found.load, levels.ROOM[marks.width], top + levels.HIGH
    unit = vessel.unit_for(gpu.capacity, sum(load.values()), 0.8 * room, levels.HIGH - 12, 40)
    card = Vessel(gpu.capacity, load, 20 + room / 2, floor, unit, room)
    vessel.draw(marks, card, row=square_of(unit)[0])
    lines = {
        term: (sum(ends) / 2, f"{tr(SUMMANDS[term].word)} {show(load[term])}", term)
        for term, ends in card.inside.items()
    }
    free = tr("{size} free", size=show(gpu.capacity - sum(load.values())))
    lines["rest"] = (card.rim + card.top) / 2, tr("{size} over", size=show(card.over)) if card.over else free, ""
    spread = apart({part: y for part, (y, _, _) in lines.items()}, 24, top + 12, floor - 8)
    for part, (y, text, term) in lines.items():
        over = bool(card.over and not term)
        start = card.middle + (card.heap_width if over else card.width) / 2 + 8
        weight = "middling" if marks.width < 600 else "strong"
        look = {"look": f"{weight} over" if over else weight, "of": term}
        levels.beside(marks, part, (start, y), spread[part], [text], look)
    below = f"{gpu.name}: {gpu.capacity_said} {show(gpu.capacity)}"
    marks.text("scale", card.middle, floor + 22, below, anchor="middle", look="tiny")
    return f"{unit:.3g}"
