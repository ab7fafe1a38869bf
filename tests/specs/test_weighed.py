"""A model of an architecture that nobody knows: its weights to the byte, its cache as far as the file tells it."""

import pytest

from memcalc import Gpu, Inference, InputError, Model, Training, breakdown, fewest_gpus, fits, largest
from memcalc.estimate import advice
from memcalc.estimate.code import code
from model_files import gguf

Q8_0, BLOCK = 8, 34  # the number of the type in GGUF, and the bytes of 32 numbers
RUN, CARD = Inference(context=100), Gpu.named("RTX 4090")
STRANGE = {
    "general.architecture": ("text", "strange"),
    **{
        "strange.block_count": ("u32", 2),
        "strange.context_length": ("u32", 512),
        "strange.embedding_length": ("u32", 64),
    },
    **{"strange.attention.head_count": ("u32", 4), "strange.attention.head_count_kv": ("u32", 2)},
}


def strange(tmp_path, more=()):
    """A GGUF file of an architecture that nobody knows, with these metadata too."""
    path = tmp_path / "strange.gguf"
    path.write_bytes(gguf(STRANGE | dict(more), [("token_embd.weight", (100, 64), Q8_0, 100 * 2 * BLOCK)]))
    return path


def test_an_unknown_architecture_is_weighed_and_its_metadata_tell_the_cache(tmp_path):
    model = Model.from_checkpoint(strange(tmp_path))
    assert breakdown(model, RUN) == {"weights": 100 * 2 * BLOCK, "kv_cache": 100 * 2 * 2 * 2 * 16 * 2}
    assert fits(model, RUN, CARD)
    assert model.trained_context == 512


def test_heads_that_differ_from_layer_to_layer_and_other_values(tmp_path):
    more = {"strange.attention.head_count_kv": ("list", ("u32", [2, 0])), "strange.attention.value_length": ("u32", 8)}
    model = Model.from_checkpoint(strange(tmp_path, more.items()))
    assert (model.token_keys, model.token_values) == (2 * 16, 2 * 8)


def test_a_state_of_an_unknown_architecture_leaves_the_weights(tmp_path):
    model = Model.from_checkpoint(strange(tmp_path, {"strange.ssm.state_size": ("u32", 16)}.items()))
    assert breakdown(model, RUN) == {"weights": 100 * 2 * BLOCK}
    with pytest.raises(InputError, match=r"^of '.+' the weights take 0\.01 MiB, but the cache cannot be told .+ state"):
        fits(model, RUN, CARD)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (Inference(weights="FP16"), "weights must be auto for a model of unknown architecture, not FP16."),
        (Inference(tensor_parallel=2), "tensor_parallel must be 1 for a model of unknown architecture, not 2."),
        (Inference(kv_cache="KIVI-4"), "kv_cache must not be KIVI-4 for a model of unknown architecture."),
        (Training(), "model '.+' cannot be trained here: model_type 'strange' is not known.+"),
    ],
)
def test_what_an_unknown_architecture_cannot_answer(tmp_path, run, said):
    with pytest.raises(InputError, match=f"^{said}$"):
        breakdown(Model.from_checkpoint(strange(tmp_path)), run)


def test_the_questions_of_a_run_are_answered(tmp_path):
    model = Model.from_checkpoint(strange(tmp_path))
    assert largest("context", model, RUN, Gpu.of("0.001 GB")) == (10**6 - 100 * 2 * BLOCK) // 256
    assert code(model, RUN).startswith("breakdown(Model.from_checkpoint('")
    assert "model_type 'strange' is not known" in " ".join(advice.notes(model, RUN, CARD))
    assert advice.next_steps(model, RUN, Gpu.of("0.000001 GB"))[-1].startswith("It needs a smaller file")
    with pytest.raises(InputError, match=r"^quantity must be 'context' or 'batch' for "):
        largest("parameters", model, RUN, CARD)
    with pytest.raises(InputError, match="cannot be divided between cards here: model_type 'strange' is not known"):
        fewest_gpus(model, RUN, CARD)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("strange.block_count", ("u32", 100_000_000), "the metadata lack the layers"),
        ("strange.block_count", ("u64", 2**63), "the metadata lack the layers"),
        ("strange.attention.key_length", ("list", ("u32", [16, 16])), "no single number for head_dim"),
        ("strange.attention.head_count_kv", ("list", ("u32", [2, 2, 2])), "2 layers, and heads for 3"),
    ],
)
def test_metadata_that_lie_leave_the_weights(tmp_path, key, value, why):
    model = Model.from_checkpoint(strange(tmp_path, {key: value}.items()))
    assert why in model.untold
    assert breakdown(model, RUN) == {"weights": 100 * 2 * BLOCK}
