"""The cards of today in one table: what they hold, how fast they read it, what they cost, what fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memcalc import Gpu, Inference, InputError, Model, catalogue, fits, units
from memcalc.article.published import table_of
from memcalc.article.table1 import CONTEXT
from memcalc.estimate.scaling import largest_model
from memcalc.estimate.speed import fastest
from memcalc.texts import tr

if TYPE_CHECKING:
    from memcalc.tables import TextTable

RUN = Inference(context=CONTEXT, weights="INT8", kv_cache="INT8")
"""The run of the article's second table: "INT8, 32K ctx"."""

FIRST_TOKEN = Inference(context=1, weights="INT8", kv_cache="INT8")
"""A run whose cache is next to nothing, so that only the weights bound its speed."""

UNKNOWN = "–"
"""What stands where nothing is known."""


def usable(gpu: Gpu) -> str:
    """Write what a program can use of a card, and which of its memories that is.

    >>> usable(Gpu.named("RTX 4090")), usable(Gpu.named("RTX 6000 Ada"))
    ('23.64 GiB visible', '47.99 GiB reported')
    """
    return f"{units.show(gpu.capacity)} {gpu.capacity_is}"


def bandwidth(gpu: Gpu) -> str:
    """Write how fast a card reads its memory.

    >>> bandwidth(Gpu.named("RTX 4090")), bandwidth(Gpu.named("GH200 96 GB"))
    ('1,008 GB/s', '–')
    """
    return f"{units.three_digits(units.in_unit(gpu.bandwidth, 'GB'))} GB/s" if gpu.bandwidth else UNKNOWN


def price(gpu: Gpu) -> str:
    """Write what a card costs, whose price that is, and when it was.

    >>> price(Gpu.named("RTX 4090")), price(Gpu.named("H100 80 GB"))
    ('$1,599 (list, 2022-10)', '$25,000 to $30,000 (market, 2026)')
    """
    cost = price_range(price_ends(gpu))
    return f"{cost} ({tr(gpu.price_is)}, {gpu.price_date})" if cost else tr(gpu.price_note) or UNKNOWN


def price_range(ends: Sequence[float]) -> str:
    """Write one price, or a range of prices; nothing if there is none [US dollars]."""
    written = [units.dollars(end) for end in ends]
    return tr("{low} to {high}", low=written[0], high=written[1]) if len(written) > 1 else "".join(written)


def price_per_gib(gpu: Gpu) -> str:
    """Write what a GiB that a program can use costs, whose price that is, and when it was; nothing if none is known.

    >>> price_per_gib(Gpu.named("RTX 4090")), price_per_gib(Gpu.named("H100 80 GB"))
    ('$67.64 per GiB (list, 2022-10)', '$315.74 to $378.88 per GiB (market, 2026)')
    """
    said = {"whose": tr(gpu.price_is), "date": gpu.price_date}
    return tr("{price} per GiB ({whose}, {date})", price=cost, **said) if (cost := cost_of_a_gib(gpu)) else ""


def cost_of_a_gib(gpu: Gpu) -> str:
    """Write what a GiB that a program can use costs; nothing if that is not known.

    >>> cost_of_a_gib(Gpu.named("RTX 4090"))
    '$67.64'
    """
    return price_range([dollars / units.in_unit(gpu.capacity, "GiB") for dollars in price_ends(gpu)])


def cards_today():
    """Return the cards of the pictures, the smallest first: memories, speed, price, and what fits.

    What fits is asked of what a program sees; where that is not known, of what the driver reports, else of what is
    marketed. The speeds are bounds for one sequence at its first token, weights in INT8 (`speed.fastest`). The largest
    models have LLaMA's shape, INT8 weights and cache, and 32,768 tokens (`scaling.largest_model`).

    >>> cards_today().set_index("Card").loc["RTX 4090", "GiB per $1,000"]
    '14.8'
    """
    cards = sorted(map(Gpu.named, catalogue.names("gpus", "pictured")), key=lambda gpu: gpu.capacity)
    return table_of(map(_line, cards))


def _line(gpu: Gpu) -> dict[str, str]:
    thousands = [units.in_unit(gpu.capacity, "GiB") * 1000 / dollars for dollars in reversed(price_ends(gpu))]
    return {
        "Card": gpu.name,
        "Sold as": f"{gpu.marketed_gb} {gpu.marketed_unit} {gpu.memory_type}",
        "Driver reports": f"{gpu.reported_mib:,} MiB" if gpu.reported_mib else UNKNOWN,
        "Program sees": units.show(gpu.capacity) if gpu.visible_gib else UNKNOWN,
        "Bandwidth": bandwidth(gpu),
        "Price": f"{price(gpu)}; {gpu.price_note}" if gpu.price_usd and gpu.price_note else price(gpu),
        "GiB per $1,000": " to ".join(map(units.three_digits, thousands)) or UNKNOWN,
        "LLaMA-7B, tokens/s at most": _decode(Model.named("LLaMA-7B"), gpu),
        "Llama-2-70B, tokens/s at most": _decode(Model.named("Llama-2-70B"), gpu),
        "Largest model, plain heads": _largest(gpu, grouped=False),
        "Largest model, grouped heads": _largest(gpu, grouped=True),
        "Source": f"{gpu.source}; price: {gpu.price_source}" if gpu.price_usd else gpu.source,
    }


def compared(*names: str) -> TextTable:
    """Return what some cards hold, in their three memories, how fast they read, and what a GiB of them costs.

    >>> compared("RTX 4090").loc["RTX 4090", "a program sees"]
    '23.64 GiB'
    """
    from memcalc.tables import TextTable  # the pictures of a page do without it

    columns = {
        "sold as": lambda gpu: f"{gpu.marketed_gb} {gpu.marketed_unit}",
        "the driver reports": lambda gpu: f"{gpu.reported_mib:,} MiB" if gpu.reported_mib else UNKNOWN,
        "a program sees": lambda gpu: units.show(gpu.capacity) if gpu.visible_gib else UNKNOWN,
        "reads": bandwidth,
        "costs": lambda gpu: price_per_gib(gpu).replace(" to $", " to ") or UNKNOWN,  # two would be read as LaTeX
    }
    cards = list(map(Gpu.named, names))
    lines = [{"card": gpu.name} | {title: write(gpu) for title, write in columns.items()} for gpu in cards]
    return TextTable(lines).set_index("card")


def price_ends(gpu: Gpu) -> list[int]:
    """Return the ends of the range of prices, one if there is no range, none if no price is known [US dollars]."""
    return [dollars for dollars in (gpu.price_usd, gpu.price_high_usd) if dollars]


def _decode(model: Model, gpu: Gpu) -> str:
    if not fits(model, FIRST_TOKEN, gpu):
        return "does not fit"
    bound = fastest(model, FIRST_TOKEN, gpu).decode
    return units.three_digits(bound) if bound else UNKNOWN


def _largest(gpu: Gpu, grouped: bool) -> str:
    try:
        return units.billions(largest_model(gpu, RUN, grouped).parameters)
    except InputError:  # not even one layer fits
        return "none"
