"""LoRA: the counts that adapters are known to have."""

from dataclasses import replace

import pytest

from memcalc import breakdown
from memcalc.formula.choices import Targets
from memcalc.formula.lora import adapter_pieces, adapters, base_weights, r
from memcalc.formula.sharding import total
from memcalc.formula.symbols import symbol
from memcalc.formula.tensors import Structure
from memcalc.specs.model import Model
from memcalc.specs.training import Training

LLAMA_7B = Model.named("LLaMA-7B")
GOLDEN = {"all": 39_976_960, "qv": 8_388_608, "qkvo": 16_777_216, "mlp": 23_199_744}
"""Rank 16: the first two as libraries report them; by hand 32 × 4 × 16 × 8,192 of the attention, and the rest."""


@pytest.mark.parametrize("targets", Targets)
def test_adapters_of_llama_7b(targets):
    counted = total(adapter_pieces(Structure(), targets))
    assert counted.xreplace(LLAMA_7B.values | {r: 16}) == GOLDEN[targets]


def test_adapters_grow_with_the_rank():
    counts = [adapters.exact(LLAMA_7B.values | {r: rank}) for rank in (0, 1, 2, 64)]
    assert counts == [0, counts[1], 2 * counts[1], 64 * counts[1]]


def test_a_packed_matrix_gets_one_adapter():
    model = Model.named("GPT-2")
    qkv = total(adapter_pieces(model.structure, "qv")).xreplace(model.values | {r: 8})
    assert qkv == 12 * 8 * (768 + 3 * 768)  # 294,912: what PEFT reports for c_attn


def test_matrices_have_adapters_by_name():
    def several(targets):
        return total(adapter_pieces(Structure(), targets)).xreplace(LLAMA_7B.values | {r: 16})

    assert several("q_proj,v_proj") == GOLDEN["qv"]
    assert several("gate_proj,up_proj,down_proj") == GOLDEN["mlp"]
    assert several("gate_proj") == several("up_proj") == several("down_proj") == 32 * 16 * (4096 + 11_008)


def test_the_preparation_makes_fp32_of_what_is_not_quantized():
    """PEFT's prepare_model_for_kbit_training: two tables of 32,000 × 8,192, and 161 norms of 8,192 numbers."""
    run = Training(activations="none", lora_rank=64, base_weights="NF4-double")
    model = Model.named("LLaMA-65B")
    more = breakdown(model, run)["weights"] - breakdown(model, replace(run, kbit_preparation=False))["weights"]
    assert more == 2 * (2 * 32_000 * 8192 + 161 * 8192)


def test_the_biases_of_quantized_matrices_are_in_16_bits_again_after_a_pass():
    """bitsandbytes 0.50.2, Linear4bit.forward: two tables of 152,064 × 3,584, and 57 norms, but no bias."""
    run = Training(activations="none", lora_rank=8, base_weights="NF4")
    model = Model.named("Qwen2.5-7B")
    more = breakdown(model, run)["weights"] - breakdown(model, replace(run, kbit_preparation=False))["weights"]
    assert more == 2 * (2 * 152_064 * 3584 + 57 * 3584)


def test_an_absent_matrix_gets_none():
    latent = [piece for piece in adapter_pieces(Structure(), "all") if symbol("query_rank") in piece.size.free_symbols]
    assert latent
    assert total(latent).xreplace(LLAMA_7B.values | {r: 16}) == 0


def test_the_base_keeps_its_format():
    assert base_weights.exact(LLAMA_7B.values | {symbol("bytes_per_weight"): 2}) == 13_476_831_232


def test_qlora_of_65_billion_parameters():
    """34.5 GB of base weights with 16-bit embeddings, and 9.6 GB of optimizer for adapters of rank 64."""
    run = Training(activations="none", lora_rank=64, base_weights="NF4-double", kbit_preparation=False, adapters="BF16")
    model = Model.named("LLaMA-65B")
    memory = breakdown(model, run)
    adapters = breakdown(model, replace(run, base_weights="FP16"))["gradients"] // 2 * 2
    assert round((memory["weights"] - adapters) / 1e9, 1) == 34.5
    assert round(memory["optimizer"] / 1e9, 1) == 9.6
