"""The moments of a step as terms."""

import pytest

from memcalc.formula import TERMS
from memcalc.formula.moments import PHASES, of_zero
from memcalc.formula.symbols import symbol


@pytest.mark.parametrize("phase", PHASES)
def test_a_moment_is_the_sum_of_its_parts(phase):
    term = TERMS[f"{phase}_moment"]
    assert term.expr == sum(part.symbol for part in term.parts)
    assert {"weights", "optimizer"} <= {part.name for part in term.parts}
    assert term.meaning.startswith("What lies on the card when ")


def test_the_peak_is_the_largest_moment():
    sizes = {symbol(f"{phase}_moment"): size for size, phase in enumerate(PHASES, 1)}
    assert TERMS["peak"].exact(sizes) == len(PHASES)


def test_zero_gathers_what_its_setting_allows():
    small, large = (
        {symbol("parameters"): size, symbol("bytes_per_weight"): 2, symbol("live_parameters"): 10**9}
        for size in (10**6, 10**12)
    )
    assert (of_zero.exact(small), of_zero.exact(large)) == (2 * 10**6, 2 * 10**9)
