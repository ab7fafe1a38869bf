"""Quantized numbers: matrices that libraries quantize, blocks of GGUF files, and caches quantized while they grow."""

from collections.abc import Callable, Iterable
from functools import partial

import bitsandbytes
import gguf
import numpy
import torch
from hqq.core.quantize import BaseQuantizeConfig, HQQLinear
from optimum import quanto
from torch import Tensor
from transformers import QuantizedCache

from measure.cases import Case
from measure.models import build, config
from measure.tensors import tensors_of

HOW = {
    "matrix": "sum of the tensors that really quantizing a random matrix gives",
    "blocks": "bytes of a random matrix that the gguf package quantized",
    "kv_cache": "tensors that the quantized cache object holds after a real prompt, and tokens one by one, on a CPU",
}


def measure(case: Case) -> int:
    """Return the bytes of what the library made of the numbers."""
    if case.quantity == "kv_cache":
        return _cache(case)
    if case.quantity == "blocks":
        return _blocks(**case.inputs)
    made = _matrix(**case.inputs)
    return sum(tensor.nbytes for tensor in tensors_of(made))


def _matrix(format: str, rows: int, columns: int) -> Iterable[object]:
    library, _, kind = format.partition("-")
    return _QUANTIZERS[library](torch.randn(rows, columns), kind)


def _bits_and_bytes(matrix: Tensor, kind: str, code: str) -> Iterable[object]:
    codes, state = bitsandbytes.functional.quantize_4bit(
        matrix.half(), blocksize=64, compress_statistics=kind == "double", quant_type=code
    )
    nested = [state.offset, *vars(state.state2).values()] if kind == "double" else []
    return codes, state.absmax, state.code, nested


def _int8(matrix: Tensor, _kind: str) -> Iterable[object]:
    return bitsandbytes.functional.int8_vectorwise_quant(matrix.half())


def _hqq(matrix: Tensor, kind: str) -> Iterable[object]:
    bits, group = kind.removeprefix("INT").split("-g")
    options = BaseQuantizeConfig(nbits=int(bits), group_size=int(group), axis=1)
    made = HQQLinear(_linear(matrix), options, compute_dtype=torch.float16, device="cpu")
    return made.W_q, made.meta


def _quanto(matrix: Tensor, kind: str) -> Iterable[object]:
    holder = torch.nn.Sequential(_linear(matrix.bfloat16()))
    quanto.quantize(holder, weights=quanto.qfloat8 if kind == "FP8" else getattr(quanto, f"q{kind.lower()}"))
    quanto.freeze(holder)
    return list(holder[0].parameters())


def _linear(matrix: Tensor) -> torch.nn.Linear:
    layer = torch.nn.Linear(*reversed(matrix.shape), bias=False, dtype=matrix.dtype)
    layer.weight.data = matrix
    return layer


_QUANTIZERS: dict[str, Callable[[Tensor, str], Iterable[object]]] = {
    "NF4": partial(_bits_and_bytes, code="nf4"),
    "FP4": partial(_bits_and_bytes, code="fp4"),
    "LLM.int8": _int8,
    "HQQ": _hqq,
    "quanto": _quanto,
}
"""First word of a format's name → what quantizes a matrix in it."""


def _blocks(format: str, rows: int, columns: int) -> int:
    numbers = numpy.random.default_rng(0).standard_normal((rows, columns), dtype=numpy.float32)
    return gguf.quants.quantize(numbers, gguf.GGMLQuantizationType[format]).nbytes


def _cache(case: Case) -> int:
    """Read a prompt with real numbers, which the quantizers need; the names of formats say which library and how."""
    library, bits, group = case.inputs["kv_cache"].split("-")
    made = config(case, case.inputs["full_layers"])
    model = build(made, torch.bfloat16, device="cpu")
    axis = 1 if library == "HQQ" else 0
    options = {"nbits": int(bits.removeprefix("INT")), "q_group_size": int(group[1:]), "residual_length": 128}
    held = QuantizedCache(library.lower(), made, axis_key=axis, axis_value=axis, **options)
    with torch.no_grad():
        prompt = torch.zeros((case.inputs.get("batch", 1), case.inputs["prompt"]), dtype=torch.long)
        model(input_ids=prompt, past_key_values=held, use_cache=True)
        for _ in range(case.inputs["context"] - case.inputs["prompt"]):
            model(input_ids=prompt[:, :1], past_key_values=held, use_cache=True)
    return sum(tensor.nbytes for tensor in tensors_of(map(vars, held.layers)))
