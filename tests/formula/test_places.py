"""Which layers hold an MLP, experts and attention."""

import pytest

from configs import changed
from memcalc import Model
from memcalc.formula.places import places
from memcalc.formula.tensors import present


def placed(model):
    return {
        group: list(layers) for group, layers in places(present(model.structure, model.absent), model.values).items()
    }


def test_experts_stand_behind_the_mlps():
    """first_k_dense_replace of DeepSeek-AI 2024: the first layers have one MLP."""
    found = placed(Model.from_config(changed("deepseek_v3", {"first_k_dense_replace": 2})))
    assert (found["mlp"], found["expert"], found["router"]) == ([0, 1], [2, 3, 4, 5], [2, 3, 4, 5])
    assert found["latent_attention"] == found["norms"] == [0, 1, 2, 3, 4, 5]


def test_wide_mlps_stand_behind_the_others():
    model = Model.from_config(changed("gemma4_text", {"num_kv_shared_layers": 2, "use_double_wide_mlp": True}))
    assert (placed(model)["mlp"], placed(model)["wide_mlp"]) == ([0, 1], [2, 3])


@pytest.mark.parametrize("family", ["gpt2", "jamba"])
def test_what_a_model_has_once_is_in_no_layer(family):
    found = placed(Model.from_config(changed(family, {})))
    assert not {"embedding", "final"} & found.keys()
    assert all(layers == sorted(set(layers)) and set(layers) <= set(range(6)) for layers in found.values())


def test_layers_that_are_one_thing_each_hold_one_thing_each():
    """Nemotron-H-8B: 4 layers of attention, 24 of Mamba-2 and 24 with an MLP, as its override pattern has them."""
    found = placed(Model.named("Nemotron-H-8B"))
    each = [layer for group in ("attention", "mamba2", "mlp") for layer in found[group]]
    assert sorted(each) == list(range(52))
