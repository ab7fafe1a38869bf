"""Engines: what they keep of which family, and which formats they have."""

import re

import pytest

from memcalc import Gpu, InputError, catalogue
from memcalc.formula.formats import Format
from memcalc.specs.engines import Engine, departures, formats_of
from memcalc.specs.inference import OFFLOAD

KINDS = {row["kind"] for row in catalogue.rows("engines")}
CITED = re.findall(r"@\w+\{(\w+),", catalogue.bibliography())


@pytest.mark.parametrize("table", ["engine_families", "engine_formats"])
def test_every_row_is_of_an_engine_and_says_where_and_when(table):
    for row in catalogue.rows(table):
        assert all(row.values())
        assert row["engine"] in KINDS
        assert row["source"].partition(",")[0] in CITED
        assert re.fullmatch(r"2026-\d\d-\d\d", row["date"])


def test_departures_are_of_families_that_are_known():
    for row in catalogue.rows("engine_families"):
        assert catalogue.find("families", "family", row["family"])["name"] == row["family"]


def test_an_engine_departs_for_some_families_alone():
    assert [one.engine for one in departures("mistral")] == ["llama.cpp"]
    assert departures("gemma3_text") == departures("llama") == departures("") == ()


def test_every_pattern_names_a_format():
    for row in catalogue.rows("engine_formats"):
        for pattern in row["formats"].split():
            said = re.compile(pattern.replace(".", r"\.").replace("?", ".").replace("*", ".*"))
            other = {"files": ("GGUF", "safetensors"), "offload": OFFLOAD}
            known = other.get(row["use"]) or formats_of(row["engine"], row["use"])
            assert any(map(said.fullmatch, known)), pattern


@pytest.mark.parametrize(
    ("engine", "use", "name", "sentence"),
    [
        (
            "llama.cpp",
            "weights",
            "AWQ-INT4-g128",
            "weights must be a format that llama.cpp has, such as IQ4_XS, MXFP4, Q4_0, Q4_K_M, Q4_K_S or one of 36 "
            "more, not 'AWQ-INT4-g128'.",
        ),
        (
            "vLLM",
            "kv_cache",
            "Q4_0",
            "kv_cache must be a format that vLLM has, such as FP8, FP8-MLA, BF16, FP16 or FP32",
        ),
        (
            "transformers-static",
            "kv_cache",
            "Q8_0",
            "kv_cache must be a format that transformers has, such as HQQ-INT8",
        ),
        ("llama.cpp", "weights", "FP8", "weights must be a format that llama.cpp has, such as Q8_0, MXFP4_MOE, "),
        ("llama.cpp", "kv_cache", "FP8", "kv_cache must be a format that llama.cpp has, such as Q8_0, "),
        ("MLX", "weights", "FP8", "weights must be a format that MLX has, such as MLX-MXFP8, MLX-8bit-g64, "),
        ("vLLM", "weights", "FP8", "weights must be a format that vLLM has, such as W8A8-FP8, FP8-128x128, "),
        ("vLLM", "weights", "INT4", "weights must be a format that vLLM has, such as GPTQ-INT4-g128, AWQ-INT4-g128, "),
        ("vLLM", "kv_cache", "INT8", "kv_cache must be a format that vLLM has, such as FP8, "),
    ],
)
def test_a_format_that_an_engine_lacks_is_refused_with_the_nearest_that_it_has(engine, use, name, sentence):
    with pytest.raises(InputError) as caught:
        Engine.named(engine).check_format(use, name)
    assert str(caught.value).startswith(sentence)


def test_the_ideal_engine_has_every_format():
    for name in catalogue.names("formats"):
        Engine.named("ideal").check_format("weights", name)


@pytest.mark.parametrize("use", ["weights", "kv_cache"])
@pytest.mark.parametrize("engine", [name for name in catalogue.names("engines") if Engine.named(name).kind])
def test_an_engine_has_16_bit_and_the_formats_of_its_rows_and_refuses_every_other(engine, use):
    kind, refused = Engine.named(engine).kind, set()
    for name in catalogue.names("formats"):
        try:
            Engine.named(engine).check_format(use, name)
        except InputError:
            refused.add(name)
    assert refused == {*catalogue.names("formats")} - {*formats_of(kind, use)}
    assert not refused & {"BF16", "FP16"}
    assert "INT4" in refused  # no engine has bare numbers of four bits
    Engine.named(engine).check_format("weights", "2.4bpw")  # the average of some file


def test_block_types_are_llama_cpps_and_its_caches_are_those_of_its_option():
    """`llama-server --help`: f32, f16, bf16, q8_0, q4_0, q4_1, iq4_nl, q5_0, q5_1."""
    caches = {"FP32", "FP16", "BF16", "Q8_0", "Q4_0", "Q4_1", "IQ4_NL", "Q5_0", "Q5_1"}
    assert set(formats_of("llama.cpp", "kv_cache")) == caches
    assert all(
        name in formats_of("llama.cpp", "weights")
        for name in catalogue.names("formats")
        if Format.named(name).family in ("gguf", "blocks")
    )


def test_a_format_of_another_engine_is_answered_with_its_namesakes_here():
    with pytest.raises(InputError, match=r"a format that vLLM has, such as NVFP4-W4A4, NVFP4-W4A16, .*, not 'NVFP4'\."):
        Engine.named("vLLM").check_format("weights", "NVFP4")


@pytest.mark.parametrize("card", ["P100 16 GB", "GTX 1080", "K80 die", "M40 24 GB"])
@pytest.mark.parametrize("form", ["FP16", "NF4", "GPTQ-INT4-g128"])
def test_vllm_is_refused_on_a_card_that_it_does_not_run_on(card, form):
    gpu = Gpu.named(card)
    with pytest.raises(InputError, match=rf"^engine must not be vLLM on {card}: .* and vLLM needs at least 7\.0\.$"):
        Engine.named("vLLM").on_card(form, card, gpu.capability)
    assert Engine.named("llama.cpp").on_card(form, card, gpu.capability) == ""


@pytest.mark.parametrize(
    ("form", "card", "sentence"),
    [
        (
            "FP16",
            "V100 32 GB",
            "V100 32 GB has compute capability 7.0, and vLLM needs 7.5: its release 0.14 still ",
        ),
        (
            "NVFP4-W4A4",
            "L4",
            "L4 has compute capability 8.9, and vLLM needs 10.0 to compute with NVFP4-W4A4: it ",
        ),
    ],
)
def test_what_vllm_does_on_an_older_card_is_said(form, card, sentence):
    assert Engine.named("vLLM").on_card(form, card, Gpu.named(card).capability).startswith(sentence)
    assert Engine.named("vLLM").on_card(form, "B200", Gpu.named("B200").capability) == ""
