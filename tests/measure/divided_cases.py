"""The cases of models that several cards divide between them, or share out. New ones go to the end of their section."""

from collections.abc import Iterable, Iterator
from itertools import product

from measure.cases import Case


def _sharded() -> tuple[Case, ...]:
    """Return cases of fully_shard: its two policies of dropping and of adding up, and numbers in which cards share."""
    base = {"batch": 1, "recipe": "autocast", "attention": "sdpa", "sharding": "fsdp2", "data_parallel": 4}
    base |= {"full_layers": 4, "dense_layers": 4}
    ways = (
        *({}, {"reduced": "FP32"}, {"reshard": False}, {"recipe": "bf16"}, {"recipe": "fp32", "attention": "eager"}),
        {"data_parallel": 8, "reduced": "FP32"},
    )
    return tuple(
        Case("step_peak", name, base | {"context": context, "recompute": again} | way)
        for way in ways
        for name in ("Llama-3.2-1B", "Llama-2-7B", "Qwen2.5-0.5B")
        for context in (32, 2048)
        for again in ("none", "full")
    )


def _planned() -> tuple[Case, ...]:
    base = {"context": 128, "batch": 2, "recipe": "bf16", "attention": "sdpa", "full_layers": 2, "dense_layers": 2}
    names = ("Llama-3-8B", "Llama-3.2-1B", "Qwen2.5-7B", "Qwen3-8B")
    ways = ({}, {"attention": "eager"}, {"recompute": "full"}, {"recipe": "fp32", "attention": "eager"})
    degrees, whole = {"Qwen2.5-7B": (4,)}, {"activations": "transformers"}  # whose embedding has its whole gradient
    alone = (
        Case(quantity, name, base | {"tensor_parallel": degree} | way)
        for degree in (4, 8)
        for name in names
        if degree in degrees.get(name, (4, 8))
        for quantity, several in (("activations", ways), ("weights", ({},)), ("gradients", (whole,)))
        for way in several
    )
    return (*alone, *_planned_steps(names))


def _planned_steps(names: Iterable[str]) -> Iterator[Case]:
    """Yield cases of whole passes, of cards that divide a model alone, and of more that share its parts out too."""
    base = {"batch": 1, "recipe": "bf16", "attention": "sdpa", "full_layers": 3, "dense_layers": 3}
    shared = {"recipe": "autocast", "sharding": "fsdp2", "data_parallel": 4}
    whole = base | shared | {"context": 32, "tensor_parallel": 4, "activations": "transformers"}
    lengths = [{"context": 32}, {"context": 2048, "recompute": "full"}]
    ways = [(2, {}), (4, {}), (2, shared), (4, shared | {"reduced": "FP32"}), (4, shared | {"reshard": False})]
    for name in names:
        yield from (Case(quantity, name, whole) for quantity in ("weights", "gradients"))
        for (degree, way), length in product(ways, lengths):
            yield Case("step_peak", name, base | {"tensor_parallel": degree} | way | length)


def _sequences(exchange: str, others: tuple[str, ...]) -> tuple[Case, ...]:
    """Return cases of sequences that cards divide, of models whose heads so many cards can divide too."""
    base = {"context": 1024, "recipe": "bf16", "attention": "sdpa", "full_layers": 2, "dense_layers": 2}
    base |= {"exchange": exchange} if exchange != "ring" else {}
    again = [{}, {"recompute": "full"}]
    return tuple(
        Case("activations", name, base | {"batch": batch, "context_parallel": cards} | way)
        for name in ("Llama-3-8B", "Llama-2-7B", "Qwen3-8B", *others)
        for cards in (2, 4, 16)
        for batch, way in product((1, 2), again)
    )


SHARDED, PLANNED = _sharded(), _planned()
RINGS, ULYSSES = _sequences("ring", ("Qwen2.5-7B",)), _sequences("ulysses", ("Llama-3.2-1B",))
