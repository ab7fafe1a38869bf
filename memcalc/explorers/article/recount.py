"""A cell of the article's tables, counted again: what is drawn of it, its formula, and the result in words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from memcalc import Gpu, Inference, breakdown, symbol, units, values
from memcalc.article import table1, table2, table3
from memcalc.article.cards import RUN, bandwidth, price, price_ends, price_range
from memcalc.article.published import Judged, PublishedRow
from memcalc.estimate.scaling import largest_model
from memcalc.estimate.terms import terms
from memcalc.explorers.article.levels import Chart, Column, Level
from memcalc.explorers.words import formula, line_of
from memcalc.formula.plain import plain as few_letters
from memcalc.formula.roofline import electricity_cost
from memcalc.formula.symbols import SUMMANDS
from memcalc.formula.totals import inference
from memcalc.texts import both, cached, later, tr
from memcalc.units import in_unit, show

ROWS: Mapping[str, Sequence[PublishedRow]] = {
    later("Table 1"): table1.Row.rows(),
    later("Table 2"): table2.Row.rows(),
    later("Table 3"): table3.Row.rows(),
}
"""Table → rows."""

_BROKEN = "tile blank broken"  # what is said, not known

ARTICLE, ARCHITECTURE = WAYS = (later("as the article counts"), later("from the architecture"))
"""How a cell of the first table is counted: with the size in the name and every head, or as the model is built."""


@dataclass(frozen=True)
class Recount:
    """What a cell comes to.

    Parameters
    ----------
    said : the verdict and the result
    chart : what is drawn
    load : or the card and what is poured into it
    formula : its lines
    notes : why
    code : the line of Python that gives it
    asks : what can be guessed of the chart before it is drawn
    """

    said: str
    chart: Chart | None = None
    load: tuple[Gpu, Mapping[str, int]] | None = None
    formula: Sequence[Mapping[str, object]] = ()
    notes: Sequence[str] = ()
    code: str = ""
    asks: str = ""


def recount(row: PublishedRow, quantity: str, year: str = "", way: str = ARTICLE, tried: str = "") -> Recount:
    """Return what a cell comes to.

    Parameters
    ----------
    row, quantity, year : the cell
    way : how bytes of the first table are counted, one of WAYS
    tried : the format in which they are counted, if not in that of the row

    >>> recount(table1.Row.rows()[0], "kv_cache").said.partition(":")[0]
    '*Holds only in GiB'
    """
    if is_bytes(quantity):
        return _bytes(row, quantity, way, tried)
    kind, *_ = quantity.split()
    found = _over_years(row, quantity, year) if year else _CHARTS[kind](row, quantity)
    return replace(found, code=f"table{row.table}.Row.rows()[{_number(row)}].judged({quantity!r})")


def is_bytes(quantity: str) -> bool:
    """Return whether a cell has bytes, which can be counted in two ways and in several formats."""
    return quantity in SUMMANDS or quantity == "total"


@cached
def judged(table: str, number: int, quantity: str) -> Judged:
    """Return what stands in the place of a cell, the verdict on it, and why."""
    return ROWS[table][number].judged(quantity)


def _judged(row: PublishedRow, quantity: str) -> Judged:
    return judged(f"Table {row.table}", _number(row), quantity)


def _number(row: PublishedRow) -> int:
    return int(row.cells[0]["row"]) - 1


def _verdict_first(row: PublishedRow, quantity: str, rest: str) -> str:
    """Return a sentence after the verdict on a cell."""
    _, verdict, _ = _judged(row, quantity)
    return f"*{capital(tr(verdict))}:* {rest}"


def capital(text: str) -> str:
    """Return a text as a sentence begins.

    >>> capital("holds only in GiB")
    'Holds only in GiB'
    """
    return f"{text[:1].upper()}{text[1:]}"


def _because(row: PublishedRow, quantity: str) -> list[str]:
    _, _, why = _judged(row, quantity)
    return [quoted(why)] if why else []


def quoted(reason: str) -> str:
    """Return a reason of the audit, which is an English text as the article itself, as a sentence."""
    return tr("{reason}.", reason=capital(reason))


def _published(number: float, words: str, short: str) -> Level:
    return Level("gib", number, [words], short, "dashed")


def _bytes(row: table1.Row, quantity: str, way: str, tried: str) -> Recount:
    """Return weights, cache or their sum as an area, and the published number over it, as GiB and as GB."""
    as_tried = table1.Row(tuple(cell | {"precision": tried or cell["precision"]} for cell in row.cells))
    own = way == ARTICLE
    sizes = as_tried.own if own else as_tried.exact
    known = {symbol("layers"): row.model.layers} | (as_tried.own_values if own else values(row.model, as_tried.run))
    parts = [term for term in inference.parts if quantity in (term.name, "total")]
    line = line_of([few_letters(term, known) for term in parts], known, "inference" if quantity == "total" else "")
    return Recount(
        said=_said(row, as_tried, quantity, way, sizes[quantity]),
        chart=_areas(row, {term.name: sizes[term.name] for term in parts}, quantity),
        formula=[line],
        notes=_besides(row, quantity) if own and not tried else (),
        code=f"claims.answer('to run', {_inputs(as_tried, quantity, own)!r})",
        asks=_asks(row, quantity, "" if own and not tried else way, as_tried.run.weights),
    )


def _besides(row: table1.Row, quantity: str) -> list[str]:
    """Return what else the audit says of bytes, and what they are by the architecture, if that is something else."""
    _, *reasons = _judged(row, quantity)[2].split("; ")
    notes = [tr("Besides, {reason}.", reason=reason) for reason in reasons]
    if row.exact[quantity] != row.own[quantity]:
        size = units.show_both(row.exact[quantity])
        notes.append(tr("Counted from the architecture, it is {size}.", size=size))
    return notes


def _inputs(row: table1.Row, quantity: str, own: bool) -> str:
    """Return what the audit must be asked for the same bytes."""
    count = {"parameters": row.own_values[symbol("parameters")], "kv_heads": row.model.heads} if own else {}
    run = {"context": row.run.context, "weights": row.run.weights, "kv_cache": row.run.kv_cache}
    parts = {} if quantity == "total" else {"terms": quantity}
    return "; ".join(f"{name}={value}" for name, value in ({"model": row.model.name} | count | run | parts).items())


def _areas(row: table1.Row, sizes: Mapping[str, int], quantity: str) -> Chart:
    size, published = sum(sizes.values()), row.published(quantity)
    named = tr(SUMMANDS[quantity].word if quantity in SUMMANDS else _WHAT[quantity])
    words = [f"{named} {show(size)}", f"= {show(size, 'GB')}"]
    says = both([f"{tr(SUMMANDS[term].word)} {units.show_both(part)}" for term, part in sizes.items()])
    smaller, short = in_unit(units.to_bytes(published, "GB"), "GiB"), tr("{size}, if GB", size=published)
    levels = (
        _published(
            float(published), tr("{size} published, if GiB", size=published), tr("{size}, if GiB", size=published)
        ),
        Level("gb", smaller, [tr("{size} published, if GB", size=published), f"= {smaller:.2f} GiB"], short, "dotted"),
    )
    parts = {term: in_unit(part, "GiB") for term, part in sizes.items()}
    return Chart([Column("count", parts, words, says)], levels, "GiB")


_WHAT = {"weights": later("the weights"), "kv_cache": later("the cache"), "total": later("weights and cache")}
_TAKES = {
    "weights": later("the [weights] of {model} in {format} take {size}"),
    "kv_cache": later("the [cache] of {model} in {format} takes {size}"),
    "total": later("[weights] and [cache] of {model} in {format} take {size}"),
}


def _asks(row: table1.Row, quantity: str, way: str, tried: str) -> str:
    """Return what can be guessed of bytes."""
    said = {"published": row.published(quantity), "what": tr(_WHAT[quantity]), "model": row.subject}
    asks = _ASKS_HOW if way else _ASKS
    return tr(asks, way=tr(way), tried=tried, format=row.run.weights, **said)


_ASKS = later(
    "The article says {published} GB for {what} of {model} in {format}. How many GiB do you count? Drag the dashed "
    "line, or type a number; then open it."
)
_ASKS_HOW = later(
    "The article says {published} GB for {what} of {model} in {format}. How many GiB do you count {way}, in {tried}? "
    "Drag the dashed line, or type a number; then open it."
)


def _said(row: table1.Row, tried: table1.Row, quantity: str, way: str, size: int) -> str:
    published, form = row.published(quantity), tried.run.weights
    result = tr(_TAKES[quantity], model=row.subject, format=form, size=units.show_both(size))
    if way == ARTICLE and tried.run == row.run:
        own = tr("by the article's own count {result}; it says {published} GB.", result=result, published=published)
        return _verdict_first(row, quantity, own)
    near = [unit for unit in ("GB", "GiB") if units.means(size, published, unit)]
    said = {"way": tr(way), "result": result, "published": published}
    return tr(_NEAR, unit=near[0], **said) if near else tr(_NEITHER, **said)


_NEAR = later("Counted {way}, {result}. *That is near {published} {unit}.*")
_NEITHER = later("Counted {way}, {result}. *That is neither {published} GB nor {published} GiB.*")


def _fits(row: table1.Row, quantity: str) -> Recount:
    card = Gpu.named(quantity.removeprefix("fits "))
    sizes = {term.name: row.exact[term.name] for term in inference.parts}
    fit = row.fit(quantity, row.exact["total"])
    found = later("{needed} do not fit the {card}; the article says {published}.")
    found = later("{needed} fit the {card}; the article says {published}.") if fit else found
    result = tr(found, needed=show(fit.needed), card=card.name, published=row.published(quantity))
    said = _verdict_first(row, quantity, result)
    lines = formula(row.model, row.run, terms(row.model, row.run), left="inference")
    return Recount(said, load=(card, sizes), formula=lines, notes=_because(row, quantity))


def _parameters(row: table1.Row, quantity: str) -> Recount:
    count, published = row.model.parameters, row.published("parameters")
    exact, billions = _counted(count), count / 10**9
    column = Column("count", {"weights": billions}, [tr("counted {count:.2f} billion", count=billions), exact], exact)
    short = tr("{count} billion", count=published)
    levels = [_published(float(published), tr("{count} billion published", count=published), short)]
    said = later("{model} has {count:,} parameters; the article says {published}B.")
    said = tr(said, model=row.model.name, count=count, published=published)
    chart = Chart([column], levels, _BILLIONS)
    return Recount(_verdict_first(row, quantity, said), chart, notes=_because(row, quantity))


_BILLIONS = later("billion parameters")


def _looked_up(
    row: table2.Row, quantity: str, columns: Sequence[Column], published: float, square: str = ""
) -> Recount:
    found, words = _judged(row, quantity)[0], row.as_published(quantity)
    found = tr("no such card") if found == table2.UNKNOWN else found
    said = later("for the {card} the article says {published}; found: {found}.")
    said = tr(said, card=row.subject, published=words, found=found)
    chart = Chart(columns, [_published(published, tr("{size} published", size=words), words)], square, below=True)
    return Recount(_verdict_first(row, quantity, said), chart, notes=_because(row, quantity))


def _memory(row: table2.Row, quantity: str) -> Recount:
    """Return the memories that are sold under the name of a card."""
    sold = {gpu.marketed_gb: gpu for gpu in reversed(row.sold)}
    columns = [
        Column(gpu.name, {"sold": size}, [f"{size} GB", gpu.name], f"{gpu.name}: {_usable(gpu)}")
        for size, gpu in sorted(sold.items())
    ]
    return _looked_up(row, quantity, columns, int(row.published(quantity)))


def _usable(gpu: Gpu) -> str:
    return tr(_USABLE[gpu.capacity_is], size=show(gpu.capacity))


_USABLE = {
    "visible": later("{size} visible"),
    "reported": later("{size} reported"),
    "marketed": later("{size} marketed"),
}


def _bandwidth(row: table2.Row, quantity: str) -> Recount:
    cards = {gpu.bandwidth: gpu for gpu in reversed([*row.sold, row.gpu]) if gpu.bandwidth}
    columns = [
        Column(gpu.name, {"speed": in_unit(speed, "GB")}, [bandwidth(gpu), gpu.name], f"{gpu.name}: {bandwidth(gpu)}")
        for speed, gpu in cards.items()
    ]
    number, unit = row.as_published(quantity).split()
    return _looked_up(row, quantity, columns, float(number) * (1000 if unit == "TB/s" else 1))


def _price(row: table2.Row, quantity: str) -> Recount:
    """Return prices as columns: what is asked at least, and up to what."""
    columns = []
    for gpu in dict.fromkeys([*row.sold, row.gpu]):
        if ends := price_ends(gpu):
            parts = {"price": ends[0], "rest": ends[-1] - ends[0]}
            asked = price_range(ends)
            columns.append(Column(gpu.name, parts, [asked, gpu.name], f"{gpu.name}: {price(gpu)}", {"rest": _BROKEN}))
    return _looked_up(row, quantity, columns, int(row.published(quantity)))


def _largest_model(row: table2.Row, quantity: str) -> Recount:
    """Return the largest models with plain and with grouped heads, against the published size and the next one."""
    columns = [
        Column(heads, {"weights": size / 10**9}, [units.billions(size), tr(_HEADS[heads])], _counted(size))
        for heads, size in row.largest.items()
    ]
    published = int(row.published(quantity))
    found = _looked_up(row, quantity, columns, published, _BILLIONS)
    after = dict(pairwise(table2.SIZES))[published]
    levels = [
        *found.chart.levels,
        Level("gb", after, [tr("{size}B, the next size", size=after)], f"{after}B", "dotted"),
    ]
    model = largest_model(row.gpu, RUN, published >= table2.GROUPED_FROM)
    lines = formula(model, RUN, terms(model, RUN), left="inference")
    return replace(found, chart=replace(found.chart, levels=levels), formula=lines)


_HEADS = {"plain": later("plain heads"), "grouped": later("grouped heads")}


def _counted(parameters: int) -> str:
    return tr("{count:,} parameters", count=parameters)


def _over_years(row: table3.Row, quantity: str, year: str) -> Recount:
    """Return a row of the third table, year by year; only caches and electricity can be counted from it."""
    place = [cell["year"] for cell in row.cells].index(year)
    judge = {"context": _caches, "cost_per_million": _costs}.get(quantity, _said_alone)
    columns, levels, line = judge(row, place)
    follows, _, why = _judged(row, quantity)
    shown = tr("{metric}: {amount} in {year}.", metric=row.subject, amount=table3.shown(row.cells[place]), year=year)
    said = _verdict_first(row, quantity, shown)
    notes = [quoted(why), tr("What follows from the row: {follows}.", follows=follows)]
    return Recount(said, Chart(columns, levels, "GiB" * (quantity == "context"), below=True), formula=line, notes=notes)


def _said_alone(row: table3.Row, place: int) -> tuple[list[Column], list[Level], list]:
    columns = [_year(cell, {"said": float(value)}, number == place) for number, (cell, value) in _numbered(row)]
    return columns, [], []


def _numbered(row: table3.Row):
    return enumerate(zip(row.cells, row.values, strict=True))


def _year(cell: Mapping[str, str], parts: Mapping[str, float], chosen: bool, *more: str) -> Column:
    look = f"{_BROKEN} chosen" if chosen else _BROKEN
    words = [table3.shown(cell), cell["year"], *more]
    says = tr("{amount} in {year}", amount=table3.shown(cell), year=cell["year"])
    return Column(cell["year"], parts, words, says, {"said": look})


def _caches(row: table3.Row, place: int) -> tuple[list[Column], list[Level], list]:
    runs = [Inference(context=int(tokens)) for tokens in row.values]
    sizes = [breakdown(table3.MODEL, run)["kv_cache"] for run in runs]
    columns = [
        _year(cell, {"kv_cache": in_unit(size, "GiB")}, number == place, show(size))
        for number, (cell, size) in enumerate(zip(row.cells, sizes, strict=True))
    ]
    cache = [term for term in terms(table3.MODEL, runs[place]) if term.name == "kv_cache"]
    return columns, [], formula(table3.MODEL, runs[place], cache)


def _costs(row: table3.Row, place: int) -> tuple[list[Column], list[Level], list]:
    """Return the published costs against the electricity of one sequence, written alone."""
    alone = table3.cost_of_a_million().dollars
    columns, _, _ = _said_alone(row, place)
    levels = [
        Level(
            "gb",
            alone,
            [units.dollars(alone), tr("electricity of one sequence")],
            tr("{dollars} power", dollars=units.dollars(alone)),
            "dotted",
        )
    ]
    return columns, levels, [line_of([electricity_cost], table3.a_million())]


# first word of a quantity → what is drawn of it
_CHARTS: Mapping[str, Callable[..., Recount]] = {
    "parameters": _parameters,
    "memory": _memory,
    "bandwidth": _bandwidth,
    "price": _price,
    "largest": _largest_model,
    "fits": _fits,
}
