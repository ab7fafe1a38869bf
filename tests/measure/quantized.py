"""Quantized numbers: matrices that libraries quantize, blocks of GGUF files, and caches quantized while they grow."""

from collections.abc import Callable, Iterable

import bitsandbytes
import gguf
import numpy
import torch
from hqq.core.quantize import BaseQuantizeConfig, HQQLinear
from optimum import quanto
from torch import Tensor
from transformers import QuantizedCache

from measure.caches import tensors_of
from measure.cases import Case
from measure.models import build, config, filled

HOW = {
    "matrix": "sum of the tensors that really quantizing a random matrix gives",
    "blocks": "bytes that the gguf package writes for a matrix: quantized where it can, else by its table of sizes",
    "kv_cache": "tensors that the quantized cache object holds after a real prefill on a CPU with random weights",
}


def measure(case: Case) -> int:
    """Return the bytes of what the library made of the numbers."""
    if case.quantity == "kv_cache":
        return _cache(case)
    if case.quantity == "blocks":
        return _blocks(**case.inputs)
    made = _matrix(**case.inputs)
    return sum(tensor.nbytes for tensor in tensors_of(made))


def _matrix(format: str, rows: int, columns: int, group: int = 64) -> Iterable[object]:
    library, _, bits = format.partition("-")
    return _QUANTIZERS[library](torch.randn(rows, columns), bits, group)


def _bits_and_bytes(matrix: Tensor, bits: str, group: int, kind: str) -> Iterable[object]:
    codes, state = bitsandbytes.functional.quantize_4bit(
        matrix.half(), blocksize=group, compress_statistics=bits == "double", quant_type=kind
    )
    nested = [state.offset, *vars(state.state2).values()] if bits == "double" else []
    return codes, state.absmax, state.code, nested


def _int8(matrix: Tensor, _bits: str, _group: int) -> Iterable[object]:
    return bitsandbytes.functional.int8_vectorwise_quant(matrix.half())


def _hqq(matrix: Tensor, bits: str, _group: int) -> Iterable[object]:
    number, size = bits.removeprefix("INT").split("-g")
    options = BaseQuantizeConfig(nbits=int(number), group_size=int(size), axis=1)
    made = HQQLinear(_linear(matrix), options, compute_dtype=torch.float16, device="cpu")
    return made.W_q, made.meta


def _quanto(matrix: Tensor, bits: str, _group: int) -> Iterable[object]:
    holder = torch.nn.Sequential(_linear(matrix.bfloat16()))
    quanto.quantize(holder, weights=quanto.qfloat8 if bits == "FP8" else getattr(quanto, f"q{bits.lower()}"))
    quanto.freeze(holder)
    return list(holder[0].parameters())


def _linear(matrix: Tensor) -> torch.nn.Linear:
    layer = torch.nn.Linear(*reversed(matrix.shape), bias=False, dtype=matrix.dtype)
    layer.weight.data = matrix
    return layer


_QUANTIZERS: dict[str, Callable[[Tensor, str, int], Iterable[object]]] = {
    "NF4": lambda *how: _bits_and_bytes(*how, kind="nf4"),
    "FP4": lambda *how: _bits_and_bytes(*how, kind="fp4"),
    "LLM.int8": _int8,
    "HQQ": _hqq,
    "quanto": _quanto,
}


def _blocks(format: str, rows: int, columns: int) -> int:
    kind = gguf.GGMLQuantizationType[format]
    numbers = numpy.random.default_rng(0).standard_normal((rows, columns), dtype=numpy.float32)
    try:
        return gguf.quants.quantize(numbers, kind).nbytes
    except NotImplementedError:
        return rows * gguf.quants.quant_shape_to_byte_shape((rows, columns), kind)[-1]


def _cache(case: Case) -> int:
    """Read a prompt with real numbers, which the quantizers need; the names of formats say which library and how."""
    library, bits, group = case.inputs["kv_cache"].split("-")
    made = config(case, case.inputs["full_layers"])
    model = filled(build(made, torch.bfloat16))
    axis = 1 if library == "HQQ" else 0
    options = {"nbits": int(bits.removeprefix("INT")), "q_group_size": int(group[1:]), "residual_length": 128}
    held = QuantizedCache(library.lower(), made, axis_key=axis, axis_value=axis, **options)
    with torch.no_grad():
        prompt = torch.zeros((case.inputs.get("batch", 1), case.inputs["prompt"]), dtype=torch.long)
        model(input_ids=prompt, past_key_values=held, use_cache=True)
        for _ in range(case.inputs["context"] - case.inputs["prompt"]):
            model(input_ids=prompt[:, :1], past_key_values=held, use_cache=True)
    return sum(tensor.nbytes for tensor in tensors_of(map(vars, held.layers)))
