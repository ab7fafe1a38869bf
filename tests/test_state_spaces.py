"""Jamba, Mamba and Mamba-2: which layers, and how wide."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs import changed
from memcalc import InputError, Model

PERIODS = st.integers(1, 9).flatmap(lambda period: st.tuples(st.just(period), st.integers(0, period - 1)))


@given(layers=st.integers(1, 40), attention=PERIODS, experts=PERIODS)
def test_jamba_mixes_as_the_loop_over_layers_does(layers, attention, experts):
    mix = {"attn_layer_period": attention[0], "attn_layer_offset": attention[1]}
    mix |= {"expert_layer_period": experts[0], "expert_layer_offset": experts[1]}
    model = Model.from_config(changed("jamba", mix | {"num_hidden_layers": layers}))
    assert model.full_layers == sum(layer % attention[0] == attention[1] for layer in range(layers))
    assert model.full_layers + model.mamba_layers == layers
    assert model.moe_layers == sum(layer % experts[0] == experts[1] for layer in range(layers))
    assert model.moe_layers + model.dense_layers == layers


def test_a_default_that_contradicts_the_file_is_refused():
    with pytest.raises(InputError, match=r"attn_layer_offset .+ from 0 to attn_layer_period - 1 = 1, not 4"):
        Model.from_config(changed("jamba", {"attn_layer_period": 2}, without=["attn_layer_offset"]))


@pytest.mark.parametrize(("family", "key"), [("jamba", "mamba_dt_rank"), ("mamba", "time_step_rank")])
def test_the_rank_of_the_time_step_is_a_sixteenth_unless_given(family, key):
    for hidden, rank in ((64, 4), (68, 5)):
        assert Model.from_config(changed(family, {"hidden_size": hidden, key: "auto"})).time_rank == rank
    assert Model.from_config(changed(family, {key: 7})).time_rank == 7
    with pytest.raises(InputError, match=f"{key} in config.json must be a whole number .+, not 'many'"):
        Model.from_config(changed(family, {key: "many"}))


def test_mamba_has_neither_heads_nor_an_mlp_nor_a_longest_context():
    model = Model.from_config(changed("mamba", {}))
    assert (model.heads, model.dense_layers, model.layer_norms, model.trained_context) == (0, 0, 1, 0)
    assert (model.inner, model.state, model.conv) == (128, 8, 4)


def test_the_heads_of_mamba2_fill_its_width():
    model = Model.from_config(changed("mamba2", {}))
    assert (model.state_heads, model.inner, model.groups) == (8, 128, 1)
    with pytest.raises(
        InputError, match=r"num_heads in config\.json times head_dim = 16 must give expand × hidden_size"
    ):
        Model.from_config(changed("mamba2", {"num_heads": 4}))
