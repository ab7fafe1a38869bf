"""What cards with layers of their own hold is what llama.cpp says in its logs; all of them hold the whole."""

import json
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import MODELS
from memcalc import Gpu, Inference, InputError, Model, breakdown
from memcalc.estimate.split import fair_split, in_proportion, on_cards
from memcalc.specs.order import layers_of
from model_files import safetensors

MIB = 2**20
RUN = Inference(4096, engine="llama.cpp", weights="Q4_K_S")
SMALL, LARGE = Gpu.of("12 GB"), Gpu.of("24 GB")
COMMAND_R = {
    **{"model_type": "cohere", "hidden_size": 8192, "num_hidden_layers": 40, "intermediate_size": 22528},
    **{"num_attention_heads": 64, "num_key_value_heads": 64, "vocab_size": 256000, "tie_word_embeddings": True},
}


def test_an_rtx_4070_ti_and_an_rtx_3090_ti():
    """Command R in Q4_K_S in ggml-org/llama.cpp#6122: 5,434.38 and 13,989.53 MiB, 1,536 and 3,584 MiB of cache."""
    first, second = on_cards(Model.from_config(COMMAND_R), RUN, [SMALL, LARGE], (12, 28))
    assert [round(one.memory["weights"] / MIB, 2) for one in (first, second)] == [5434.38, 13_989.53]
    assert [one.memory["kv_cache"] // MIB for one in (first, second)] == [1536, 3584]
    assert [bool(one.fit) for one in (first, second)] == [True, True]
    assert first.fit.needed == sum(first.memory.values())


@settings(max_examples=20, deadline=None)
@given(
    MODELS.filter(lambda model: layers_of(model) and model.layers > 2), st.data(), st.sampled_from(["ideal", "vLLM"])
)
def test_all_cards_hold_the_whole(model, data, engine):
    """But for a table that is input and output: the first card and the last have it."""
    run, first = Inference(1000, engine=engine), data.draw(st.integers(1, model.layers - 2))
    found = on_cards(model, run, [LARGE] * 3, (first, model.layers - first - 1, 1))
    whole = breakdown(model, run)
    assert sum(one.memory["kv_cache"] for one in found if "kv_cache" in one.memory) == whole["kv_cache"]
    twice = sum(one.memory["weights"] for one in found) - whole["weights"]
    assert twice == (2 * model.vocabulary * model.hidden if model.embedding_tables == 1 else 0)


@pytest.mark.parametrize("name", ["gpt-oss-20b", "Llama-3.1-8B", "Gemma-3-4B"])
def test_no_other_split_is_fairer(name):
    model, cards = Model.named(name), [LARGE, SMALL]
    run = Inference(8192, engine="llama.cpp", weights="Q8_0")

    def fullest(layers):
        return max(one.fit.needed / one.fit.capacity for one in on_cards(model, run, cards, layers))

    every = [(first, model.layers - first) for first in range(1, model.layers)]
    assert fullest(fair_split(model, run, cards)) == min(map(fullest, every))


def test_equal_cards_and_one_of_half_the_size():
    """A card of half the size has about half as many layers, of a model whose layers are alike."""
    layers = fair_split(Model.named("Llama-3.1-70B"), RUN, [LARGE, LARGE, SMALL])
    assert sum(layers) == 80
    assert abs(layers[0] - layers[1]) <= 1
    assert 0.4 < layers[2] / layers[0] < 0.5
    assert fair_split(Model.named("Llama-3.1-70B"), RUN, [LARGE]) == (80,)


def test_files_of_safetensors_tell_the_layer_of_each_tensor(tmp_path):
    names = [f"model.layers.{layer}.self_attn.q_proj.weight" for layer in range(3)]
    tensors = dict.fromkeys(names, ("F8_E4M3", (64, 64), 4096))
    tensors |= {"model.embed_tokens.weight": ("BF16", (100, 64), 12_800), "model.norm.weight": ("BF16", (64,), 128)}
    config = {
        **{"model_type": "llama", "hidden_size": 64, "vocab_size": 100, "intermediate_size": 96},
        **{"num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    for head, last in ({}, 12_800), ({"lm_head.weight": ("BF16", (100, 64), 12_800)}, 12_800):
        (tmp_path / "model.safetensors").write_bytes(safetensors(tensors | head))
        found = on_cards(Model.from_checkpoint(tmp_path), Inference(100), [LARGE, SMALL], (1, 2))
        assert [one.memory["weights"] for one in found] == [12_800 + 4096, 2 * 4096 + 128 + last]
        stages = breakdown(Model.from_checkpoint(tmp_path), Inference(100, pipeline_parallel=2))
        assert stages["weights"] == max(12_800 + 2 * 4096, 4096 + 128 + last)  # 2 layers and 1, as vLLM has them
        assert [one.memory["kv_cache"] for one in found] == [layers * 100 * 2 * 2 * 16 * 2 for layers in (1, 2)]


@pytest.mark.parametrize(
    ("change", "cards", "layers", "sentence"),
    [
        ({}, [LARGE, SMALL], (20, 20), r"layers must be a number for each of the 2 cards, together the 32 layers"),
        ({}, [LARGE], (16, 16), "layers must be a number for each of the 1 cards"),
        ({}, [LARGE, SMALL], (0, 32), "layers of a card must be"),
        ({}, [], (), "cards must be from 1 to 32"),
        ({"gpu_layers": 3}, [LARGE], (32,), "gpu_layers must be 'all' for cards that have layers of their own, not 3"),
        ({"tensor_parallel": 2}, [LARGE], (32,), "tensor_parallel must be 1 for cards that have layers"),
        ({"overhead": "low"}, [LARGE], (32,), "overhead must be 'none' for cards that have layers"),
    ],
)
def test_what_is_no_split_is_refused(change, cards, layers, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        on_cards(Model.named("Llama-2-7B"), Inference(**change), cards, layers)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=5), st.integers(5, 200))
def test_layers_in_proportion_are_those_of_llama_cpp(parts, layers):
    """As load_tensors of src/llama-model.cpp has it: a layer goes to the first card whose share ends after it."""
    ends = [Fraction(sum(parts[: card + 1]), sum(parts)) for card in range(len(parts))]
    cards = [sum(end <= Fraction(layer, layers + 1) for end in ends) for layer in range(layers)]
    assert in_proportion(parts, layers) == tuple(cards.count(card) for card in range(len(parts)))
