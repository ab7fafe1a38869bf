"""Overhead: a range with sources, absent unless asked for."""

from dataclasses import replace

import pytest

from memcalc import Inference, Model, Training, breakdown, catalogue

LLAMA = Model.named("LLaMA-7B")


def test_overhead_is_never_a_hidden_factor():
    plain = breakdown(LLAMA, Inference())
    assert "overhead" not in plain
    high = breakdown(LLAMA, Inference(overhead="high"))
    assert {name: count for name, count in high.items() if name != "overhead"} == plain


@pytest.mark.parametrize(("end", "one", "several"), [("low", 200, 542), ("high", 700, 1092)])
def test_cards_that_talk_need_buffers(end, one, several):
    model = Model.named("Mixtral-8x7B")
    for run in (Inference(overhead=end), Training(overhead=end, activations="none")):
        assert breakdown(model, run)["overhead"] == one * 10**6
        for degree in ("tensor_parallel", "pipeline_parallel", "expert_parallel", "data_parallel"):
            if hasattr(run, degree):
                assert breakdown(model, replace(run, **{degree: 2}))["overhead"] == several * 10**6, degree


def test_each_row_names_its_source_and_is_a_range():
    for row in catalogue.rows("overheads"):
        assert row["source"]
        assert float(row["low"]) <= float(row["high"])
