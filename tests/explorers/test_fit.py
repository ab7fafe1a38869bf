"""What an explorer shows: the picture says what the words say."""

import pytest

from cases import placed, width, written
from memcalc import Inference, Model, breakdown
from memcalc.explorers import fit
from memcalc.units import show_both

RUN = {"context": 32_768, "batch": 1, "kv_cache": "FP16"}
FIT = RUN | {"model": "LLaMA-7B", "gpu": "RTX 4090", "weights": "FP16"}


def test_bars_are_as_long_as_their_bytes():
    frame = fit.frame(**FIT)
    shapes = placed(frame)
    assert width(shapes["kv_cache"]) / width(shapes["weights"]) == pytest.approx(
        17_179_869_184 / 13_476_831_232, rel=1e-3
    )
    assert shapes["further"] == []
    assert written(frame) == {"total": "28.55 GiB"}


def test_a_bar_that_is_cut_has_an_arrow():
    shapes = placed(fit.frame(**FIT | {"model": "Llama-2-70B"}))
    assert width(shapes["further"]) > 0
    assert width(shapes["kv_cache"]) == 0


def test_words_beside_the_picture():
    details = fit.frame(**FIT).details
    assert details[:2] == ["This card holds at most 22,709 tokens of context.", "INT8 weights would leave 1.36 GiB."]
    assert details[-2] == "M_w = P × B = 6,738,415,616 × 2 = 13,476,831,232 bytes"
    assert details[-1].endswith("= 32 × 32 × 128 × 32,768 × 1 × (2 + 2) = 17,179,869,184 bytes")


def test_the_line_of_python_gives_what_is_shown():
    names = {"Model": Model, "Inference": Inference, "breakdown": breakdown}
    frame = fit.frame(**FIT | {"batch": 3, "weights": "NF4"})
    assert f"It needs {show_both(sum(eval(frame.code, names).values()))}" in frame.said
    assert "context=32768, batch=3, weights='NF4', kv_cache='FP16'" in frame.code
