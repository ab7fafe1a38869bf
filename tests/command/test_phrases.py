"""The phrase book: complete, true to the parser, and one sentence for each option of another program."""

import re

import pytest

from memcalc import Inference, InputError, Training, catalogue
from memcalc.command import parser, phrases
from memcalc.command.phrases import book
from memcalc.formula.recipes import Optimizer

KNOWN = {command: parser.known(command, parser.build(command)) for command in parser.QUESTIONS}
KEYS = re.findall(r"@\w+\{(\w+),", catalogue.bibliography())


@pytest.mark.parametrize("phrase", book(), ids=lambda phrase: f"{phrase.program} {phrase.option}")
def test_each_row_names_an_option_that_exists_here_and_its_source(phrase):
    assert phrase.ours in KNOWN[phrase.command] or (not phrase.ours and phrase.change)
    assert phrase.source.partition(", ")[0] in KEYS
    assert phrase.source.partition(", ")[2]
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", phrase.date)
    assert all(re.fullmatch(r"--?[a-z0-9.-]+", option) for option in phrase.spellings)
    assert not {*phrase.spellings} & {*KNOWN[phrase.command]}, "then nobody would read the row"


@pytest.mark.parametrize("phrase", book(), ids=lambda phrase: f"{phrase.program} {phrase.option}")
def test_each_option_of_another_program_gets_its_sentence(phrase):
    for option in phrase.spellings:
        if phrase.ours.startswith(option):
            continue  # a beginning of ours is taken for it
        with pytest.raises(InputError) as refused:
            phrases.check(["Llama-2-7B", option, "4"], phrase.command, KNOWN[phrase.command])
        assert str(refused.value).startswith(f"{option} is ")
        assert (f"here it is {phrase.ours}" if phrase.ours else phrase.change) in str(refused.value)


@pytest.mark.parametrize(
    ("command", "option", "sentence"),
    [
        ("fit", "--max_model_len=4096", "--max-model-len is vLLM's; here it is --context."),
        ("fit", "-np", "-np is llama.cpp's; here it is --slots."),
        ("fit", "--kv-cache-dtype", "--kv-cache-dtype is vLLM's, SGLang's and TGI's; here it is --kv-cache."),
        (
            "fit",
            "--optim",
            "--optim is Trainer's; here it is --optimizer of the command train, with the same name; "
            "adafactor is transformers Adafactor.",
        ),
        (
            "train",
            "--gradient_checkpointing",
            "--gradient-checkpointing is Trainer's; here it is --recompute, with full.",
        ),
        ("fit", "--contxt", "fit has no option --contxt; the nearest is --context."),
        ("fit", "--foo", "fit has no option --foo; `python -m memcalc fit --help` lists those that it has."),
        ("fit", "--kv", "fit has no option --kv; the nearest is --kv-cache or --kv-offload."),
        ("fit", "--ctx", "fit has no option --ctx. --ctx-size is llama.cpp's; here it is --total-context."),
        ("fit", "--users", "--users is Locust's; here it is --batch, which --context then counts for each."),
        ("fit", "-w", "fit has no option -w; the nearest is --weights or --window."),
        ("fit", "-z", "fit has no option -z; `python -m memcalc fit --help` lists those that it has."),
    ],
)
def test_what_is_read(command, option, sentence):
    with pytest.raises(InputError) as refused:
        phrases.check(phrases.plain([option]), command, KNOWN[command])
    assert str(refused.value) == sentence


@pytest.mark.parametrize("arguments", [["a-b", "-5"], ["--context", "-5"], ["-"], ["--", "--foo"]])
def test_what_is_no_foreign_option(arguments):
    phrases.check(arguments, "fit", KNOWN["fit"])


def test_the_table_has_every_phrase_and_fits_the_terminal():
    for command in KNOWN:
        table = phrases.table(command, 80)
        assert all(len(line) <= 80 for line in table.split("\n"))
        for phrase in book():
            if phrase.command == command and phrase.ours:
                assert all(option in table for option in phrase.spellings)


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        *(("adamw_torch_fused", "AdamW fused"), ("adamw_bnb_8bit", "8-bit AdamW"), ("paged_adamw_8bit", "8-bit AdamW")),
        *(
            ("adamw_8bit", "8-bit AdamW"),
            ("paged_adamw_32bit", "bitsandbytes Adam"),
            ("lion_32bit", "bitsandbytes Lion"),
        ),
        *(("adamw_torch_4bit", "torchao AdamW 4-bit block 256"), ("ademamix_8bit", "8-bit AdEMAMix"), ("sgd", "SGD")),
    ],
)
def test_optimizers_as_transformers_calls_them(word, ours):
    """The names in training_args.py, OptimizerNames."""
    assert Training(optimizer=word).optimizer == Optimizer.named(word).name == ours


NAMES = [
    "adamw_torch",
    "adamw_torch_fused",
    "adamw_torch_xla",
    "adamw_torch_npu_fused",
    "adamw_apex_fused",
    "adafactor",
    "adamw_anyprecision",
    "adamw_torch_4bit",
    "adamw_torch_8bit",
    "ademamix",
    "sgd",
    "adagrad",
    "adamw_bnb_8bit",
    "adamw_8bit",
    "ademamix_8bit",
    "lion_8bit",
    "lion_32bit",
    "paged_adamw_32bit",
    "paged_adamw_8bit",
    "paged_ademamix_32bit",
    "paged_ademamix_8bit",
    "paged_lion_32bit",
    "paged_lion_8bit",
    "rmsprop",
    "rmsprop_bnb",
    "rmsprop_bnb_8bit",
    "rmsprop_bnb_32bit",
    "galore_adamw_8bit",
    "galore_adafactor",
    "galore_adamw_layerwise",
    "galore_adamw_8bit_layerwise",
    "galore_adafactor_layerwise",
    "lomo",
    "adalomo",
    "grokadamw",
    "schedule_free_radam",
    "schedule_free_adamw",
    "schedule_free_sgd",
    "apollo_adamw_layerwise",
    "stable_adamw",
]
"""All of OptimizerNames in training_args.py of Transformers, commit 00349ae."""


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_transformers_is_counted_or_refused_with_the_nearest(name):
    if (meant := _meant(name)) not in catalogue.names("optimizers"):
        said = re.fullmatch(r"optimizer '(\w+)' is not counted, because .+; the nearest .+ is (.+?)(, .+)?\.", meant)
        assert said[1] == name
        assert Training(optimizer=said[2]).optimizer == said[2]


def _meant(name):
    """Return what a name means here, or the sentence that refuses it."""
    try:
        return Training(optimizer=name).optimizer
    except InputError as refused:
        return str(refused)


def test_each_optimizer_that_is_not_counted_has_its_source_and_date():
    for row in catalogue.rows("uncounted_optimizers"):
        assert row["name"] not in catalogue.names("optimizers")
        assert all(place.partition(", ")[0] in KEYS for place in row["source"].split("; "))
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row["date"])


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        *(("q8_0", "Q8_0"), ("f16", "FP16"), ("f32", "FP32"), ("bf16", "BF16"), ("q8_0/q4_0", "Q8_0/Q4_0")),
        *(("fp8_e4m3", "FP8"), ("fp8", "FP8"), ("bfloat16", "BF16"), ("float16", "FP16"), ("auto", "auto")),
    ],
)
def test_caches_as_engines_call_them(word, ours):
    """Types of llama.cpp in kv_cache_types of common/arg.cpp; those of vLLM in config/cache.py."""
    assert Inference(kv_cache=word).kv_cache == ours
