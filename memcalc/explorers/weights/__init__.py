"""The explorer of weights: a model as a map of its bytes, which shrinks when its numbers are stored in fewer bits."""

from collections.abc import Iterator, Mapping
from functools import cache

import sympy

from memcalc import Gpu, Inference, InputError, Model, breakdown, values
from memcalc.catalogue import find
from memcalc.estimate.code import code
from memcalc.explorers.controls import Menu, Number, model_of
from memcalc.explorers.frame import Frame, Guess, explorer
from memcalc.explorers.marks import Marks, along
from memcalc.explorers.weights import drawn
from memcalc.explorers.weights.bytemap import PLAIN, Scene, byte_map
from memcalc.explorers.weights.said import types
from memcalc.explorers.words import formula, line_of
from memcalc.formula import weights as terms
from memcalc.formula.choices import Family
from memcalc.formula.formats import Format, named_bits
from memcalc.formula.mathml import mathml
from memcalc.formula.plain import plain
from memcalc.formula.quantization import passed_in
from memcalc.formula.structures import in_structure
from memcalc.formula.symbols import BY_NAME
from memcalc.formula.tensors import present
from memcalc.formula.term import Term
from memcalc.specs.run import weights_formats
from memcalc.texts import later, tr
from memcalc.units import UNITS, in_unit, show, show_both

CARDS = ("RTX 4090", "RTX 5090", "A100 80 GB", "H100 80 GB", "MI300X")
"""What can stand around the map: cards of a desk, and of computing centres."""

NO_CARD = later("no card")
"""The map alone."""

_MOST_LAYERS = 126  # of any model in the table
_ROOM = {360: (326, 230), 600: (566, 312), 860: (826, 388)}  # for the map [px]
_TAKE_TURNS = ("full_layers", "latent_layers", "mamba_layers", "mamba2_layers")
_IN_A_LAYER = (
    *(terms.attention, terms.latent_attention, terms.mamba, terms.mamba2),
    *(terms.mlp, terms.expert, terms.router, terms.norms),
)

Line = Mapping[str, object]
"""A line of a formula, as `words.line_of` gives it."""


@explorer(
    later("Here lies {model}, tensor by tensor, with its [weights] in {weights}, and around it {gpu}."),
    presets={
        later("Llama-3.1-8B in FP16"): {},
        "NF4": {"weights": "NF4"},
        "NF4-double": {"weights": "NF4-double"},
        "Q4_K_M": {"weights": "Q4_K_M"},
        later("one of its layers"): {"weights": "Q4_K_M", "layer": 1},
        later("Llama-3.2-1B in NF4-double"): {"model": "Llama-3.2-1B", "weights": "NF4-double"},
        later("Mixtral-8x7B in Q4_K_M"): {"model": "Mixtral-8x7B", "weights": "Q4_K_M"},
    },
    gpu=Menu("card", (NO_CARD, *CARDS)),
    layer=Number("layer", 0, _MOST_LAYERS),
)
def stored_weights(
    *, width: int = 860, model: str = "Llama-3.1-8B", weights: str = PLAIN, gpu: str = NO_CARD, layer: int = 0
) -> Frame:
    """Show every tensor of a model as a rectangle of its bytes; with a layer, those of one alone.

    >>> stored_weights.frame(weights="Q4_0").sentence_said[:60]
    '4.33 GiB = 4.65 GB: 4.64 bits for each of its 8,030,261,248 '
    """
    spec, run = model_of(model), Inference(weights=weights)
    bytes_ = byte_map(spec, run.weights, *_ROOM[width])
    if layer > len(bytes_.cells):
        known = {"most": len(bytes_.cells), "model": spec.name, "layer": layer}
        raise InputError(tr("layer must be at most {most}, the layers of {model}, not {layer}.", **known))
    size, plain = (breakdown(spec, Inference(weights=name))["weights"] for name in (run.weights, PLAIN))
    card = None if gpu == NO_CARD else Gpu.named(gpu)
    scene = Scene(Marks(width), spec, run.weights, bytes_, size, plain, card)
    return _layer(scene, run, layer) if layer else _whole(scene, run)


def for_one_token(model: Model, run: Inference) -> int:
    """Return what the parameters take that one token passes: of the routed experts, only those chosen [bytes].

    >>> for_one_token(Model.named("Mixtral-8x7B"), Inference(weights="INT8"))
    12879925248
    """
    term = passed_in(run.weights, present(model.structure, model.absent))
    return in_structure(term, model.structure).exact(values(model, run))


@cache
def _sizes(model: Model) -> dict[str, int]:
    return {name: breakdown(model, Inference(weights=name))["weights"] for name in weights_formats()}


def _whole(scene: Scene, run: Inference) -> Frame:
    sizes = _sizes(scene.model)
    said = _said(scene, run)
    return Frame(
        marks=scene.marks,
        highest=_highest(scene),
        height=drawn.whole(scene, sizes),
        said=said,
        alt=f"{_described(scene)} {said.replace('*', '')}",
        notes=list(_notes(scene)),
        hints=list(_hints(scene, sizes)),
        formula=[*_counted(scene.model, terms.parameters), *_in_bytes(scene, run)],
        code=code(scene.model, run, "weights", shown=("weights",)),
        scale=f"{scene.most}",
        guess=_guess(scene) if scene.size != scene.plain else None,
    )


def _described(scene: Scene) -> str:
    layers = len(scene.bytes_.cells)
    return tr("A map of {model}, {layers} layers row by row.", model=scene.model.name, layers=layers)


def _highest(scene: Scene) -> dict[str, int]:
    return {"layer": len(scene.bytes_.cells)}


def _said(scene: Scene, run: Inference) -> str:
    model, size, passed = scene.model, scene.size, for_one_token(scene.model, run)
    known = {"size": show_both(size), "bits": 8 * size / model.parameters, "count": model.parameters}
    said = [tr(_BITS, **known, named=named_bits(run.weights))]
    if passed < size:
        said.append(tr("A token passes {size} of it: the pale experts wait for others.", size=show(passed)))
    if scene.over:
        over = {"card": scene.gpu.name, "over": show(scene.over)}
        said.append(tr("*It does not fit* into one {card}: {over} run over the rim.", **over))
    elif scene.gpu:
        left = {"card": scene.gpu.name, "left": show(scene.gpu.capacity - size)}
        said.append(tr("*It fits* into one {card} and leaves {left} for all else.", **left))
    return " ".join(said)


_BITS = later("*{size}:* {bits:.2f} bits for each of its {count:,} parameters; the name says {named}.")


def _layer(scene: Scene, run: Inference, layer: int) -> Frame:
    held = [one for tile in scene.bytes_.tiles if tile.layer == layer for one in tile.tensors]
    size, numbers = sum(one.size for one in held), sum(one.numbers for one in held)
    known = {"layer": layer, "layers": len(scene.bytes_.cells), "count": numbers, "bits": float(8 * size / numbers)}
    said = tr(_BITS_OF_A_LAYER, size=show_both(size), **known)
    groups = {one.group for one in held}
    return Frame(
        marks=scene.marks,
        highest=_highest(scene),
        height=drawn.one_layer(scene, layer),
        said=said,
        alt=f"{tr(_LAYER, model=scene.model.name, format=run.weights)} {said.replace('*', '')}",
        notes=list(_notes(scene)),
        hints=list(map(tr, _IN_IT)),
        formula=[line for term in _IN_A_LAYER if term.name in groups for line in _counted(scene.model, term)],
        code=code(scene.model, run, "weights", shown=("weights",)),
        sentence=_HERE,
        scale=f"layer {layer}",
    )


_BITS_OF_A_LAYER = later("*{size}* for layer {layer} of {layers}: {count:,} parameters, {bits:.2f} bits for each.")
_LAYER = later("A layer of {model} in {format}, tensor by tensor.")
_HERE = later("Here is layer {layer} of {model}, tensor by tensor, with its [weights] in {weights}.")
_IN_IT = (
    later("Point at a tensor, and its letters light up in the formula."),
    later("A click on any tensor leads back."),
)


def _notes(scene: Scene) -> Iterator[str]:
    yield f"{scene.weights}: {tr(find('formats', 'format', scene.weights)['meaning'])}."
    if sum(getattr(scene.model, kind) > 0 for kind in _TAKE_TURNS) > 1:
        yield tr("Layers of one kind are drawn side by side; in the model they take turns.")


def _hints(scene: Scene, sizes: Mapping[str, int]) -> Iterator[str]:
    """Yield where the bits go, and what the next smaller format would take."""
    stored, size = [one for tile in scene.bytes_.tiles for one in tile.tensors], scene.size
    scales = sum(one.scales for one in stored)
    if scales:
        yield tr("Scales take {size}, {share:.1%} of all.", size=show(scales), share=float(scales / size))
    first, *others = types(stored)
    for type_, part in others:
        if part > size / 1000:
            said = later("What is stored in {type} instead of {usual} takes {size}, {share:.1%}.")
            yield tr(said, type=type_, usual=first[0], size=show(part), share=float(part / size))
    smaller = [name for name in sizes if sizes[name] < size]
    if smaller:
        name = max(smaller, key=sizes.get)
        yield tr("In {format} it would take {size}.", format=name, size=show(sizes[name]))


def _counted(model: Model, term: Term) -> list[Line]:
    """Return the line of the formula that counts parameters; none where it has too many letters to be read."""
    known = {**model.values, BY_NAME["layers"].symbol: model.layers}
    term = plain(in_structure(term, model.structure), known)
    line = line_of([term], term.numbers(known))
    if set(line["numbers"]) == {line["letter"]}:
        return []
    return [line | {"summands": [summand | {"of": "weights"} for summand in line["summands"]]}]


def _in_bytes(scene: Scene, run: Inference) -> list[Line]:
    """Return the line of the formula for bytes: a product, or where scales are stored, the sum over types."""
    if Format.named(run.weights).family == Family.PLAIN:
        return formula(scene.model, run, [terms.weights])
    letter, summands = BY_NAME["weights"].symbol, []
    numbers, meanings = {letter.name: show(scene.size)}, {}
    stored = [one for tile in scene.bytes_.tiles for one in tile.tensors]
    for type_, size in types(stored):
        count = sum(one.numbers for one in stored if one.type == type_)
        written = {"parameters": f"{count:,}", "bytes_per_weight": f"{8 * float(size) / count:.5g} / 8"}
        letters = {name: sympy.Symbol(f"{BY_NAME[name].symbol}_{type_}") for name in written}
        numbers |= {letters[name].name: number for name, number in written.items()}
        meanings |= {
            one.name: tr("{meaning} stored in {type}", meaning=tr(BY_NAME[name].meaning), type=tr(type_))
            for name, one in letters.items()
        }
        product = "<mo>×</mo>".join(mathml(one, numbers=True) for one in letters.values())
        summands.append({"of": "weights", "math": f"<mrow>{product}</mrow>"})
    line = {"letter": letter.name, "left": mathml(letter), "summands": summands, "numbers": numbers}
    return [line | {"meanings": meanings}]


_FULL = later("The box is the model in {plain}. How full is it in {format}? Drag the line, or type a number.")


def _guess(scene: Scene) -> Guess:
    per_gib = scene.high_of(scene.plain) / in_unit(scene.plain, "GiB")
    return Guess(
        asks=tr(_FULL, plain=PLAIN, format=scene.weights),
        unit="GiB",
        truth=in_unit(scene.size, "GiB"),
        handle={"axis": "y"} | along("guess", origin=scene.floor, size=-per_gib),
        low=0,
        high=-(-max(scene.size, scene.plain) // UNITS["GiB"]),
        stays=False,  # for the map is as wide as it is high
    )
