"""Which tensors a file means by the names of modules."""

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs import changed
from memcalc import InputError, Model
from memcalc.catalogue import rows
from memcalc.formula.formats import Other
from memcalc.formula.quantization import is_matrix
from memcalc.formula.tensors import Structure, packed
from memcalc.specs.kept import LONGEST, Patterns, alternatives, in_model, runs
from memcalc.specs.stored import Stored

LLAMA, MIXED = Model.named("LLaMA-7B"), Model.named("DeepSeek-V3")
GEMMA = changed("gemma4_text", {"num_kv_shared_layers": 2, "use_double_wide_mlp": True})


def others(*kept, model=LLAMA, **more):
    stored = Stored("FP8-128x128", width="BF16", kept=kept, **more)
    return {(one.group, one.tensor): one.number for one in in_model(stored, model).form.others}


def test_names_of_layers_are_counted():
    assert others("model.layers.0.mlp", "model.layers.31.mlp.up_proj") == {
        ("mlp", "up_proj"): 3,
        ("mlp", "down_proj"): 1,
    }


@pytest.mark.parametrize("pattern", ["self_attn", "re:.*self_attn.*", "model.layers.*.self_attn", "*self_attn*"])
def test_a_pattern_of_all_layers_names_all(pattern):
    assert others(pattern) == {("attention", f"{which}_proj"): None for which in "qkvo"}


def test_dense_layers_and_experts_are_told_apart():
    assert others("model.layers.2.mlp", model=MIXED) == {("mlp", "up_proj"): 2, ("mlp", "down_proj"): 1}
    found = others("model.layers.3.mlp", model=MIXED)
    assert {group for group, _ in found} == {"expert", "router"}
    experts = others("re:.*mlp\\.experts\\.\\d+\\..*", model=MIXED)
    assert experts == {("expert", "gate_up_proj"): None, ("expert", "down_proj"): None}


def test_an_mlp_without_a_gate_has_two_matrices():
    plain = replace(LLAMA, name="plain", mlp_matrices=2)
    assert others("model.layers.0.mlp", model=plain) == {("mlp", "up_proj"): 1, ("mlp", "down_proj"): 1}
    experts = {"moe_layers": 32, "dense_layers": 0, "experts": 4, "active_experts": 1, "expert_intermediate": 64}
    sparse = replace(plain, name="sparse", **experts)
    assert others("model.layers.0.mlp.experts.0.up_proj", model=sparse) == {("expert", "gate_up_proj"): 1}


def test_wide_mlps_are_those_of_the_last_layers():
    wide = Model.from_config(GEMMA)
    assert (wide.dense_layers, wide.wide_layers) == (2, 2)
    assert others("model.layers.0.mlp", model=wide) == {("mlp", "up_proj"): 2, ("mlp", "down_proj"): 1}
    assert others("model.layers.3.mlp", model=wide) == {("wide_mlp", "up_proj"): 2, ("wide_mlp", "down_proj"): 1}
    said = in_model(Stored("FP8-tensor", kept=("model.layers.4.mlp",)), wide).sentence
    assert said == "Nothing that is counted here is called 'model.layers.4.mlp'."


def test_names_of_matrices_that_an_engine_joins():
    assert others("model.layers.*.self_attn.qkv_proj") == {("attention", f"{which}_proj"): None for which in "qkv"}
    assert others("model.layers.1.mlp.gate_up_proj") == {("mlp", "up_proj"): 2}


def test_matrices_that_code_joins_count_once():
    found = others("model.layers.3.mlp.experts", "model.layers.4.mlp.experts", model=MIXED)
    assert found == {("expert", "gate_up_proj"): 2, ("expert", "down_proj"): 2}


def test_what_a_format_keeps_anyway_is_no_other():
    assert others("lm_head", "model.embed_tokens", "model.norm") == {}
    assert others("mlp.gate", model=MIXED) == {}


def test_the_head_is_quantized_unless_it_is_kept():
    form = in_model(Stored("W4A16-g128", head=True), LLAMA).form
    assert form.keeps == {"embed_tokens"}
    assert others("lm_head", head=True) == {("embedding", "lm_head"): None}


def test_some_modules_may_have_another_format():
    stored = Stored("BF16", width="BF16", others=(("NVFP4-W4A4", ("mlp",)), ("FP8-tensor", ("re:.*proj",))))
    found = in_model(stored, LLAMA).form.others
    assert Other("mlp", "up_proj", None, "NVFP4-W4A4") in found
    assert Other("attention", "q_proj", None, "FP8-tensor") in found


def test_what_names_nothing_is_said():
    said = in_model(Stored("FP8-tensor", kept=("visual.blocks.0", "model.layers.40.mlp", "lm_head")), LLAMA).sentence
    assert said == "Nothing that is counted here is called 'visual.blocks.0', nor any of 1 more that the file names."
    assert "re:(?!mlp).*" in in_model(Stored("FP8-tensor", kept=("re:(?!mlp).*",)), LLAMA).sentence


def test_what_is_kept_is_said_by_the_part_of_the_model():
    kept = ("lm_head", "re:.*self_attn.*", "model.layers.3.mlp.gate_proj")
    said = in_model(Stored("FP8-tensor", width="BF16", kept=kept), LLAMA).sentence
    assert said == "In BF16: the attention; 1 up_proj of the MLP."


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("lm_head", ["lm_head"]),
        ("language_model.lm_head", ["lm_head"]),
        ("model.language_model.layers.3.mlp", ["model.layers.3.mlp"]),
        ("re:.*mlp.gate$", ["*mlp.gate"]),
        ("re:^model\\.layers\\.[0-1]\\.mlp", ["model.layers.0.mlp*", "model.layers.1.mlp*"]),
        ("re:.*(?:up|down)_proj$", ["*up_proj", "*down_proj"]),
        ("re:.*a{3}", []),
        ("re:(x+x+)+y", []),
        ("re:((a)", []),
        ("x" * (LONGEST + 1), []),
    ],
)
def test_what_is_understood_of_patterns(pattern, texts):
    assert alternatives(pattern) == texts


@given(st.text("re:.*()|[]\\dxm$^+-0{}", max_size=40))
def test_no_pattern_is_a_crash_or_a_hang(pattern):
    start = time.perf_counter()
    Patterns.of((pattern, f"re:{pattern}")).match(("model.layers.0.mlp.gate_proj",))
    assert time.perf_counter() - start < 1


def test_a_hundred_stars_do_not_hang():
    start = time.perf_counter()
    assert not Patterns.of(("re:" + ".*l" * 300 + "!", "*l" * 300 + "x")).match(("model.layers.0.mlp.gate_proj",))
    assert time.perf_counter() - start < 1


def test_thousands_of_patterns_do_not_hang():
    start = time.perf_counter()
    many = (f"*layers.{place}.x{place}*" for place in range(20_000))
    assert others(*many, *(f"model.layers.{place}.self_attn" for place in range(32)), model=LLAMA)
    assert time.perf_counter() - start < 10


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=5))
def test_runs_are_what_stands_between_dots(parts):
    name = ".".join(parts)
    places = range(len(parts) + 1)
    assert set(runs(name)) == {".".join(parts[start:end]) for start in places for end in places[start + 1 :]}


def test_every_matrix_has_names_of_modules():
    named = {(row["group"], row["tensor"]) for row in rows("modules")}
    for packing in ("", "qkv", "qkv gate_up"):
        for tensor in packed(Structure(packing)):
            assert not is_matrix(tensor) or (tensor.group, tensor.name) in named


def test_no_number_of_layers_is_a_hang():
    huge = replace(LLAMA, full_layers=100_000, dense_layers=100_000)
    assert in_model(Stored("FP8-tensor"), huge).form.others == ()
    with pytest.raises(
        InputError, match=r"^modules that config\.json names must be .+ 1,000 layers, not 1 and 100,000"
    ):
        in_model(Stored("FP8-tensor", kept=("lm_head",)), huge)
    turns = tuple((form, ("mlp",)) for form in ("FP8-tensor", "FP16") * 60)
    with pytest.raises(InputError, match="at most 100 formats in turn"):
        in_model(Stored("FP8-tensor", others=turns), LLAMA)
