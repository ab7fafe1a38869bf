"""Exercises of notebook 1, weights, and its guess."""

from fractions import Fraction

import sympy

from memcalc import Inference, Model, symbol, symbols
from memcalc.formula.formats import Format
from memcalc.formula.weights import attention, mlp, norms, parameters
from memcalc.lessons.task import Answers, guess, task, weights_of
from memcalc.texts import later, tr


@guess(
    "1.1",
    "GiB",
    asks="How much do the [weights] of Llama-3.1-8B take in NF4, a format of four bits?",
    matters="Some of that are scales, and more is what stays in 16 bits. This lesson takes the bits apart.",
)
def _format_of_four_bits() -> Answers:
    model = Model.named("Llama-3.1-8B")
    half, byte, two = (weights_of(model, Inference(weights=name)) for name in ("INT4", "INT8", "BF16"))
    yield weights_of(model, Inference(weights="NF4"))
    yield half, "that is half a byte for each number, and the file keeps more beside the four bits"
    yield byte, "that is a byte for each number, and four bits are half a byte"
    yield two, "that is BF16, with two bytes for each number; four bits are a quarter of that"
    yield 4 * byte, "that is four bytes for each number, and NF4 has four bits"


@task(
    "1.1",
    "GB",
    asks="How many GB of memory do the [weights] of Mixtral-8x7B take in BF16?",
    hint="Does memory go by total or by active parameters? BF16 takes two bytes, and a GB is a billion bytes.",
    solution="2 * 46,702,792,704 / 10**9",
    because="It is 93.41 GB: all experts must be there, because the next token may need any of them.",
    matters="No card of 80 GB holds that, although a token passes little more than a quarter of it.",
    goal="tell total from active parameters in a mixture of experts",
)
def _all_experts() -> Answers:
    model, seven = Model.named("Mixtral-8x7B"), Model.named("Mistral-7B-v0.1")
    every, few = 2 * model.parameters, 2 * model.active_parameters
    yield every
    yield few, "those are the active ones, which one token passes; the next token needs others, so all must be there"
    yield 2 * 56 * 10**9, "the name is no product, 8 × 7 = 56: the experts share attention and embedding"
    yield 2 * 8 * seven.parameters, "that is eight whole models; the experts share attention and embedding"
    yield 2 * 7 * 10**9, "that is one expert with all that is shared; there are eight experts"
    yield 2 * every, "that is with four bytes each; BF16 takes two"
    yield model.parameters, "that is one byte each, or billions of parameters; BF16 takes two bytes"
    yield 2 * few, "those are the active ones, and in four bytes; count all, in two"


@task(
    "1.2",
    "GiB",
    asks="How many GiB do the tensors in a Q4_K_M file of Llama-3.1-8B take?",
    hint="The bars above say how many bits each parameter takes, all included. Eight bits are a byte, and 2³⁰ bytes a "
    "GiB.",
    solution="8,030,261,248 * 4.89 / 8 / 2**30",
    because="It is 4.58 GiB = 4.91 GB. Half a byte for each parameter would be 18 % too little.",
    matters="So ask for the bits of the file, not for those of the name.",
    goal="say why a 4-bit file takes more than half a byte per parameter",
)
def _four_bits() -> Answers:
    model = Model.named("Llama-3.1-8B")
    half, right, *others = (weights_of(model, Inference(weights=name)) for name in ("INT4", "Q4_K_M", *_OTHERS))
    yield right
    yield half, "that is half a byte each; scales and the tensors in more bits come on top"
    yield Fraction(half * 2**30, 10**9), "that is half a byte each, and in GB"
    yield Fraction(half, 2), "half a byte has four bits, and you halved once more"
    yield from zip(others, _OTHERS.values(), strict=True)
    bits = Format.named("Q4_K").bits
    yield model.parameters * bits / 8, "that is 4.5 bits each, those of most matrices; a sensitive few have more"
    yield bits * 2**30, "those are the bits of most parameters; the question asks for all, in GiB"
    each = Fraction(8 * right, model.parameters)
    yield each * 2**30, "that is the number of bits for each parameter; the question asks for all of them"


_OTHERS = {
    "Q4_0": later("that is Q4_0; Q4_K_M gives more bits to more tensors"),
    "FP16": later("that is in 16 bits"),
    "INT8": later("that is a byte each"),
    "NF4": later("that is NF4, which leaves the embedding in 16 bits"),
    "NF4-double": later("that is NF4 with double quantization, which leaves the embedding in 16 bits"),
}


@task(
    "1.3",
    "formula",
    asks="By how many parameters does a model of LLaMA's kind grow with one more layer? Write it as a formula in the "
    "letters d, h, h_kv, d_k and d_ff.",
    hint="A layer has attention, MLP and norms, whose terms are above.",
    solution="2 * d * h * d_k + 2 * d * h_kv * d_k + 3 * d * d_ff + 2 * d",
    because="Queries and output have h heads, keys and values h_kv.",
    matters="Each layer of Llama-3.1-8B has 218 million parameters; the embedding is paid only once.",
    goal="say what a layer adds to a model",
)
def _one_more_layer() -> Answers:
    known = Model.named("Llama-3.1-8B").values
    kind = {one: known[one] for one in symbols("mlp_matrices layer_norms norm_vectors embedding_tables")}
    letters = [part.simplified(known).expr for part in (attention, mlp, norms)]
    looks, widens, scales = (expr.xreplace(kind) for expr in letters)
    right = looks + widens + scales
    d, h, h_kv, d_k, d_ff = symbols("hidden heads kv_heads head_dim intermediate")
    yield right
    yield looks + widens, "the norms are missing: two vectors of d numbers"
    yield right - d, "a layer has two norms, one before the attention and one before the MLP"
    yield right - d * d_ff, "the MLP has three matrices: up, down, and the gate"
    yield right.xreplace({h_kv: h}), "keys and values have grouped heads: their matrices are made for h_kv heads"
    yield 4 * d**2 + widens + scales, "that is one head size for all: keys and values have fewer heads, h_kv"
    yield right - d * h * d_k, "a matrix of the attention is missing: the queries', or the output's back to d"
    yield 12 * d**2, "that is the rule for your head; with the other letters the count is exact"
    yield right.xreplace({h: d / d_k}), "so it is in many models, but h × d_k need not be d: keep both letters"
    yield looks + scales, "that layer has no MLP, where most of the parameters are"
    yield widens + scales, "that layer has no attention"
    for expr in (sympy.Add(*letters), looks + letters[1] + scales):
        yield expr, "right in letters; for a model of LLaMA's kind, n_mlp is 3, n_norm is 2 and n_vec is 1"
    yield from _of_the_model(right, known, kind)


def _of_the_model(layer: sympy.Expr, known: dict, kind: dict) -> Answers:
    """Yield answers that say something of the whole model, or that leave the parts unwritten."""
    whole, one = parameters.simplified(known), attention.symbol + mlp.symbol + norms.symbol
    layers, *others = symbols("layers full_layers dense_layers")
    for expr in (whole.expr, whole.expanded().xreplace(kind | dict.fromkeys(others, layers))):
        yield expr, "that is the whole model; the question asks for its change with one more layer"
    yield layers * layer, "those are all layers; the question asks for one more"
    yield layer + symbol("vocabulary") * symbol("hidden"), "a layer has no embedding; the model has it once"
    yield one, "so it is; now write the parts out in the letters of config.json"
    yield one - mlp.symbol, "the MLP is missing, and it is the largest part of a layer"


@task(
    "1.4",
    "parameters",
    asks="A config.json says: hidden_size 2,048; 16 layers; 32 heads, 8 for keys and values, head_dim 64; "
    "intermediate_size 8,192; vocab_size 128,256; and tie_word_embeddings: true. How many parameters has the model?",
    hint="One table serves as embedding and as output head, because they are tied. A layer is that of exercise 1.3.",
    solution="128256 * 2048 + 16 * (2 * 2048 * 32 * 64 + 2 * 2048 * 8 * 64 + 3 * 2048 * 8192 + 2 * 2048) + 2048",
    because="It is 1,235,814,400: Llama-3.2-1B, as its maker counts it too.",
    matters="More than a fifth of it is the embedding, which grows with the vocabulary and not with the layers.",
    goal="count the parameters of a model from its config.json",
)
def _one_billion() -> Answers:
    model = Model.named("Llama-3.2-1B")
    known, right = model.values, model.parameters
    table = model.vocabulary * model.hidden
    looks, widens, scales = (part.exact(known) for part in (attention, mlp, norms))
    layer, keys = looks + widens + scales, 2 * model.hidden * model.kv_heads * model.head_dim
    yield right
    yield right + table, "that counts the table twice; input and output share it, because they are tied"
    yield right - table, "those are the layers alone; the embedding is missing"
    yield table + layer, tr("that has one layer; the model has {layers}", layers=model.layers)
    yield right - model.layers * widens // 3, "the MLP has three matrices: up, down, and the gate"
    yield right - model.layers * widens, "the MLP is missing, and it is the largest part of a layer"
    yield right - model.layers * looks, "the attention is missing: queries, keys, values, and the output"
    yield right + 3 * model.layers * keys, "keys and values have 8 heads, and you counted 32"
    yield 2 * right, "those are bytes in 16 bits; the question asks for parameters"
