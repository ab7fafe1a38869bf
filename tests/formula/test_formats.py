"""Formats as the tables list them."""

import pytest

from memcalc import catalogue
from memcalc.errors import InputError
from memcalc.formula.formats import Format, block, whole_blocks


def test_which_formats_a_cache_can_have():
    caches = {name for name in catalogue.names("formats") if Format.named(name).cache != "no"}
    blocks = {"Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0", "IQ4_NL"}
    assert {name for name in caches if not Format.named(name).residual} == blocks | {
        *("FP32", "TF32", "BF16", "FP16", "FP8", "INT8", "INT4", "FP8-MLA")
    }


@pytest.mark.parametrize(
    ("name", "bits"), [("KIVI-2", 3), ("KIVI-4", 5), ("Q8_0", 8.5), ("AWQ", 4.15625), ("NF4", 4.5)]
)
def test_bits_count_scales(name, bits):
    assert Format.named(name).bits == bits


@pytest.mark.parametrize(("name", "parts"), [("Q8_0", 2 + 32), ("Q4_0", 2 + 16), ("Q4_K", 2 * 2 + 12 + 128)])
def test_blocks_are_scales_and_codes(name, parts):
    assert block(name)[1] == parts


def test_blocks_must_divide_what_they_store():
    assert whole_blocks(128, Format.named("Q8_0"))
    assert not whole_blocks(80, Format.named("Q8_0"))


def test_a_wrong_format_is_told_the_nearest():
    with pytest.raises(InputError, match="format 'Q4_K_N' is not known; the nearest is"):
        Format.named("Q4_K_N")
    assert Format.named("gptq").name == "GPTQ-INT4-g128"
