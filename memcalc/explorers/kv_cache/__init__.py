"""The explorer of the cache: why a longer conversation fills the card. Each token leaves a row that is kept."""

import math
import re
import textwrap
from dataclasses import replace

from memcalc import Inference, Model
from memcalc.estimate.code import code
from memcalc.estimate.terms import terms
from memcalc.explorers.controls import Menu, Number, Text, known, model_of
from memcalc.explorers.frame import LAYOUTS, Frame, explorer
from memcalc.explorers.kv_cache import columns, designs, sheet
from memcalc.explorers.kv_cache.columns import Columns
from memcalc.explorers.kv_cache.designs import HIDDEN, SHOWN
from memcalc.explorers.kv_cache.sheet import Kept, Sheet
from memcalc.explorers.marks import Marks, along
from memcalc.explorers.words import formula
from memcalc.formula.symbols import BY_NAME
from memcalc.texts import later, tr, tr_many
from memcalc.units import show

AS_BUILT, ALL = later("the queries it was built for"), later("all queries")
"""How many queries share a stored pair: as in the model, or in the other extreme."""

_SHARING = {
    **{later("1 query"): 1, later("2 queries"): 2, later("4 queries"): 4},
    **{later("8 queries"): 8, later("16 queries"): 16, later("32 queries"): 32},
}
_FEW = 17  # so many tokens have a word each beside their rows
_LETTER = 6.3  # how wide a letter is, about [px]
_BARS = {360: 706, 600: 482, 860: 460}  # where the bars of the designs begin [px]
_WORDS = later("The longer we talk, the more it keeps.")
_DOUBLED = tuple(part << power for power in range(1, 17) for part in (8, 10, 12, 14))
_TOKENS = (*range(8, 16), *_DOUBLED, BY_NAME["context"].high)


_TALK = later(
    "You talk to {model} until the conversation has {context} tokens, and room is kept for {batch} such at once. Its "
    "[cache] is kept in {kv_cache}, and a stored pair serves {sharing}."
)
_TALK_ALONE = later(
    "You talk to {model} until the conversation has {context} tokens, and room is kept for {batch} such at once. Its "
    "[cache] is kept in {kv_cache}."
)
_SAY = later(
    "You say {says} to {model} and talk on until the conversation has {context} tokens, and room is kept for {batch} "
    "such at once. Its [cache] is kept in {kv_cache}, and a stored pair serves {sharing}."
)
_SAY_ALONE = later(
    "You say {says} to {model} and talk on until the conversation has {context} tokens, and room is kept for {batch} "
    "such at once. Its [cache] is kept in {kv_cache}."
)


@explorer(
    _TALK,
    presets={
        later("LLaMA-7B at 32K"): {"context": 2**15},
        later("grouped heads"): {"model": "Llama-3.1-8B", "context": 2**15},
        later("one pair for all"): {"sharing": ALL, "context": 2**15},
        later("a window"): {"model": "Mistral-7B-v0.1", "context": 2**14},
        later("a state"): {"model": "Mamba-2.8B", "context": 2**15},
    },
    says=Text("your words", 120),
    context=Number("context", 1, BY_NAME["context"].high, "tokens", "s", _TOKENS, plays=150),
    sharing=Menu("queries that share a stored pair", (AS_BUILT, *_SHARING, ALL), ("h_kv",)),
    latents=Menu("bars of latents", (HIDDEN, SHOWN)),
    kv_cache=replace(known("kv_cache"), letters=("B_k", "B_v")),
)
def growing_cache(
    *,
    width: int = 860,
    model: str = "LLaMA-7B",
    says: str = _WORDS,
    context: int = 10,
    batch: int = 1,
    kv_cache: str = "FP16",
    sharing: str = AS_BUILT,
    latents: str = HIDDEN,
) -> Frame:
    """Show what a conversation leaves in the cache, token by token, beside the weights and other designs.

    >>> growing_cache.frame(context=32768).sentence_said[:48]
    'After 32,768 tokens the cache takes 16.00 GiB, m'
    """
    built, said = model_of(model), words_of(says)
    model = shared(built, sharing)
    run = Inference(context=max(context, len(said)), batch=batch, weights="FP16", kv_cache=kv_cache)
    marks, both = Marks(width), Columns.of(width, model, run)
    page = _sheet(marks, built, model, run, said, sharing)
    columns.draw(marks, both, model, run)
    bars = designs.memories(run, latents, built.name)
    return Frame(
        marks=marks,
        height=designs.draw(marks, _BARS[width], run, bars, built.name),
        said=_said(run, both),
        notes=_notes(model, run, said, context, sharing),
        hints=_hints(page.kept, both),
        code=_code(built, model, run),
        formula=formula(model, run, [term for term in terms(model, run) if term.name == "kv_cache"]),
        sentence=_sentence(page.kept, run),
        scale=f"{both.unit:.3g} {designs.scale_of(bars, 1):.3g} {page.outline:.3g}",
        guess=columns.guess(both, tr(_GUESS, held=_held(run)), _BARS[width] - 18),
    )


_GUESS = later("How much does the cache take after {held}? Drag the dashed line, or type a number; then open it.")


def words_of(text: str) -> list[str]:
    """Return words and signs of a text, long words in pieces: about as a tokenizer cuts them.

    >>> words_of("Hello, transformers")
    ['Hello', ',', 'trans', 'forme', 'rs']
    """
    found = re.findall(r"[\w']+|[^\w\s]", text)
    return [piece for word in found for piece in (re.findall(".{1,5}", word) if len(word) > 7 else [word])]


def shared(model: Model, sharing: str) -> Model:
    """Return a model whose stored pairs serve so many queries each, or as many of them as go into its heads.

    >>> shared(Model.named("Qwen2.5-7B"), "8 queries").kv_heads
    4
    """
    if sharing == AS_BUILT or not model.kv_heads:
        return model
    heads, most = math.gcd(model.heads, model.window_heads), _SHARING.get(sharing, model.heads)
    each = max(count for count in range(1, heads + 1) if heads % count == 0 and count <= most)
    return replace(model, kv_heads=model.heads // each, window_kv_heads=model.window_heads // each)


def _sheet(marks: Marks, built: Model, model: Model, run: Inference, said: list[str], sharing: str) -> Sheet:
    """Draw the sheet, and say in words how its pairs are shared."""
    kept = sheet.kept(model, run)
    left, room, tall = {360: (78, 256, 200), 600: (84, 250, 240), 860: (118, 448, 240)}[marks.width]
    page = Sheet(kept, run.context, left, 140, room, tall, 60)
    marks.label("told", left if marks.width > 360 else 12, 16, _told(kept))
    sheet.draw(marks, page)
    sheet.name_rows(marks, page, said)
    if kept.queries:
        marks.text("queries", left - 10, 64, tr("{count:,} queries", count=kept.queries), anchor="end")
        pairs = tr_many("{count:,} pair", "{count:,} pairs", kept.pairs) if kept.kind == "pairs" else tr("one latent")
        more = {"look": "middling", "of": "kv_cache", "lights": "h_kv"}
        marks.text("pairs", left - 10, 129, pairs, anchor="end", **more)
    if kept.kind == "pairs":
        _edge(marks, page, _places(built, sharing, page, run))
    _outline_words(marks, page)
    _caption(marks, page, run)
    return page


def _edge(marks: Marks, page: Sheet, places: dict[str, float]) -> None:
    """Draw the right edge of the sheet with its handle: how many pairs are stored."""
    x, y = page.left + page.width, page.top + max(14, (page.low - page.top) / 2)
    ring = max(x, page.left + 30)  # beside a sheet that it would cover
    marks.line("edge", [(x, page.top - 8), (x, max(page.low, y))], look="surface", of="kv_cache")
    marks.line("edge_stem", [(x, y), (ring, y)], look="surface", of="kv_cache")
    more = {"of": "kv_cache", "says": tr("stored pairs: drag the edge"), "lights": "h_kv"}
    marks.knob("sharing", ring, y, "x", along("sharing", places), **more)


def _told(kept: Kept) -> tuple[str, str]:
    """Say how queries and stored pairs belong together: the name of the design, and what it means."""
    if kept.kind == "latent":
        said = later("all {count:,} queries read one latent a token")
        return tr("Multi-head latent attention (MLA)"), tr(said, count=kept.queries)
    if kept.kind == "state":
        return tr("A state space"), tr("no token is kept; a state is changed by each")
    if kept.pairs == kept.queries:
        return tr("Multi-head attention (MHA)"), tr("each query has a stored pair of its own")
    if kept.pairs == 1:
        return tr("Multi-query attention (MQA)"), tr("all {count:,} queries share one stored pair", count=kept.queries)
    said = later("{count:,} queries share a stored pair")
    return tr("Grouped-query attention (GQA)"), tr(said, count=kept.queries // kept.pairs)


def _places(built: Model, sharing: str, page: Sheet, run: Inference) -> dict[str, float]:
    """Return where the edge lies for each way to share, one way a place: the chosen one, else the first."""
    found = {}
    for way in (sharing, *_SHARING, ALL):
        row = sheet.kept(shared(built, way), run).row
        found.setdefault(round(page.left + page.width_of(row), 1), way)
    return {way: place for place, way in found.items()}


def _outline_words(marks: Marks, page: Sheet) -> None:
    """Say what the dashed outline is, where there is room in it."""
    kept, room = page.kept, page.outline - page.width
    used = page.state_height if kept.kind == "state" else page.first - page.top
    if room < 100 or page.low - page.top - used < 44 or (used and kept.kind != "state"):
        return
    fewer = kept.row * kept.queries != kept.wide * kept.pairs
    kind = "fewer bits" if fewer and kept.kind == "pairs" else kept.kind
    lines = textwrap.wrap(tr(_WOULD_TAKE[kind]), int((room - 22) / _LETTER))
    for place, line in enumerate(reversed(lines)):
        x, y = page.left + page.outline - 8, page.low - 9 - 16 * place
        marks.text(f"outline_words_{place}", x, y, line, anchor="end", of="kv_cache")


_WOULD_TAKE = {
    "latent": later("keys and values of all heads would take all this"),
    "state": later("keys and values of each token would take all this"),
    "pairs": later("a pair a query would take all this"),
    "fewer bits": later("a pair a query, in 16 bits, would take all this"),
}


def _caption(marks: Marks, page: Sheet, run: Inference) -> None:
    """Say what is seen: the cells, and what a row and a sheet are."""
    narrow = marks.width < 600
    x, y, room = (12, page.foot + 20, marks.width - 20) if narrow else (page.left + 4, page.foot + 20, page.room)
    if page.kept.kind == "pairs":
        for name, at, look in ((later("key"), x, "full"), (later("value"), x + 46, "full pale")):
            marks.rect(f"legend_{name}", at, y - 9, 9, 9, look=look, of="kv_cache")
            marks.text(f"legend_{name}_word", at + 14, y, tr(name))
        x, y, room = (x + 108, y, room - 108) if marks.width == LAYOUTS[-1] else (x, y + 17, room)
    for place, line in enumerate(textwrap.wrap(_seen(page, run), int(room / _LETTER))):
        marks.text(f"caption_{place}", x, y + 17 * place, line)


def _seen(page: Sheet, run: Inference) -> str:
    """Say what a row and a sheet are, or how large a state is."""
    kept, each = page.kept, page.together
    if kept.kind == "state":
        said = later(
            "a sheet is one of {layers:,} layers: its state is as large as keys and values of {tokens:,.0f} tokens "
            "would be"
        )
        return tr(said, layers=kept.layers, tokens=float(kept.state / kept.wide))
    row = tr_many("a row is a token", "a row is {count:,} tokens", each)
    if run.batch > 1:
        said = later("{row} · a sheet is one of {layers:,} layers, in one of {batch:,} stacks")
        return tr(said, row=row, layers=kept.layers, batch=run.batch)
    return tr("{row} · a sheet is one of {layers:,} layers", row=row, layers=kept.layers)


def _code(built: Model, model: Model, run: Inference) -> str:
    """Return the line of Python; a model of one's own is one of its config.json."""
    written = code(model, run, "kv_cache", shown=("context", "batch", "kv_cache"))
    own, names = "Model.from_config('config.json')", ("kv_heads", "window_kv_heads")
    changed = (f"{name}={getattr(model, name)}" for name in names if getattr(model, name) != getattr(built, name))
    return written if model == built else written.replace(own, f"replace({own}, {', '.join(changed)})")


def _held(run: Inference) -> str:
    tokens = tr_many("{count:,} token", "{count:,} tokens", run.context)
    if run.batch == 1:
        return tokens
    return tr("{tokens} in each of {batch:,} conversations", tokens=tokens, batch=run.batch)


def _said(run: Inference, both: Columns) -> str:
    """Say what the cache takes, and how that compares with the weights."""
    if both.over:
        said = _AS_MUCH if both.cache == both.weights else _MORE
    else:
        said = later("After {held} the [cache] takes *{size}*. The [weights] take {weights}, however long you talk.")
    sizes = {"size": show(both.cache), "weights": show(both.weights)}
    return tr(said, held=_held(run), passed=both.passed, **sizes)


_AS_MUCH = later(
    "After {held} the [cache] takes *{size}*, as much as the {weights} of the [weights]. It reached them at token "
    "{passed:,}."
)
_MORE = later(
    "After {held} the [cache] takes *{size}*, more than the {weights} of the [weights]. It reached them at token "
    "{passed:,}."
)


def _sentence(kept: Kept, run: Inference) -> str:
    """Return the sentence of the controls that act: your words as long as they have rows, pairs if there are any."""
    if run.context <= _FEW:
        return _SAY if kept.kind == "pairs" else _SAY_ALONE
    return _TALK if kept.kind == "pairs" else _TALK_ALONE


def _notes(model: Model, run: Inference, said: list[str], context: int, sharing: str) -> list[str]:
    """Return what must be known beside the result."""
    found, each = [], _SHARING.get(sharing, 1)
    serves = model.heads // model.kv_heads if model.kv_heads else each
    if each > 1 and serves != each:
        why = later(
            "{heads:,} queries cannot be dealt out by {each:,}; a pair serves {serves:,}, the next number that goes."
        )
        found.append(tr(why, heads=model.heads, each=each, serves=serves))
    if len(said) > context:
        found.append(tr("Your words alone are {count:,} tokens.", count=len(said)))
    if model.trained_context and run.context > model.trained_context:
        known = {"model": model.name, "trained": model.trained_context}
        found.append(tr("{model} was trained for {trained:,} tokens; more needs an extension.", **known))
    return [*found, *_other_layers(model)]


def _other_layers(model: Model) -> list[str]:
    """Say what those layers keep whose sheet is not drawn."""
    found = []
    if model.window_layers:
        every = later("All {layers:,} layers keep no more than the newest {window:,} tokens.")
        others = later("The other {layers:,} layers keep no more than the newest {window:,} tokens.")
        said = others if model.full_layers else every
        found.append(tr(said, layers=model.window_layers, window=model.window))
    states = model.mamba_layers + model.mamba2_layers
    if states and states < model.layers:
        found.append(tr("The other {layers:,} layers keep a state of fixed size, and no tokens.", layers=states))
    return found


def _hints(kept: Kept, both: Columns) -> list[str]:
    """Return what to try, and at last what comes of it."""
    found = [tr("Drag the top of the cache, or press play, and look at the level of the weights.")]
    if kept.kind == "pairs":
        said = later(
            "Drag the right edge of the sheet. The level of the weights sinks a little too, because the matrices that "
            "make keys and values become smaller."
        )
        found.append(tr(said))
    if not both.passed:
        return [*found, tr("This cache never reaches the weights, because it stops growing.")]
    return found if both.over else [*found, tr("This cache reaches the weights at token {token:,}.", token=both.passed)]
