"""Formats: how numbers are stored, as rows of data/formats.csv and, for llama.cpp's blocks, data/ggml_types.csv."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from memcalc import catalogue
from memcalc.catalogue import Row
from memcalc.formula.choices import Family

HALF, FP32, INT32, INT64, BOOL = 2, 4, 4, 8, 1
"""Bytes of one number in the types in which code computes; HALF is FP16 or BF16."""


@dataclass(frozen=True)
class Other:
    """Tensors that a file stores in another format than most.

    Parameters
    ----------
    group, tensor : which they are, as the list of tensors calls them
    number : how many of them; None for all
    form : the name of their format
    """

    group: str
    tensor: str
    number: int | None
    form: str


_AVERAGE = r"\s*(\d{1,2}(?:\.\d{1,4})?) ?bpw\s*"
"""Average bits of a weight, as the names of EXL2 and EXL3 files say them."""


def averaged(name: object) -> str:
    """Return the one spelling of an average number of bits; "" for what is none, or none of 1 to 16 bits.

    >>> averaged("2.40 BPW"), averaged("64bpw"), averaged("Q4_0")
    ('2.4bpw', '', '')
    """
    found = re.fullmatch(_AVERAGE, name, re.IGNORECASE) if isinstance(name, str) else None
    return f"{float(found[1]):g}bpw" if found and 1 <= float(found[1]) <= 16 else ""


@dataclass(frozen=True)
class Format(Row):
    """How weights are stored: a row of data/formats.csv, or that row as one file makes use of it.

    Parameters
    ----------
    family : how it stores numbers
    bits : average bits of a weight in a quantized matrix
    type : the block type of most matrices (blocks, gguf)
    code_bits : what one code takes [bits]
    group : numbers that share a scale; 0 for those of a row
    block_rows : rows whose groups share a scale, so that it has a block; 0 for each row by itself
    scale_bits, zero_bits : of each group [bits]
    column_bits : of each column [bits]
    nested : scales that share a scale of 32 bits, if scales are quantized once more, else 0
    table_bytes : of each matrix [bytes]
    apart : whether the first two matrices of an expert are stored as two, even where code joins them
    keeps : groups of tensors, or names of them, that stay in 16 bit
    also : tensors that it shrinks although others leave them as they are: routers
    cache : whether a key and value cache can have this format: "yes", "no", who has it ("KIVI", "transformers"), or
        "latent" if only latents can
    source : where that is said
    rest : bits of a number in what is not quantized; a file may say 32
    others : tensors that a file stores in another format
    architecture : the family of the model, if files of llama.cpp have rules of their own for it; else ""

    >>> Format.named("NF4").bits
    Fraction(9, 2)
    """

    name: str
    family: Family
    bits: Fraction
    type: str = ""
    code_bits: int = 0
    group: int = 0
    block_rows: int = 0
    scale_bits: int = 0
    zero_bits: int = 0
    column_bits: int = 0
    nested: int = 0
    table_bytes: int = 0
    apart: bool = False
    keeps: frozenset[str] = frozenset()
    also: frozenset[str] = frozenset()
    cache: str = "no"
    source: str = ""
    rest: int = 8 * HALF
    others: tuple[Other, ...] = ()
    architecture: str = ""

    @classmethod
    def named(cls, name: str) -> Format:
        """Return what the table says of a name, or plain numbers of so many bits on average, such as "2.4bpw"."""
        average = averaged(name)
        return cls(average, Family.PLAIN, Fraction(average.removesuffix("bpw"))) if average else super().named(name)

    @property
    def bytes(self) -> Fraction:
        """Average bytes of a weight in a quantized matrix, or of a number in a cache."""
        return self.bits / 8

    @property
    def residual(self) -> str:
        """Who keeps the newest tokens of a cache in 16 bit: "KIVI", "transformers" or "" for nobody."""
        return self.cache if self.cache in ("KIVI", "transformers") else ""


def named_bits(name: str) -> int:
    """Return the bits of a number that the name of a format or a block type promises.

    >>> [named_bits(name) for name in ("Q4_K_M", "NF4-double", "LLM.int8", "BF16")]
    [4, 4, 8, 16]
    """
    return int(re.search(r"\d+", name)[0])


@cache
def block(name: str) -> tuple[int, int]:
    """Return the numbers in a block of this type, and its bytes.

    >>> block("Q4_K")
    (256, 144)
    """
    row = catalogue.find("ggml_types", "block type", name)
    return int(row["elements"]), int(row["bytes"])


def whole_blocks(numbers: int, form: Format) -> bool:
    """Return whether the blocks or groups of a format divide `numbers`, those of one head's key or one latent.

    Source: ggml2026llama, src/llama-context.cpp, llama_init_from_model.

    >>> whole_blocks(128, Format.named("Q8_0")), whole_blocks(80, Format.named("Q8_0"))
    (True, False)
    """
    return numbers % (block(form.type)[0] if form.type else form.group or 1) == 0
