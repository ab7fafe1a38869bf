"""The inventory: tensor by tensor it adds up to what whole files were measured to take."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import MODELS
from headers import read
from measured import rows
from memcalc import Inference, Model, breakdown
from memcalc.estimate.inference import format_in
from memcalc.estimate.inventory import inventory
from memcalc.formula.places import MIXERS
from memcalc.formula.quantization import weights_in
from memcalc.formula.tensors import present
from memcalc.specs.kept import in_model
from memcalc.specs.run import weights_formats
from memcalc.specs.stored import Stored

FILES = rows("formats", "model_tensor_bytes")


def stored(model, form):
    return list(inventory(model.values, present(model.structure, model.absent), format_in(model, form)))


@pytest.mark.parametrize("row", FILES[::5], ids=lambda row: f"{row.id}-{row.model}-{row.inputs['format']}")
def test_tensor_by_tensor_a_file_takes_what_was_measured(row):
    assert sum(one.size for one in stored(read(row.inputs), row.inputs["format"])) == row.measured


@given(model=MODELS, form=st.sampled_from(weights_formats()))
def test_it_is_the_model_to_the_number_and_to_the_byte(model, form):
    found = stored(model, form)
    assert sum(one.numbers for one in found) == model.parameters
    assert 0 <= breakdown(model, Inference(weights=form))["weights"] - sum(one.size for one in found) < 1
    assert all(one.named <= one.size for one in found if one.type not in ("F32", "16 bits"))


def test_experts_that_stay_as_their_maker_stores_them_are_in_it_too():
    model, run = Model.named("gpt-oss-20b"), Inference(weights="Q4_K_M")
    found = stored(model, "Q4_K_M")
    assert sum(one.size for one in found) == breakdown(model, run)["weights"]
    assert {one.type for one in found if one.group == "expert" and len(one.shape) > 2 and "proj" in one.name} == {
        "MXFP4"
    }


@pytest.mark.parametrize("kept", [("model.layers.0.mlp", "model.layers.3.mlp.gate_proj"), ("self_attn", "mlp.experts")])
@pytest.mark.parametrize("name", ["Llama-3.1-8B", "DeepSeek-V3"])
def test_what_a_file_keeps_is_in_it_too(name, kept):
    model = Model.named(name)
    form = in_model(Stored("FP8-128x128", width="BF16", kept=kept), model).form
    tensors = present(model.structure, model.absent)
    found = list(inventory(model.values, tensors, form))
    assert sum(one.numbers for one in found) == model.parameters
    assert sum(one.size for one in found) == weights_in(form, tensors).exact(model.values)
    assert {one.type for one in found} == {"FP8-128x128", "BF16", "16 bits"}


@given(model=MODELS)
def test_each_layer_has_one_way_to_look_at_other_tokens_and_norms(model):
    found = stored(model, "FP16")
    groups = {layer: {one.group for one in found if one.layer == layer} for layer in range(1, model.layers + 1)}
    ways = [len(group.intersection(MIXERS)) for group in groups.values()]  # none, or two side by side, in some models
    assert sum(ways) == model.layers - model.bare_layers + model.parallel_layers
    assert all("norms" in group for group in groups.values())
    assert {one.layer for one in found} == {0, *groups}


def test_shapes_are_those_of_the_published_model():
    """Grattafiori et al. 2024, Table 3: d = 4,096, 14,336 in the MLP, 8 heads of keys and values; 128,256 tokens."""
    shapes = {
        one.name: (one.number, *one.shape) for one in stored(Model.named("Llama-3.1-8B"), "FP16") if one.layer < 2
    }
    assert shapes["k_proj"] == (1, 8 * 128, 4096)
    assert shapes["up_proj"] == (2, 14_336, 4096)
    assert shapes["lm_head"] == (1, 128_256, 4096)


def test_a_mixture_gives_more_bits_where_llama_cpp_does():
    """use_more_bits of llama-quant.cpp: the first eighth, the last, and every third layer between; here of 32."""
    more = {layer + 1 for layer in range(32) if layer < 4 or layer >= 28 or (layer - 4) % 3 == 2}
    found = stored(Model.named("LLaMA-7B"), "Q4_K_M")
    for name in ("v_proj", "down_proj"):
        assert {one.layer for one in found if one.name == name and one.type == "Q6_K"} == more
    assert {one.type for one in found if one.name == "up_proj"} == {"Q4_K"}
    assert {one.type for one in found if one.name == "lm_head"} == {"Q6_K"}


def test_scales_are_those_of_the_paper():
    """Dettmers et al. 2023, section 3: a scale of 32 bits for 64 numbers; bitsandbytes adds a table of 64 bytes."""
    [up] = [one for one in stored(Model.named("LLaMA-7B"), "NF4") if (one.layer, one.name) == (1, "up_proj")]
    numbers = 2 * 4096 * 11008
    assert (up.named, up.scales) == (Fraction(numbers, 2), Fraction(numbers * 4, 64) + 2 * 64)
    assert up.bits == pytest.approx(4.5, abs=1e-4)
