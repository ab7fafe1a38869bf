"""The article's second table: cards as published beside the catalogue, and the largest model solved."""

from collections.abc import Iterable
from functools import cached_property
from itertools import pairwise

from memcalc import Gpu, units
from memcalc.article.cards import RUN, UNKNOWN, bandwidth, price, usable
from memcalc.article.published import Judged, PublishedRow, table_of
from memcalc.estimate.scaling import largest_model

SIZES = (7, 13, 33, 70, 130, 180)
"""Sizes that the article's "max model" can have [10⁹ parameters]: those it names, LLaMA-33B and Falcon-180B."""

GROUPED_FROM = 70
"""From this size on [10⁹ parameters] the article must mean grouped heads: 70B fits its 80 GB in no other way."""

_PRICE_STEP = 100  # US dollars, to which the article rounds


class Row(PublishedRow):
    """One row of the article's second table: a card as published, and as the catalogue has it."""

    table = "2"

    @cached_property
    def gpu(self) -> Gpu:
        """The card with the memory that the article gives, or the nearest one there is."""
        return Gpu.named(self.cells[0]["catalogue"])

    @cached_property
    def sold(self) -> list[Gpu]:
        """The cards that are sold under the article's name, the one that is meant first."""
        return Gpu.sold_as(self.subject)

    @cached_property
    def largest(self) -> dict[str, int]:
        """Kind of heads → parameters of the largest model that fits."""
        return {kind: largest_model(self.gpu, RUN, kind == "grouped").parameters for kind in ("plain", "grouped")}

    def as_published(self, quantity: str) -> str:
        """Return the published cell, with its unit and the article's remark."""
        shown, remark = super().as_published(quantity).replace(" B", "B"), self._cell(quantity)["remark"]
        shown = units.dollars(int(self.published(quantity))) if quantity == "price" else shown
        return f"{shown} ({remark})" if remark else shown

    def judged(self, quantity: str) -> Judged:
        """Return the same quantity from the catalogue, or solved; the verdict on the cell, and why.

        Memory and bandwidth hold if a card of that name has them, rounded to the digits published. A price holds if it
        is the vendor's to the nearest $100, and under an assumption if the market asks as much; no other market price
        refutes it. A largest model holds if it fits and the next of SIZES does not: with plain heads and with grouped
        ones, or under the assumption of one of them; from GROUPED_FROM on, grouped heads are the only reading.
        """
        judge = {"memory": self._memory, "bandwidth": self._bandwidth, "price": self._price}
        return judge.get(quantity, self._largest_model)()

    @property
    def _exists(self) -> bool:
        return int(self.published("memory")) in {gpu.marketed_gb for gpu in self.sold}

    def _memory(self) -> Judged:
        sold = f"{_in_turn(dict.fromkeys(f'{gpu.marketed_gb}' for gpu in self.sold), 'or')} GB sold"
        if self._exists:
            return f"{sold}, {usable(self.gpu)}", "holds", f"as marketed; {usable(self.gpu)}"
        return sold, "wrong", f"no {self.subject} has it; the {self.gpu.name} does"

    def _bandwidth(self) -> Judged:
        meant, *others = self.sold
        if self._has_bandwidth(meant):
            also = [f"; the {gpu.name} has {bandwidth(gpu)}" for gpu in others]
            return bandwidth(meant), "holds", f"rounded{''.join(also)}"
        whose = f"; {self.as_published('bandwidth')} is that of the {self.gpu.name}" * self._has_bandwidth(self.gpu)
        return bandwidth(meant), "wrong", f"it is {bandwidth(meant)}{whose}"

    def _has_bandwidth(self, gpu: Gpu) -> bool:
        size = units.UNITS[self._cell("bandwidth")["unit"].removesuffix("/s")]
        return gpu.bandwidth is not None and units.rounds_to(gpu.bandwidth, self.published("bandwidth"), size)

    def _price(self) -> Judged:
        if not self._exists:
            priced = [gpu for gpu in (*self.sold, self.gpu) if gpu.price_usd]
            prices = (f"the {gpu.name} at {units.dollars(gpu.price_usd)}" for gpu in priced)
            return UNKNOWN, "not checkable", f"no such card was sold; there are {_in_turn(prices, 'and')}"
        gpu, said = self.sold[0], int(self.published("price"))
        if not gpu.price_usd:
            return price(gpu), "not checkable", "no price with a source"
        if gpu.price_is == "list":
            holds = units.rounds_to(gpu.price_usd, f"{said // _PRICE_STEP}", _PRICE_STEP)
            return price(gpu), "holds" if holds else "wrong", f"list price of {gpu.price_date}{', rounded' * holds}"
        if gpu.price_usd <= said <= (gpu.price_high_usd or gpu.price_usd):
            why = f"no list price; within what sellers asked in {gpu.price_date}"
            return price(gpu), "holds under assumption", why
        return price(gpu), "not checkable", f"no list price; in {gpu.price_date} sellers asked other prices"

    def _largest_model(self) -> Judged:
        solved = ", ".join(f"{units.billions(size)} {name}" for name, size in self.largest.items())
        size = int(self.published("largest model"))
        found = {heads: self._extent(heads, size) for heads in self.largest}
        readings = ["grouped"] if size >= GROUPED_FROM else [*found]
        true = [heads for heads in readings if found[heads][0]]
        if not true:
            return solved, "wrong", "; ".join(found[heads][1] for heads in readings)
        said = [found[heads][1] for heads in sorted(found, key=lambda heads: heads not in true)]
        where = "" if self._exists else f"on the {self.gpu.name} ({usable(self.gpu)}): "
        return solved, "holds" if len(true) == 2 else "holds under assumption", where + "; ".join(said)

    def _extent(self, heads: str, size: int) -> tuple[bool, str]:
        """Return whether a size fits and the next of SIZES does not, and how it is."""
        after = dict(pairwise(SIZES))[size]
        fits, next_fits = (self.largest[heads] >= billions * 10**9 for billions in (size, after))
        said = f"{size}B fits, and {after}B does not" if fits else f"{size}B does not fit"
        return fits and not next_fits, f"with {heads} heads {f'{after}B fits too' if next_fits else said}"


def table2():
    """Return the article's second table: each cell as published beside the catalogue's, or the solved largest model.

    >>> table2().loc[0, "Largest model (INT8, 32K), recomputed"]
    '12B plain, 21B grouped'
    """
    return table_of(map(_line, Row.rows()))


def _line(row: Row) -> dict[str, str]:
    line, others = {"Hardware": row.subject}, []
    for cell in row.lines():
        title = cell["Quantity"].capitalize() + " (INT8, 32K)" * (cell["Quantity"] == "largest model")
        line |= {f"{title}, published": cell["Published"], f"{title}, recomputed": cell["Recomputed"]}
        others += [f"{cell['Quantity']}: {cell['Verdict']}"] * (cell["Verdict"] != "holds")
    return line | {"What does not simply hold": "; ".join(others)}


def table2_verdicts():
    """Return every cell of the article's second table with its verdict and the reason.

    >>> table2_verdicts().loc[3, "Why"]
    'with plain heads 7B fits, and 13B does not; with grouped heads 13B fits too'
    """
    return table_of({"Hardware": row.subject, **line} for row in Row.rows() for line in row.lines())


def _in_turn(items: Iterable[str], word: str) -> str:
    *first, final = items
    return f"{', '.join(first)} {word} {final}" if first else final
