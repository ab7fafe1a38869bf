"""What one layer keeps of a conversation, drawn as a sheet: a row a token, cells for key and value, a wire a query."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from memcalc import Inference, Model, values
from memcalc.explorers.marks import Marks
from memcalc.formula.formats import HALF
from memcalc.formula.kv_cache import B_k, B_v, state_memory
from memcalc.texts import later, tr

_TALLEST_ROW = 20  # so tall that a word fits beside it [px]
_WORD_ROW = 13.5  # rows less tall than this have no word beside them [px]
_SEEN = 5  # rows less tall than this are drawn together with their neighbours [px]
_BEHIND = 3  # sheets that are seen behind the first
_STEP = 5  # how far they stick out [px]


@dataclass(frozen=True)
class Kept:
    """What one layer keeps of one conversation; of a model whose layers differ, one of those that keep most tokens.

    Parameters
    ----------
    kind : "pairs" of a key and a value, one "latent" for all heads, or a "state"
    layers : how many layers keep this
    queries, pairs : heads that ask, and pairs that are stored
    tokens : how many tokens have a row
    row : what a token takes [bytes]
    wide : what it would take in 16 bits if each query had a key and a value of its own [bytes]
    state : what is kept however many tokens there are [bytes]
    """

    kind: str
    layers: int
    queries: int
    pairs: int
    tokens: int
    row: Fraction
    wide: Fraction
    state: Fraction = Fraction(0)


def kept(model: Model, run: Inference) -> Kept:
    """Return what one layer keeps.

    >>> kept(Model.named("LLaMA-7B"), Inference(context=4096)).row
    Fraction(16384, 1)
    """
    known = values(model, run)
    key, value = Fraction(known[B_k]), Fraction(known[B_v])
    if model.full_layers or model.window_layers:
        layers = model.full_layers or model.window_layers
        tokens = run.context if model.full_layers else min(run.context, model.window)
        wide = Fraction(2 * HALF * model.heads * model.head_dim)
        row = model.kv_heads * model.head_dim * (key + value)
        return Kept("pairs", layers, model.heads, model.kv_heads, tokens, row, wide)
    if model.latent_layers:
        wide = Fraction(HALF * model.heads * (model.head_dim + model.value_dim))
        row = (model.kv_rank + model.rope_dim) * key
        return Kept("latent", model.latent_layers, model.heads, 1, run.context, row, wide)
    layers = model.mamba_layers + model.mamba2_layers
    state = Fraction(state_memory.exact(known), layers)
    return Kept("state", layers, 0, 0, 0, Fraction(0), Fraction(2 * HALF * model.hidden), state)


@dataclass(frozen=True)
class Sheet:
    """A sheet in its place: its area is the memory of what it keeps.

    Parameters
    ----------
    kept : what is in it
    context : tokens of the conversation
    left, top : its corner [px]
    room, tall : how much room there is [px]
    dots : how high the queries stand [px]
    """

    kept: Kept
    context: int
    left: float
    top: float
    room: float
    tall: float
    dots: float

    @property
    def line(self) -> float:
        """How tall the row of a token is [px]."""
        return float(min(_TALLEST_ROW, self.tall / max(self.context, self.kept.state / self.kept.wide)))

    @property
    def outline(self) -> float:
        """How wide a row is if each query has a pair of its own, in 16 bits [px]."""
        return float(self.room * self.kept.wide / max(self.kept.wide, self.kept.row))

    def width_of(self, row: Fraction) -> float:
        """Return how wide so many bytes of a token are [px]."""
        return float(self.outline * row / self.kept.wide)

    @property
    def width(self) -> float:
        """How wide the sheet is [px]."""
        return self.width_of(self.kept.row)

    @property
    def low(self) -> float:
        """Where the rows of all tokens end [px]."""
        return self.top + self.line * self.context

    @property
    def first(self) -> float:
        """Where the rows begin that are kept: those above them have left the window [px]."""
        return self.low - self.line * self.kept.tokens

    @property
    def state_height(self) -> float:
        """How tall the block of a state is, which is as wide as the outline [px]."""
        return self.line * float(self.kept.state / self.kept.wide)

    @property
    def behind(self) -> range:
        """How far the sheets stick out that are seen behind the first, from the last on [px]."""
        return range(_STEP * min(_BEHIND, self.kept.layers - 1), 0, -_STEP)

    @property
    def foot(self) -> float:
        """Where all of it ends [px]."""
        return max(self.low, self.top + self.state_height) + max(self.behind, default=0)

    @property
    def together(self) -> int:
        """How many tokens are drawn as one row, so that it can be seen."""
        tokens = 1
        while tokens * self.line < _SEEN and tokens < self.context:
            tokens *= 2
        return tokens


def draw(marks: Marks, sheet: Sheet) -> None:
    """Draw queries with their wires, the outline of what they might take, and what is kept."""
    _wires(marks, sheet)
    if sheet.kept.kind == "state":
        _state(marks, sheet)
    _outline(marks, sheet)
    if sheet.kept.kind != "state":
        _rows(marks, sheet)


_READS_LATENT = later("query {query} reads the latent")


def _wires(marks: Marks, sheet: Sheet) -> None:
    """Draw a dot for each query, wired to the pair that it reads; neighbours that share differ in tone."""
    kept, pitch = sheet.kept, sheet.room / max(1, sheet.kept.queries)
    each, pair = kept.queries // max(1, kept.pairs), sheet.width / max(1, kept.pairs)
    radius, end = min(4.4, 0.36 * pitch), sheet.top - 8
    start, middle = sheet.dots + radius, (sheet.dots + end) / 2
    where = [(sheet.left + (query + 0.5) * pitch, query // each) for query in range(kept.queries)]
    for query, (x, place) in enumerate(where):
        to = sheet.left + (place + 0.5) * pair
        reads = later("query {query} reads stored pair {pair}") if kept.kind == "pairs" else _READS_LATENT
        says = tr(reads, query=query + 1, pair=place + 1)
        bend = f"M{x:.1f} {start:.1f}C{x:.1f} {middle + 8:g} {to:.1f} {middle - 8:g} {to:.1f} {end:g}"
        marks.path(f"wire_{query}", bend, look="lead pale" if each > 1 and place % 2 else "lead", says=says)
    for query, (x, place) in enumerate(where):
        dark = pitch < 6 or (each > 1 and place % 2)
        marks.circle(f"query_{query}", x, sheet.dots, radius, look="spot full" if dark else "spot")


def _outline(marks: Marks, sheet: Sheet) -> None:
    """Draw what a key and a value for each query would take, dashed, and the rows that are no longer kept."""
    if sheet.width < sheet.outline - 1:
        place = (sheet.left, sheet.top, sheet.outline, sheet.low - sheet.top)
        marks.rect("outline", *place, look="level", of="kv_cache")
    forgotten = sheet.first - sheet.top
    if sheet.kept.kind != "state" and forgotten > 1:
        says = tr("{count:,} tokens that are no longer kept", count=sheet.context - sheet.kept.tokens)
        marks.rect("forgotten", sheet.left, sheet.top, sheet.width, forgotten, look="ghost", says=says)
        if forgotten > 40 and sheet.width > 90:
            x, y = sheet.left + sheet.width / 2, sheet.top + forgotten / 2 + 5
            marks.text("forgotten_words", x, y, tr("no longer kept"), anchor="middle")


def _behind(marks: Marks, sheet: Sheet, top: float, width: float, height: float) -> None:
    """Draw the sheets of other layers, which stick out behind the first."""
    for out in sheet.behind:
        marks.rect(f"layer_{out}", sheet.left + out, top + out, width, height, look="hair blank", of="kv_cache")


_PAIRS = later("keys and values: {row:,.0f} bytes a token, in each of {layers:,} layers")
_LATENT = later("a latent: {row:,.0f} bytes a token, in each of {layers:,} layers")


def _rows(marks: Marks, sheet: Sheet) -> None:
    """Draw the cells of keys and values, and the newest token."""
    kept, place = sheet.kept, (sheet.left, sheet.first, sheet.width, sheet.low - sheet.first)
    _behind(marks, sheet, *place[1:])
    marks.rect("page", *place, look="blank")
    says = tr(_LATENT if kept.kind == "latent" else _PAIRS, row=float(kept.row), layers=kept.layers)
    fill = _cells(marks, sheet)
    marks.rect("cells", *place, fill=fill, says=says, lights="s h_kv d_k L L_full L_win L_mla r_kv d_r")
    tall = max(sheet.line, 2.5)
    newest = {"look": "surface", "of": "kv_cache", "says": tr("the newest token")}
    marks.rect("newest", sheet.left - 1, sheet.low - tall, sheet.width + 2, tall, **newest)
    if kept.kind == "pairs":
        step = sheet.width / kept.pairs
        gap, y = min(1.5, step / 8), sheet.top - 7
        bars = "".join(f"M{sheet.left + at * step + gap:.1f} {y:g}h{step - 2 * gap:.1f}" for at in range(kept.pairs))
        marks.path("pair_bars", bars, look="surface", of="kv_cache", lights="h_kv")


def _cells(marks: Marks, sheet: Sheet) -> str:
    """Add the pattern of a key and a value a row, or of a latent, and return how it fills a shape."""
    wide, high = sheet.width / sheet.kept.pairs, sheet.line * sheet.together
    gap, space = min(2.4, high / 4), min(1.0, wide / 10)
    marks.put("pair", "pattern", x=sheet.left, y=sheet.top, width=wide, height=high, patternUnits="userSpaceOnUse")
    latent = sheet.kept.kind == "latent"
    key = wide - 2 * space if latent else wide / 2 - 1.5 * space
    marks.rect("key", space, gap / 2, key, high - gap, look="full", inside="pair", of="kv_cache")
    if not latent:
        x = wide / 2 + space / 2
        marks.rect("value", x, gap / 2, key, high - gap, look="full pale", inside="pair", of="kv_cache")
    return "url(#pair)"


def _state(marks: Marks, sheet: Sheet) -> None:
    """Draw the state of a layer as a block, by the same scale as the rows of others."""
    size = (sheet.outline, max(2, sheet.state_height))
    _behind(marks, sheet, sheet.top, *size)
    kept = sheet.kept
    said = later("the state: {state:,.0f} bytes in each of {layers:,} layers, however long you talk")
    says = tr(said, state=float(kept.state), layers=kept.layers)
    marks.rect("state", sheet.left, sheet.top, *size, look="area", of="kv_cache", says=says, lights="L_ssm L_ssd d_i N")


def name_rows(marks: Marks, sheet: Sheet, said: Sequence[str]) -> None:
    """Write the words beside their rows, or where there is no room for them, how many tokens there are."""
    x = sheet.left - 10
    if sheet.line >= _WORD_ROW:
        for place in range(sheet.context):
            look = "middling" if place == sheet.context - 1 else ""
            y = sheet.top + (place + 0.5) * sheet.line + 4.6
            marks.text(f"word_{place}", x, y, said[place] if place < len(said) else "…", anchor="end", look=look)
        return
    for count, y in _ticks(sheet).items():
        marks.text(f"tick_{count}", x, y + 4, f"{count:,}", anchor="end")
    marks.text("last", x, sheet.low + 3, f"{sheet.context:,}", anchor="end", look="middling")
    if said:
        tall = max(1, len(said) * sheet.line)
        y = sheet.top + min(20, max(8, tall / 2 + 4))
        ends = [(x + 6, sheet.top), (x + 2, sheet.top), (x + 2, sheet.top + tall), (x + 6, sheet.top + tall)]
        marks.line("words_bracket", ends)
        if sheet.low > y + 13:
            marks.text("words", x - 2, y, tr("your words"), anchor="end", look="tiny")


def _ticks(sheet: Sheet) -> dict[int, float]:
    """Return powers of two and the places of their rows, as far as there is room for them."""
    found, count = {}, 16
    while count < sheet.context:
        y = sheet.top + count * sheet.line
        if sheet.top + 38 < y < sheet.low - 16:
            found[count] = y
        count *= 2
    return found
