"""DoRA: adapters beside matrices the lengths of whose rows are trained too; each pass finds these out anew."""

from collections.abc import Iterator, Mapping

import sympy

from memcalc.formula.adapted import Adapted
from memcalc.formula.formats import FP32, HALF
from memcalc.formula.numeric import Max
from memcalc.formula.saved_tensors import CodePath, factor
from memcalc.formula.symbols import symbols

s, b, r, d = symbols("context batch lora_rank hidden")


def measuring(case: CodePath, again: bool = False) -> sympy.Expr:
    """Return what is there for a moment, beside what is kept, while the rows of one matrix are measured [bytes].

    That is the product of the adapter's two matrices, which PEFT makes of a matrix of ones and zeros, this scaled, the
    frozen matrix as the adapter's numbers are, and the sum of both. `again` says whether it is in a layer that is made
    anew, for which the gradients of its result wait.
    Source: mangrulkar2022peft, src/peft/tuners/lora/dora.py: DoraLinearLayer.

    >>> measuring(CodePath("llama", adapted=Adapted(frozenset({"q_proj"}), single=False, dora=True)))
    2*b*d*s + 6*d*d_k*h + 2*d*(d + r)
    """
    beside = case.adapted
    stream, scaled = (FP32 if beside.raised else HALF), 2 * FP32 if beside.single else 2 * HALF
    sizes = (size for one in case.with_adapters for size in _sizes(beside, one))
    return Max(*sizes) + (stream + (scaled if again else 0)) * s * b * d


def _sizes(beside: Adapted, matrix: Mapping[str, str]) -> Iterator[sympy.Expr]:
    """Yield what is there when all is added up; and before, when autocast has made 16 bits of the ones and zeros."""
    widths, own = beside.widths(matrix), FP32 if beside.single else HALF
    inputs, outputs = factor(matrix["inputs"]), factor(matrix["outputs"])
    made, passed = widths["length"], HALF if beside.autocast else own
    stored = not beside.quantized and made == (FP32 if beside.raised else HALF)
    read = s * b * inputs * beside.before(matrix)
    yield passed * inputs * (inputs + r) + (3 if stored else 4) * made * inputs * outputs + read
    if passed != own:
        yield own * inputs**2 + passed * inputs * (inputs + r + outputs) + read
