"""Recipes and optimizers: the rows, as the formula reads them."""

import pytest

from memcalc import InputError, catalogue
from memcalc.formula.choices import Layout
from memcalc.formula.recipes import Optimizer, Recipe


@pytest.mark.parametrize("name", catalogue.names("optimizers"))
def test_an_optimizer_has_what_its_layout_needs(name):
    optimizer = Optimizer.named(name)
    blocks = optimizer.layout == Layout.BLOCKS
    assert (optimizer.bits > 0, optimizer.block > 0) == (blocks, blocks)
    assert optimizer.whole_blocks <= blocks
    assert optimizer.moments <= 3
    assert len(list(filter(None, optimizer.states.split("|")))) == optimizer.moments


def test_mixed_precision_takes_sixteen_bytes_with_adam():
    """Rajbhandari et al., section 3.1: 2 + 2 + (4 + 4 + 4)."""
    recipe, adam = Recipe.named("mixed"), Optimizer.named("AdamW")
    assert recipe.weight + recipe.gradient + recipe.master + adam.moments * recipe.state == 16


def test_a_wrong_name_is_told_the_nearest():
    with pytest.raises(InputError, match="optimizer 'AdamV' is not known; the nearest is Adam"):
        Optimizer.named("AdamV")
    assert Optimizer.named("bnb PagedAdamW8bit") == Optimizer.named("8-bit AdamW")
