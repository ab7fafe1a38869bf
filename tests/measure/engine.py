"""What llama.cpp says of its own memory: caches, compute buffers, and files that its quantizer wrote."""

import ctypes
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import gguf
import llama_cpp
import numpy

from measure.cases import Case
from measure.gguf_files import in_own_blocks, tensor_bytes, write_random, write_sparse
from memcalc import Inference, Model, breakdown
from memcalc.estimate.ask import model_and_run
from memcalc.formula.formats import Format

HOW = {
    "kv_cache": "bytes of the cache in a context, as the engine states them (more than 4 GiB: planned, not allocated)",
    "compute_buffer": "bytes of the compute buffer in a real context on a CPU, as the engine states them",
    "blocks": "bytes of a random matrix that the engine's function ggml_quantize_chunk quantized",
    "weights": "bytes of the tensors in a file that the engine's quantizer wrote from random weights",
}

_REAL = 2**32  # a larger cache is not filled with memory


def measure(case: Case) -> int:
    """Return the bytes that the engine states, or that its quantizer wrote."""
    if case.quantity == "blocks":
        return _blocks(**case.inputs)
    model, run = model_and_run(case.model, dict(case.inputs), trained=False)
    if case.quantity == "weights":
        return _quantized(model, run.weights)
    stated = _stated(model, run)
    return stated.cache if case.quantity == "kv_cache" else stated.compute


def _quantized(model: Model, mix: str) -> int:
    with TemporaryDirectory() as folder:
        before, after = Path(folder, "before.gguf"), Path(folder, "after.gguf")
        write_random(model, before)
        choice = llama_cpp.llama_model_quantize_default_params()
        choice.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{mix}")
        choice.tt_overrides = _kept(model)
        with _log() as lines:
            failed = llama_cpp.llama_model_quantize(bytes(before), bytes(after), choice)
        if failed:
            raise RuntimeError("".join(lines))
        return tensor_bytes(after)


def _kept(model: Model) -> ctypes.Array:
    """Ask for experts to stay in their maker's blocks, as --tensor-type does: the quantizer refuses to change them."""
    kept = [(rb"ffn_.*_exps\.weight", gguf.GGMLQuantizationType[model.published])] if in_own_blocks(model) else []
    return (llama_cpp.llama_model_tensor_override * (len(kept) + 1))(*kept)  # an empty one ends them


def _blocks(format: str, rows: int, columns: int) -> int:
    """Quantize a random matrix; the types of the fewest bits ask how important each column is."""
    numbers = numpy.random.default_rng(0).standard_normal((rows, columns), dtype=numpy.float32)
    room, importance = numpy.empty(numbers.nbytes, dtype=numpy.uint8), numpy.ones(columns, dtype=numpy.float32)
    function = llama_cpp.llama_cpp._lib.ggml_quantize_chunk
    function.argtypes = (ctypes.c_int, *2 * (ctypes.c_void_p,), *3 * (ctypes.c_int64,), ctypes.c_void_p)
    function.restype = ctypes.c_size_t
    places = (array.ctypes.data for array in (numbers, room, importance))
    source, target, weights = places
    return function(gguf.GGMLQuantizationType[format], source, target, 0, rows, columns, weights)


class Stated(NamedTuple):
    """Bytes that the engine states of a context."""

    cache: int
    compute: int


def _stated(model: Model, run: Inference) -> Stated:
    with TemporaryDirectory() as folder, _log() as lines:
        path = Path(folder, "model.gguf")
        write_sparse(model, path)
        with _context(path, run, real=breakdown(model, run)["kv_cache"] <= _REAL) as context:
            stated = _breakdown(context)
    _check("cache", stated.cache, r"(?:kv_cache|recurrent): size = +([\d.]+) MiB", lines)
    _check("compute buffer", stated.compute, r"compute buffer size = +([\d.]+) MiB", lines)
    return stated


def _check(what: str, exact: int, pattern: str, lines: list[str]):
    """Hold the bytes to the engine's log, which rounds each buffer to hundredths of MiB."""
    logged = [float(number) for number in re.findall(pattern, "".join(lines))]
    if not logged or abs(exact / 2**20 - sum(logged)) > 0.00501 * len(logged):
        raise RuntimeError(f"the {what} is of {exact:,} bytes, but the log says {logged} MiB")


@contextmanager
def _log() -> Iterator[list[str]]:
    """Collect the lines that the engine logs."""
    lines: list[str] = []
    keep = llama_cpp.llama_log_callback(lambda level, text, _: lines.append(text.decode()))
    llama_cpp.llama_log_set(keep, None)
    try:
        yield lines
    finally:
        llama_cpp.llama_log_set(_SILENT, None)


_SILENT = llama_cpp.llama_log_callback(lambda level, text, _: None)


@contextmanager
def _context(path: Path, run: Inference, real: bool) -> Iterator[int]:
    """Make a context; one that is not real has all its buffers, but no memory behind them."""
    loading = llama_cpp.llama_model_default_params()
    loading.no_alloc = not real
    loading.load_mode = llama_cpp.LLAMA_LOAD_MODE_MMAP if real else llama_cpp.LLAMA_LOAD_MODE_NONE
    loading.use_extra_bufts = False  # or weights are packed anew, beside the file
    model = llama_cpp.llama_model_load_from_file(bytes(path), loading)
    if not model:
        raise RuntimeError(f"the engine does not load {path}")
    context = llama_cpp.llama_init_from_model(model, _wanted(run))
    try:
        if not context:
            raise RuntimeError(f"the engine makes no context for {run}")
        yield context
    finally:
        llama_cpp.llama_free(context)  # which None does not disturb
        llama_cpp.llama_model_free(model)


def _wanted(run: Inference) -> llama_cpp.llama_context_params:
    wanted = llama_cpp.llama_context_default_params()
    wanted.n_ctx, wanted.n_seq_max = run.context * run.batch, run.batch
    wanted.n_ubatch = run.ubatch or wanted.n_ubatch
    wanted.n_batch = max(wanted.n_batch, wanted.n_ubatch)
    wanted.kv_unified = run.engine == "llama.cpp-unified"
    wanted.swa_full = run.window == "full"
    wanted.type_k, wanted.type_v = map(_type, run.cache_formats)
    flash = "DISABLED" if run.attention == "eager" else "ENABLED"
    wanted.flash_attn_type = getattr(llama_cpp, f"LLAMA_FLASH_ATTN_TYPE_{flash}")
    return wanted


def _type(form: Format) -> int:
    return gguf.GGMLQuantizationType[{"FP16": "F16", "FP32": "F32"}.get(form.name, form.name)]


class _Map(ctypes.Structure):
    """A std::map as GCC lays it out; its tree hangs on `root`."""

    _fields_ = (("compare", ctypes.c_size_t), ("colour", ctypes.c_size_t), ("root", ctypes.c_void_p))
    _fields_ += (("ends", 2 * ctypes.c_void_p), ("count", ctypes.c_size_t))


class _Node(ctypes.Structure):
    """A buffer type, and the bytes in it of the model, of the cache ("context") and of what is computed."""

    _fields_ = (("colour", ctypes.c_size_t), ("parent", ctypes.c_void_p), ("left", ctypes.c_void_p))
    _fields_ += (("right", ctypes.c_void_p), ("buffer_type", ctypes.c_void_p), ("model", ctypes.c_size_t))
    _fields_ += (("context", ctypes.c_size_t), ("compute", ctypes.c_size_t))


def _breakdown(context: int) -> Stated:
    """Ask the engine for its bytes by a function that llama.h leaves out, for the log gives hundredths of MiB."""
    function = llama_cpp.llama_cpp._lib["_Z26llama_get_memory_breakdownPK13llama_context"]
    function.argtypes, function.restype = (llama_cpp.llama_context_p_ctypes,), _Map
    nodes = list(_walk(function(context).root))
    return Stated(cache=sum(node.context for node in nodes), compute=sum(node.compute for node in nodes))


def _walk(address: int | None) -> Iterator[_Node]:
    if address:
        node = _Node.from_address(address)
        yield node
        yield from _walk(node.left)
        yield from _walk(node.right)
