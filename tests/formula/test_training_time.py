"""Operations of a step, against PyTorch's counter and the equations of papers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from measured import built
from memcalc import Model, Training, symbol, values
from memcalc.formula.training_time import attention_of, operations_of

GPT_3 = replace(Model.named("GPT-3-175B"), vocabulary=51_200)
TOKENS = 24 * 2  # of a counted step: context and batch
WIDTH, HEADS, KEYS, MLP, LAYERS, RANK = 64, 64, 32, 160, 4, 8  # of the LLaMA that was counted
SPARED = {  # by PyTorch, and why; in multiplications of a token
    ("none", "all"): WIDTH * (HEADS + 2 * KEYS) + 3 * WIDTH * RANK,  # the first layer's input needs no gradient
    ("none", "qkvo"): WIDTH * (HEADS + 2 * KEYS) + 3 * WIDTH * RANK,
    # nor do attention and the MLP's first two matrices there, the scores included: two products, each with two factors
    ("none", "mlp"): 2 * WIDTH * (HEADS + KEYS) + 2 * WIDTH * MLP + 2 * WIDTH * RANK + 4 * HEADS * 24,
    ("full", ""): LAYERS * MLP * WIDTH,  # what is computed again ends before the last matrix of a layer
    ("full", "qkvo"): LAYERS * MLP * WIDTH,
    ("full", "all"): LAYERS * RANK * WIDTH,  # which is here that of the adapter
    ("full", "mlp"): LAYERS * RANK * WIDTH,
}


def counted(row):
    """What the term says of a model that was counted, with every pair of tokens."""
    model, targets = Model.from_config(row["config"]), row.get("lora_targets", "")
    said = {name: row[name] for name in ("context", "batch", "recompute") if name in row}
    run = Training(activations="none", lora_rank=RANK if targets else 0, **said)
    return operations_of(model.structure, run.recompute, targets, True), values(model, run)


@pytest.mark.parametrize("row", built("operations"), ids=lambda row: row["config"]["model_type"])
def test_operations_are_those_that_pytorch_counts_and_what_it_spares(row):
    term, known = counted(row)
    spared = SPARED.get((row.get("recompute", "none"), row.get("lora_targets", "")), 0)
    assert term.exact(known) - row["operations"] == 2 * TOKENS * spared


@pytest.mark.parametrize("batch", [1, 64])
def test_operations_of_an_iteration_are_those_of_the_papers(batch):
    """Korthikanti et al., appendix A: 72 B L s h² (1 + s/6h + V/12hL); recomputed, as Narayanan et al., equation 3."""
    layers, h, s, vocabulary = 96, 12_288, 2048, 51_200
    run = Training(context=s, batch=batch, activations="megatron")
    plain, again = (operations_of(GPT_3.structure, kind, every_pair=True) for kind in ("none", "full"))
    known = values(GPT_3, run)
    assert plain.exact(known) == batch * (72 * layers * s * h**2 + 12 * layers * s**2 * h + 6 * s * h * vocabulary)
    assert again.exact(known) == batch * (96 * layers * s * h**2 + 16 * layers * s**2 * h + 6 * s * h * vocabulary)


def test_selective_recomputation_adds_one_forward_pass_of_the_attention():
    """4 b s² h of a layer; the paper's own figures of hardware operations have three times that, s/3h for s/6h."""
    run = Training(context=2048, activations="megatron")
    plain, again = (operations_of(GPT_3.structure, kind, every_pair=True) for kind in ("none", "selective"))
    assert again.exact(values(GPT_3, run)) - plain.exact(values(GPT_3, run)) == 96 * 4 * 2048**2 * 12_288


@given(st.integers(1, 300), st.integers(1, 300))
def test_attention_meets_the_pairs_before_a_token(context, window):
    """Counted one by one; a token meets itself too, which a lower bound may leave out."""
    pairs = sum(min(token, window) for token in range(1, context + 1))
    model = replace(Model.named("Mistral-7B-v0.1"), window=window)
    known = values(model, Training(context=context, activations="none"))
    assert 4 * 4096 * 32 * pairs - attention_of().exact(known) == 2 * 4096 * 32 * min(context, window)


def test_experts_that_the_router_does_not_choose_cost_nothing():
    mixtral = Model.named("Mixtral-8x7B")
    known = values(mixtral, Training(activations="none"))
    more = known | {symbol("experts"): 80}
    router = operations_of(mixtral.structure).exact(more) - operations_of(mixtral.structure).exact(known)
    assert router == 3 * 2 * 4096 * 32 * 72 * 4096  # 72 more rows of 4,096 numbers in 32 layers, for 4,096 tokens
