"""What several tests take: configs, models, runs, and a look into a picture."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import strategies as st

from measured import rows
from memcalc import Inference, Model, catalogue
from memcalc.formula import TERMS
from memcalc.formula.activations import activations, forward_peak, weight_copies, with_windows
from memcalc.formula.formats import Format
from memcalc.formula.kv_cache import with_residual
from memcalc.formula.llama_cpp import example, input_copies, output_buffer
from memcalc.formula.megatron import first_stage
from memcalc.formula.prefill import Prefill
from memcalc.formula.quantization import passed_in
from memcalc.formula.roofline import decode_in, decode_of_files
from memcalc.formula.saved_tensors import CodePath
from memcalc.formula.symbols import BY_NAME, symbol
from memcalc.formula.tensors import TENSORS
from memcalc.specs.engines import Engine, formats_of

ROOT = Path(__file__).parent.parent

LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "max_position_embeddings": 2048,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 32,
    "tie_word_embeddings": False,
    "vocab_size": 32000,
}
GPT2 = {"model_type": "gpt2", "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 1024, "vocab_size": 50257}

MODELS = st.sampled_from(catalogue.names("models")).map(Model.named)
FORMATS = st.sampled_from(catalogue.names("formats", "cache"))
PLAIN = st.sampled_from([row["name"] for row in catalogue.rows("formats") if row["family"] == "plain"])


def on(engine, run):
    """The run on an engine; in 16 bit where the engine does not have a format of the run."""
    kind = Engine.named(engine).kind
    formats = {use: getattr(run, use).split("/") for use in ("weights", "kv_cache")}
    lacking = {
        use: "FP16"
        for use, names in formats.items()
        if kind and any(name not in formats_of(kind, use) for name in names)
    }
    return replace(run, engine=engine, **lacking)


RUNS = st.builds(Inference, st.integers(1, 10**6), st.integers(1, 512), PLAIN, FORMATS)

_FP32_CASE = CodePath("llama", recipe="fp32")
_FP32 = activations(_FP32_CASE)
_BUILT = (
    _FP32,
    *_FP32.every_part.values(),
    weight_copies(),
    forward_peak(_FP32_CASE),
    *with_windows(CodePath("mistral")).parts,
    first_stage(),
    *first_stage().parts,
    passed_in("NF4", TENSORS),
    with_residual("KIVI"),
    with_residual("transformers"),
)
_PASS = Prefill(CodePath("llama"))
EVERY_TERM = [*TERMS.values(), *_BUILT, _PASS.prefill, _PASS.decode_step]
EVERY_TERM += [decode_in(Format.named("NF4"), TENSORS), decode_of_files()]
EVERY_TERM += [example(), output_buffer, example(input_copies)]
"""Those that stand in modules, and one of each kind that a function builds."""


def for_each_row(table, *quantities):
    """A test of the inputs of each row of these quantities, and of what was measured."""
    found = rows(table, *quantities)
    pairs = [(row.inputs, row.measured) for row in found]
    return pytest.mark.parametrize(("inputs", "measured"), pairs, ids=[row.id for row in found])


def case_of(inputs):
    """What the inputs of a measured row say of the code that ran."""
    said = {name: inputs[name] for name in ("family", "attention", "recipe", "recompute", "masked") if name in inputs}
    grouped, many = inputs["kv_heads"] < inputs["heads"], inputs["batch"] > 1
    return CodePath(**said, grouped=grouped, many=many, dropouts=frozenset(inputs.get("dropouts", ())))


def symbol_values(inputs):
    """The inputs that are values of symbols, by symbol."""
    return {symbol(name): value for name, value in inputs.items() if name in BY_NAME and type(value) is int}
