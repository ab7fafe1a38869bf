"""Configurations of DeepSpeed and FSDP: files as their projects document them, and files that make no sense."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memcalc import InputError, Model, Training, catalogue
from memcalc.estimate.peak import peak
from memcalc.specs.frameworks import EFFECTS, in_words, of_deepspeed, of_fsdp

SEVEN = Model.named("Llama-2-7B")

ZERO_3 = {
    "fp16": {"enabled": "auto", "loss_scale": 0, "initial_scale_power": 16},
    "bf16": {"enabled": True},
    "optimizer": {"type": "AdamW", "params": {"lr": "auto", "betas": "auto", "weight_decay": "auto"}},
    "scheduler": {"type": "WarmupLR", "params": {"warmup_min_lr": "auto"}},
    "zero_optimization": {
        "stage": 3,
        "offload_optimizer": {"device": "cpu", "pin_memory": True},
        "offload_param": {"device": "cpu", "pin_memory": True},
        "overlap_comm": True,
        "contiguous_gradients": True,
        "sub_group_size": 1e9,
        "reduce_bucket_size": "auto",
        "stage3_prefetch_bucket_size": "auto",
        "stage3_param_persistence_threshold": "auto",
        "stage3_max_live_parameters": 1e8,
        "stage3_max_reuse_distance": 1e9,
        "stage3_gather_16bit_weights_on_model_save": True,
    },
    "gradient_accumulation_steps": "auto",
    "gradient_clipping": "auto",
    "steps_per_print": 2000,
    "train_batch_size": "auto",
    "train_micro_batch_size_per_gpu": "auto",
    "wall_clock_breakdown": False,
}
"""The keys of the example in the documentation of Transformers on DeepSpeed, ZeRO-3."""


def test_the_example_of_transformers_is_read():
    found = of_deepspeed(ZERO_3, hidden=4096)
    assert found.fields == {
        "zero": 3,
        "bucket": 4096**2,  # integrations/deepspeed.py: hidden_size * hidden_size
        "live_parameters": 10**8,
        "sub_group": 10**9,
        "optimizer": "AdamW fused",
        "offload": "parameters",
        "recipe": "mixed",
    }
    said = {why: {key for key, one in found.idle.items() if one == why} for why in EFFECTS}
    assert {"gradient_clipping", "scheduler", "steps_per_print", "fp16.loss_scale"} <= said["nothing"]
    assert {"zero_optimization.overlap_comm", "zero_optimization.stage3_prefetch_bucket_size"} <= said["uncounted"]
    assert said["auto"] == {"train_micro_batch_size_per_gpu", "train_batch_size", "fp16.enabled"}
    assert not said["unknown"]


def test_an_automatic_bucket_is_the_default_of_deepspeed_where_no_model_is_known():
    assert "bucket" not in of_deepspeed(ZERO_3).fields
    assert Training.from_deepspeed(ZERO_3).bucket == 500_000_000  # config.py: pp_int(5e8)


def test_the_settings_of_a_file_count():
    """Stage 3 has one bucket all the time, and at most so many parameters gathered, at 2 bytes each."""
    plain = {"zero_optimization": {"stage": 3}, "bf16": {"enabled": True}}
    run = Training.from_deepspeed(plain, data_parallel=64, recompute="full", batch=8)
    assert (run.bucket, run.live_parameters, run.sub_group) == (5 * 10**8, 10**9, 10**9)
    less = Training.from_deepspeed(
        {"zero_optimization": {"stage": 3, "reduce_bucket_size": 2e8}, "bf16": {"enabled": True}},
        **{"data_parallel": 64, "recompute": "full", "batch": 8},
    )
    before, after = peak(SEVEN, run), peak(SEVEN, less)
    assert before.parts["bucket_memory"] - after.parts["bucket_memory"] == 2 * 3 * 10**8
    assert before.bytes - after.bytes == 2 * 3 * 10**8
    fewer = Training.from_deepspeed(
        {"zero_optimization": {"stage": 3, "stage3_max_live_parameters": 10**8}, "bf16": {"enabled": True}},
        **{"data_parallel": 64, "recompute": "full", "batch": 8},
    )
    gathered = [at.parts["gathered"] for at in peak(SEVEN, fewer).moments.values() if "gathered" in at.parts]
    assert gathered
    assert set(gathered) == {2 * 10**8}


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"bf16": {"enabled": True}}, {"recipe": "megatron"}),  # get_data_types: gradients in FP32 without ZeRO
        ({"bf16": {"enabled": True}, "zero_optimization": {"stage": 1}}, {"zero": 1, "recipe": "mixed"}),
        (
            {
                "bf16": {"enabled": True},
                "zero_optimization": {"stage": 1},
                "data_types": {"grad_accum_dtype": "fp32"},
            },
            {"zero": 1, "recipe": "megatron"},
        ),
        ({"fp16": {"enabled": True}}, {"recipe": "mixed"}),
        ({"fp16": {"enabled": False}}, {"recipe": "fp32"}),
        ({"fp16": {"enabled": "auto"}}, {}),
        ({"torch_autocast": {"enabled": True, "dtype": "bfloat16"}}, {"recipe": "autocast"}),
        ({"optimizer": {"type": "Adam", "params": {"torch_adam": True}}}, {"optimizer": "Adam"}),
        ({"train_micro_batch_size_per_gpu": 2}, {"batch": 2}),
        (
            {"train_batch_size": 64, "train_micro_batch_size_per_gpu": 2, "gradient_accumulation_steps": 4},
            {"batch": 2, "data_parallel": 8},  # the documentation: their product with the number of GPUs
        ),
        ({"train_batch_size": 64, "train_micro_batch_size_per_gpu": 2}, {"batch": 2}),
        ({"tensor_parallel": {"autotp_size": 4}}, {"tensor_parallel": 4}),
        ({"zero_optimization": {"stage": 2, "cpu_offload": True}}, {"zero": 2, "offload": "optimizer"}),
        (
            {"zero_optimization": {"stage": 3, "offload_optimizer": {"device": "nvme"}}},
            {"zero": 3, "offload": "optimizer"},
        ),
        (
            {
                "zero_optimization": {
                    "stage": 3,
                    "offload_optimizer": {"device": "nvme"},
                    "offload_param": {"device": "nvme"},
                }
            },
            {"zero": 3, "offload": "nvme"},
        ),
        ({"zero_optimization": {"stage": 3, "sub_group_size": 1e14}}, {"zero": 3, "sub_group": 10**12}),
        ({"zero_optimization": {"stage": 1, "offload_optimizer": None}}, {"zero": 1}),
    ],
)
def test_what_keys_of_deepspeed_mean(said, fields):
    assert of_deepspeed(said).fields == fields


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ("full_shard auto_wrap", {"sharding": "fsdp"}),
        ("full_shard auto_wrap offload", {"sharding": "fsdp", "offload": "parameters"}),
        ("no_shard", {"sharding": "zero"}),
        ({"fsdp_sharding_strategy": 1}, {"sharding": "fsdp"}),
        ({"fsdp_sharding_strategy": "NO_SHARD", "fsdp_version": 1}, {"sharding": "zero"}),
        ({"fsdp_reshard_after_forward": True, "fsdp_version": 2}, {"sharding": "fsdp2", "reshard": True}),
        ({"fsdp_version": "2", "fsdp_sharding_strategy": "NO_SHARD"}, {"sharding": "fsdp2"}),
        ({"reshard_after_forward": False}, {"sharding": "fsdp2", "reshard": False}),  # FSDP1 has words in its place
        (
            {
                **{"distributed_type": "FSDP", "mixed_precision": "bf16", "num_processes": 8},
                "fsdp_config": {
                    "fsdp_activation_checkpointing": True,
                    "fsdp_activation_checkpointing_offload": True,
                    "fsdp_reshard_after_forward": "false",
                    "fsdp_version": 2,
                },
            },
            {
                **{"sharding": "fsdp2", "recipe": "autocast", "data_parallel": 8},
                **{"recompute": "full", "offload_activations": True, "reshard": False},
            },
        ),
        (
            {
                "distributed_type": "FSDP",
                "mixed_precision": "bf16",
                "num_processes": 8,
                "fsdp_config": {
                    "fsdp_activation_checkpointing": True,
                    "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
                    "fsdp_backward_prefetch": "BACKWARD_PRE",
                    "fsdp_offload_params": "false",
                    "fsdp_sharding_strategy": "FULL_SHARD",
                },
            },
            {
                **{"sharding": "fsdp", "recipe": "autocast", "data_parallel": 8},
                **{"recompute": "full", "offload": "none"},
            },
        ),
        ({"activation_checkpointing": True, "limit_all_gathers": True}, {"sharding": "fsdp", "recompute": "full"}),
    ],
)
def test_what_keys_of_fsdp_mean(said, fields):
    assert of_fsdp(said).fields == fields


def test_what_the_formula_of_fsdp_does_not_assume_is_said():
    idle = of_fsdp({"fsdp_auto_wrap_policy": "SIZE_BASED_WRAP", "fsdp_backward_prefetch": "NO_PREFETCH"}).idle
    assert idle == {"auto_wrap_policy": "uncounted", "backward_prefetch": "uncounted"}
    assert of_fsdp("hybrid_shard").idle == {"HYBRID_SHARD": "node"}
    of_first = {"fsdp_version": 2, "backward_prefetch": "BACKWARD_PRE", "sharding_strategy": "FULL_SHARD"}
    assert of_fsdp(of_first).idle == {"backward_prefetch": "nothing", "sharding_strategy": "nothing"}


def test_a_file_of_fully_shard_makes_a_run_or_says_what_nobody_has_measured():
    """mp_policy of accelerate casts to 16 bits what is gathered, and adds gradients up in the same."""
    said = {"fsdp_version": 2, "mixed_precision": "bf16", "num_processes": 8}
    run = Training.from_fsdp(said, recompute="full")
    assert run == Training(sharding="fsdp2", recipe="autocast", data_parallel=8, recompute="full", reduced="gathered")
    assert peak(SEVEN, run).bytes < peak(SEVEN, Training.from_fsdp(said | {"reshard_after_forward": False})).bytes
    with pytest.raises(InputError, match="sharding must be fsdp with offload parameters, of which nobody has measured"):
        Training.from_fsdp(said | {"fsdp_offload_params": True})


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"fsdp_version": 3}, r"version must be one of 1, 2, not 3\.$"),
        ({"version": True}, r"version must be one of 1, 2, not True\.$"),
        ({"version": 2, "reshard_after_forward": "FULL_SHARD"}, r"must be true or false, not 'FULL_SHARD'\.$"),
        ({"version": 1, "reshard_after_forward": True}, r"must be one of full_shard, hybrid_shard, no_shard, not True"),
    ],
)
def test_a_version_has_its_own_words(said, message):
    with pytest.raises(InputError, match=message):
        of_fsdp(said)


WRONG = {
    "zero_optimization.stage must be a whole number from 0 to 3, not 7": {"zero_optimization": {"stage": 7}},
    "zero_optimization.stage must be a whole number from 0 to 3, not '3'": {"zero_optimization": {"stage": "3"}},
    "zero_optimization.stage must be a whole number from 0 to 3, not True": {"zero_optimization": {"stage": True}},
    "zero_optimization must be an object in braces, not 3": {"zero_optimization": 3},
    "zero_optimization.stage must be a single value, not an object": {"zero_optimization": {"stage": {"a": 1}}},
    "train_micro_batch_size_per_gpu must be a whole number": {"train_micro_batch_size_per_gpu": 1.5},
    "zero_optimization.reduce_bucket_size must be a whole number": {"zero_optimization": {"reduce_bucket_size": 1e99}},
    "zero_optimization.offload_param.device must be one of none, cpu, nvme, not 'disk'": {
        "zero_optimization": {"offload_param": {"device": "disk"}}
    },
    "zero_optimization.offload_optimizer.device must be cpu or nvme where": {
        "zero_optimization": {"stage": 3, "offload_param": {"device": "cpu"}}
    },
    "bf16.enabled must be true or false, not 'yes'": {"bf16": {"enabled": "yes"}},
    "optimizer.type must be the name of an optimizer, not 7": {"optimizer": {"type": 7}},
    "train_batch_size must be a multiple of 4": {
        **{"train_batch_size": 30, "train_micro_batch_size_per_gpu": 4},
        "gradient_accumulation_steps": 1,
    },
    "the mapping must be a configuration of DeepSpeed": {"foo": 1},
    "a key must be a text, not 3": {"bf16": {3: True}},
}


@pytest.mark.parametrize(("message", "said"), WRONG.items(), ids=WRONG)
def test_what_makes_no_sense_is_refused_in_one_sentence(message, said):
    with pytest.raises(InputError) as refused:
        of_deepspeed(said)
    assert str(refused.value).startswith(message)
    assert str(refused.value).endswith(".")


def test_a_strategy_that_is_not_counted_is_refused_with_what_is():
    with pytest.raises(InputError, match=r"sharding_strategy must be one of .*; zero 2 counts what DeepSpeed shares"):
        of_fsdp({"fsdp_sharding_strategy": "SHARD_GRAD_OP"})


def test_an_optimizer_that_is_not_counted_is_refused_by_name():
    with pytest.raises(InputError, match="optimizer 'OneBitAdam' is not counted, because it also keeps the errors"):
        Training.from_deepspeed({"optimizer": {"type": "OneBitAdam"}})


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("ds.json", "{", "is not JSON"),
        ("ds.json", "[1]", "must hold one object in braces"),
        ("ds.json", '{"bf16": 1, "bf16": 2}', "says 'bf16' twice"),
        ("ds.json", '{"a": ' + "[" * 100_000, "is not JSON"),
        ("ds.json", '{"zero_optimization": {"stage": 9' + "9" * 5000 + "}}", "a number has thousands of digits"),
        ("ds.json", '{"zero_optimization": {"stage": NaN}}', "says NaN"),
        ("accelerate.yaml", "fsdp_config: [", "is not YAML"),
        ("ds.json", '{"a":' * 50 + "1" + "}" * 50, "nests objects too deeply"),
    ],
)
def test_bad_files_are_refused_in_one_sentence(name, text, why, tmp_path):
    path = tmp_path / name
    path.write_text(text)
    for read in (of_deepspeed, of_fsdp):
        with pytest.raises(InputError) as refused:
            read(path)
        assert why in str(refused.value)
        assert "\n" not in str(refused.value)


def test_a_mapping_that_holds_itself_ends():
    said = {"bf16": {"enabled": True}}
    said["zero_optimization"] = said
    with pytest.raises(InputError, match="nests objects too deeply"):
        of_deepspeed(said)


ACCELERATE = """compute_environment: LOCAL_MACHINE
debug: false
distributed_type: FSDP
downcast_bf16: 'no'
fsdp_config:
  fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP
  fsdp_offload_params: false
  fsdp_reshard_after_forward: true
  fsdp_state_dict_type: SHARDED_STATE_DICT
  fsdp_version: 2
machine_rank: 0
main_training_function: main
mixed_precision: bf16
num_machines: 1
num_processes: 8
rdzv_backend: static
same_network: true
use_cpu: false
"""


def test_the_file_of_accelerate_is_read_as_it_is(tmp_path):
    """As `accelerate config` writes it: accelerate2026, commands/config/config_args.py."""
    path = tmp_path / "default_config.yaml"
    path.write_text(ACCELERATE)
    said = {"sharding": "fsdp2", "reshard": True, "recipe": "autocast", "data_parallel": 8, "offload": "none"}
    assert of_fsdp(path).fields == said
    assert Training.from_fsdp(path) == Training(**said)


def test_a_file_and_its_mapping_say_the_same(tmp_path):
    path = tmp_path / "ds.json"
    path.write_text(json.dumps(ZERO_3))
    assert of_deepspeed(path) == of_deepspeed(ZERO_3)


KEYS = [row["key"] for row in catalogue.rows("framework_keys")]
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-1, 10**15), st.floats(), st.text(max_size=5), st.just("auto"), st.just("cpu")
)


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES | st.dictionaries(st.text(max_size=3), VALUES), max_size=6))
def test_any_values_make_a_run_or_one_sentence(drawn):
    nested = {}
    for key, value in drawn.items():
        *sections, last = key.split(".")
        place = nested
        for section in sections:
            place = place.setdefault(section, {}) if isinstance(place, dict) else {}
        if isinstance(place, dict):
            place[last] = value
    for read in (Training.from_deepspeed, Training.from_fsdp):
        assert isinstance(run := _made(read, nested), Training) or re.fullmatch(r"[^\n]+\.", run)


def _made(read, said):
    """Return the run, or the sentence that refuses it."""
    try:
        return read(said)
    except InputError as refused:
        return str(refused)


def test_every_row_names_a_field_and_its_source():
    keys = re.findall(r"@\w+\{(\w+),", catalogue.bibliography())
    for row in catalogue.rows("framework_keys"):
        assert row["field"] in {"", *Training.declared}
        assert row["effect"] in {"", *EFFECTS}
        assert row["field"] or row["effect"] or row["values"]
        assert row["source"].partition(", ")[0] in keys
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row["date"])


def test_many_keys_are_one_short_line():
    said = in_words("ds.json", of_deepspeed(ZERO_3).idle)
    assert len(said) < 350
    assert re.search(r"no byte depends on loss_scale, initial_scale_power, lr and \d+ more;", said)
