"""The pipe of a card: the ribbon has the area of what is read, so that its length is the time."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import MODELS, RUNS
from memcalc import Gpu, Inference, Model, catalogue
from memcalc.explorers.frame import LAYOUTS
from memcalc.explorers.hardware.flow import PLACES, Flow, Token, bandwidths

GIB = 2**30
CARDS = st.sampled_from(catalogue.names("gpus")).map(Gpu.named)


def token(model="Llama-3.1-8B", gpu="RTX 4090", **run):
    return Token(Model.named(model), Inference(**{"context": 8192} | run), Gpu.of(gpu))


def test_what_is_read_by_hand():
    """8,030,261,248 parameters of two bytes, less the table of 128,256 × 4,096; 32 layers, 8 heads of 128."""
    one = token()
    assert one.weights == 2 * (8_030_261_248 - 128_256 * 4096)
    assert one.stays == 2 * 128_256 * 4096
    assert one.read - one.weights == 2 * 32 * 8 * 128 * 8192 * 2
    assert one.seconds == pytest.approx(one.read / 1008e9)


def test_a_mixture_leaves_the_experts_that_a_token_does_not_pass():
    """Mixtral passes two of eight experts: each has three matrices of 4,096 × 14,336 in 32 layers."""
    one = token("Mixtral-8x7B", "H100 80 GB", weights="INT8")
    assert one.stays == 6 * 3 * 4096 * 14336 * 32 + 32000 * 4096


def test_a_table_of_tokens_that_is_the_head_too_is_read():
    assert token("GPT-2", weights="FP16").stays == 2 * 1024 * 768  # but of the places, one row


@pytest.mark.parametrize(("model", "gpu"), [("Llama-2-70B", "RTX 4090"), ("Llama-3.1-8B", "GH200 96 GB")])
def test_no_time_without_room_or_bandwidth(model, gpu):
    assert token(model, gpu).seconds is None


@settings(deadline=None, max_examples=60)
@given(MODELS, RUNS, CARDS, st.sampled_from(LAYOUTS))
def test_area_over_width_is_the_time(model, run, gpu, width):
    flow = Flow(Token(model, run, gpu), PLACES[width])
    if not flow.open:
        return
    read = flow.token.read
    assert flow.long(read) * flow.true_width == pytest.approx(read / GIB * flow.vessel.unit**2)
    assert flow.long(read) == pytest.approx(1000 * read / gpu.bandwidth * flow.per_ms)
    assert 0.6 * flow.place.clock < flow.long(read) <= 0.96 * flow.place.clock + 1e-6
    assert flow.true_width <= flow.place.widest + 1e-6
    assert flow.times <= 1 or 7 <= flow.true_width * flow.times < 14
    assert flow.vessel.rim <= flow.top + 1e-6 or not flow.token.seconds or flow.times > 1
    assert flow.times >= 1 or read > gpu.capacity


def test_states_are_read_and_written_through_a_pipe_that_is_drawn_narrower_than_its_card():
    one = token("Granite-4.0-H-Micro", "M1 Max 32 GB", weights="INT8", kv_cache="FP32", batch=229, context=1)
    flow = Flow(one, PLACES[360])
    assert one.read > one.gpu.capacity > sum(one.memory.values())
    assert flow.drawn == "the pipe is drawn half as wide"


@settings(deadline=None, max_examples=40)
@given(MODELS, RUNS, CARDS, st.sampled_from(LAYOUTS))
def test_the_clock_has_a_few_round_marks(model, run, gpu, width):
    flow = Flow(Token(model, run, gpu), PLACES[width])
    if flow.open:
        times, places = zip(*flow.ticks(), strict=True)
        assert 3 <= len(times) <= 7
        assert times[0] == 0
        assert places[-1] <= flow.place.start + flow.place.clock + 1e-6
        assert all(later - earlier >= 28 for earlier, later in pairwise(places))


def test_a_pipe_is_dragged_to_cards_of_the_same_memory():
    """As seen from any of them, each lies at the same place: a hand that rests changes nothing."""
    seen = {
        card: bandwidths(Flow(token(gpu=card), PLACES[860]), card) for card in ("RTX 4090", "23.64 GiB at 2,000 GB/s")
    }
    first, second = seen.values()
    assert {first[card] - second[card] for card in first.keys() & second.keys()} == {0}
    speeds = {card: Gpu.of(card).bandwidth for card in first}
    assert min(speeds.values()) == 120 * 10**9
    assert max(speeds.values()) == 10**13
    assert sorted(first, key=first.get, reverse=True) == sorted(speeds, key=speeds.get)
    assert {round(Gpu.of(card).capacity / GIB, 2) for card in first} == {23.64}
    assert first["23.64 GiB at 200 GB/s"] - first["23.64 GiB at 400 GB/s"] == pytest.approx(
        first["23.64 GiB at 2,000 GB/s"] - first["23.64 GiB at 4,000 GB/s"]
    )


@given(CARDS)
def test_every_card_that_a_pipe_is_dragged_to_can_be_had(gpu):
    flow = Flow(token(gpu=gpu.name), PLACES[860])
    for card in bandwidths(flow, gpu.name) if flow.open else ():
        assert Gpu.of(card).capacity == pytest.approx(gpu.capacity, rel=0.002)
