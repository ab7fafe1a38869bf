"""Training runs: what is refused, in which words, and which numbers a run gives the symbols."""

from fractions import Fraction

import pytest

from memcalc import catalogue
from memcalc.errors import InputError
from memcalc.formula.symbols import symbol
from memcalc.specs.training import Training

WRONG = {
    "context must be a whole number from 1": {"context": 0},
    "batch must be a whole number": {"batch": 1.5},
    "recipe 'fp16' is not known": {"recipe": "fp16"},
    "optimizer 'AdamWW' is not known; the nearest is AdamW": {"optimizer": "AdamWW"},
    "zero must be a whole number from 0 to 3, not 4": {"zero": 4},
    "data_parallel must be a whole number from 1": {"data_parallel": 0},
    "micro_batches must be a whole number from 1": {"micro_batches": 0},
    "sharding 'ddp' is not known": {"sharding": "ddp"},
    "zero must be 0 with sharding fsdp": {"sharding": "fsdp", "zero": 3},
    "offload must be none or parameters with sharding fsdp": {"sharding": "fsdp", "offload": "nvme"},
    "zero must be 1 or 2 or 3 with offload optimizer, not 0": {"offload": "optimizer"},
    "zero must be 3 with offload nvme, not 2": {"offload": "nvme", "zero": 2},
    "zero must be 0 with Muon": {"optimizer": "Muon", "zero": 1},
    "dropout must be a number from 0 to less than 1, not 1": {"dropout": 1},
    "dropout must be a number from 0 to less than 1, not nan": {"dropout": float("nan")},
    "dropout must be a number from 0 to less than 1, not True": {"dropout": True},
    "sequence_parallel must be True or False, not 1": {"sequence_parallel": 1},
    "attention 'flash3' is not known; the nearest is flash": {"attention": "flash3"},
    "lora_rank must be a whole number from 0": {"lora_rank": -1},
    "lora_targets 'kv' is not known": {"lora_targets": "kv"},
    "lora_targets 'q_prj' is not known; the nearest is q_proj": {"lora_targets": "q_prj,v_proj"},
    "lora_dropout must be a number from 0 to less than 1, not 2": {"lora_dropout": 2},
    "adapters 'INT8' is not known. Known: FP32, BF16": {"adapters": "INT8"},
    "adapters must be FP32 with recipe fp32, not 'BF16'": {"lora_rank": 8, "recipe": "fp32", "adapters": "BF16"},
    "kbit_preparation must be True or False, or left out, not 1": {"kbit_preparation": 1},
    "kbit_preparation must be False with base_weights Q4_0": {
        "lora_rank": 8,
        "kbit_preparation": True,
        "base_weights": "Q4_0",
    },
    "base_weights format 'FP17' is not known": {"base_weights": "FP17"},
}


@pytest.mark.parametrize(("message", "fields"), WRONG.items(), ids=WRONG)
def test_what_cannot_be_is_refused_in_one_sentence(message, fields):
    with pytest.raises(InputError) as refused:
        Training(**fields)
    assert str(refused.value).startswith(message)
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)


def test_names_are_kept_as_the_catalogue_spells_them():
    run = Training(optimizer="bnb PagedAdamW8bit", recipe="BF16", attention="Flash")
    assert (run.optimizer, run.recipe, run.attention) == ("8-bit AdamW", "bf16", "flash")


@pytest.mark.parametrize(
    ("recipe", "zero", "master"), [("mixed", 0, 4), ("fp32", 0, 0), ("fp32", 1, 4), ("bf16", 2, 0)]
)
def test_deepspeed_steps_a_flat_copy_even_of_32_bit_weights(recipe, zero, master):
    assert Training(recipe=recipe, zero=zero, data_parallel=2).values[symbol("bytes_per_master")] == master
    assert Training(recipe="fp32", sharding="fsdp", data_parallel=2).values[symbol("bytes_per_master")] == 0


def test_frozen_weights_have_their_own_format():
    run = Training(lora_rank=16, base_weights="INT4")
    assert run.values[symbol("bytes_per_weight")] == Fraction(1, 2)
    assert run.values[symbol("bytes_per_adapter")] == 4  # as PEFT makes them
    assert Training(lora_rank=16, adapters="BF16").values[symbol("bytes_per_adapter")] == 2
    with pytest.raises(InputError, match="base_weights must be FP16 without adapters"):
        Training(base_weights="INT4")


def test_targets_are_a_word_or_names_in_one_order():
    assert Training(lora_targets="QKVO").lora_targets == "qkvo"
    assert Training(lora_targets="v_proj, q_proj,v_proj").lora_targets == "q_proj,v_proj"
    assert Training(lora_targets="o_proj").lora_targets == "o_proj"


@pytest.mark.parametrize(
    ("fields", "raised", "autocast"),
    [
        ({}, False, True),  # FP32 adapters in mixed precision, as Trainer's bf16=True
        ({"adapters": "BF16"}, False, False),
        ({"recipe": "bf16", "base_weights": "NF4"}, True, False),
        ({"recipe": "autocast", "base_weights": "NF4", "kbit_preparation": False}, False, True),
        ({"recipe": "bf16", "base_weights": "FP32"}, True, False),
        ({"recipe": "bf16", "base_weights": "BF16", "kbit_preparation": True}, True, False),
    ],
)
def test_what_the_fields_of_adapters_decide(fields, raised, autocast):
    run = Training(lora_rank=8, **fields)
    assert (run.raised, run.autocast) == (raised, autocast)


def test_the_preparation_makes_fp32_of_a_model_that_is_not_quantized():
    assert Training(lora_rank=8, kbit_preparation=True).values[symbol("bytes_per_weight")] == 4
    assert Training(lora_rank=8).values[symbol("bytes_per_weight")] == 2


@pytest.mark.parametrize(("fields", "stage"), [({"zero": 2}, 2), ({"sharding": "fsdp"}, 3), ({}, 0)])
def test_one_card_shares_nothing(fields, stage):
    assert Training(data_parallel=4, **fields).stage == stage
    assert Training(data_parallel=1, **fields).stage == 0


@pytest.mark.parametrize(
    "row", [*catalogue.rows("recipes"), *catalogue.rows("optimizers")], ids=lambda row: row["name"]
)
def test_every_recipe_and_optimizer_says_what_it_is_and_where_it_comes_from(row):
    key, _, place = row["source"].partition(", ")
    assert f"{{{key}," in catalogue.bibliography()
    assert place
    assert row["meaning"]
