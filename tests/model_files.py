"""The bytes of small model files, written after the descriptions of their formats; a test may want them wrong."""

import json
import struct
import time

from memcalc import InputError
from memcalc.checkpoints import Checkpoint

CODES = {"u8": 0, "i8": 1, "u16": 2, "i16": 3, "u32": 4, "i32": 5, "f32": 6, "bool": 7, "text": 8, "list": 9}
CODES |= {"u64": 10, "i64": 11, "f64": 12}
PACKED = {"u8": "B", "i8": "b", "u16": "H", "i16": "h", "u32": "I", "i32": "i", "f32": "f", "bool": "?"}
PACKED |= {"u64": "Q", "i64": "q", "f64": "d"}
LLAMA = {"general.architecture": ("text", "llama"), "llama.block_count": ("u32", 2)}
SMALL = LLAMA | {
    **{"llama.vocab_size": ("u32", 100), "llama.embedding_length": ("u32", 64)},
    **{"llama.feed_forward_length": ("u32", 96)},
    **{"llama.attention.head_count": ("u32", 4), "llama.attention.head_count_kv": ("u32", 2)},
}
"""What a small model must say to have a cache."""
NORM = ("norm.weight", (8,), 0, 32)


def text(value):
    """A text with its length before it."""
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(data)) + data


def value(kind, held):
    """A value of metadata; that of a list is a pair of the kind in it and what it holds."""
    if kind == "text":
        return text(held)
    if kind != "list":
        return struct.pack(f"<{PACKED[kind]}", held)
    inner, items = held
    return struct.pack("<IQ", CODES[inner], len(items)) + b"".join(value(inner, item) for item in items)


def gguf(keys=(), tensors=(), *, version=3, alignment=32, counts=None, places=None, order="<"):
    """A GGUF file of pairs `key, (kind, value)` and tensors `name, shape with rows first, type, bytes`."""
    pairs = list(dict(keys).items() if isinstance(keys, dict) else keys)
    head = b"GGUF" + struct.pack(f"{order}IQQ", version, *(counts or (len(tensors), len(pairs))))
    for key, (kind, held) in pairs:
        head += text(key) + struct.pack("<I", CODES[kind]) + value(kind, held)
    end = 0
    for place, (name, shape, kind, size) in enumerate(tensors):
        start = end if places is None else places[place]
        head += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape[::-1])
        head += struct.pack("<IQ", kind, start)
        end += -(-size // alignment) * alignment
    return head + bytes(-len(head) % alignment + end)


def entry(kind, shape, begin, end):
    """What the header of safetensors says of a tensor."""
    return {"dtype": kind, "shape": list(shape), "data_offsets": [begin, end]}


def safetensors(tensors, metadata=None):
    """A file of safetensors with tensors `name → (type, shape, bytes)`, one after the other."""
    header, end = {} if metadata is None else {"__metadata__": metadata}, 0
    for name, (kind, shape, size) in tensors.items():
        header[name] = entry(kind, shape, end, end + size)
        end += size
    return with_header(json.dumps(header), end)


def with_header(header, data=0, length=None):
    """A file of safetensors with this header, as text or bytes, and so many bytes of data."""
    head = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(head) if length is None else length) + head + bytes(data)


def outcome(read, path):
    """What comes of reading a file that may be broken: a checkpoint or the sentence of a refusal, and that soon."""
    start = time.perf_counter()
    try:
        found = read(path)
    except InputError as problem:
        found = str(problem)
    assert time.perf_counter() - start < 2
    return found


def check(found, size):
    """Hold that a checkpoint takes no more than its file, and that a refusal is one sentence."""
    if isinstance(found, Checkpoint):
        assert found.bytes <= size
    else:
        assert found.endswith(".")
        assert "\n" not in found
        assert len(found) < 600
