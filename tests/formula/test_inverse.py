"""The formula turned round, against a search."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc import TERMS, Gpu, Inference, Model, crossing, fits, largest, values

CARD = Gpu.named("RTX 4090")
LLAMA = Model.named("LLaMA-7B")


@given(
    full=st.integers(1, 40), window_layers=st.integers(0, 40), window=st.integers(1, 10**5), batch=st.integers(1, 64)
)
def test_the_solution_is_where_the_search_ends(full, window_layers, window, batch):
    kinds = {"full_layers": full, "window_layers": window_layers, "dense_layers": full + window_layers}
    model = replace(LLAMA, **kinds, window=window if window_layers else 0)
    run = Inference(batch=batch)
    assert crossing(model, run) == max(TERMS["crossing"].exact(values(model, run)), 1)


@pytest.mark.parametrize("engine", ["vLLM", "llama.cpp"])
@given(context=st.integers(1, 10**5))
def test_blocks_are_respected(engine, context):
    run = Inference(context=context, engine=engine)
    best = largest("context", LLAMA, run, CARD)
    assert fits(LLAMA, replace(run, context=best), CARD)
    assert not fits(LLAMA, replace(run, context=best + 1), CARD)
    assert best % {"vLLM": 16, "llama.cpp": 256}[engine] == 0


def test_without_layers_that_see_everything_there_may_be_no_crossing():
    windowed = replace(LLAMA, full_layers=0, window_layers=32, window=1024)
    assert crossing(windowed, Inference()) is None
    assert crossing(windowed, Inference(batch=64)) is not None
