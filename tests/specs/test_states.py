"""State-space layers as a config.json has them."""

import pytest

from memcalc import InputError
from memcalc.specs import states
from memcalc.specs.config import Config

MAMBA = {"num_hidden_layers": 4, "hidden_size": 64, "vocab_size": 100, "state_size": 8}


@pytest.mark.parametrize(("rank", "found"), [("auto", 4), (7, 7)])
def test_the_rank_of_the_time_step_is_a_sixteenth_unless_the_file_says_it(rank, found):
    counts = states.mamba(Config(MAMBA | {"time_step_rank": rank}, "mamba"), {}, "")
    assert (counts["time_rank"], counts["inner"], counts["mamba_layers"]) == (found, 128, 4)


def test_heads_that_do_not_fill_the_inner_width_are_refused():
    heads = {"num_heads": 3, "head_dim": 32, "n_groups": 1}
    with pytest.raises(InputError, match=r"^num_heads in config\.json times head_dim = 32 must give .+ = 128, but"):
        states.mamba2(Config(MAMBA | heads, "mamba2"), {}, "")
