"""The tensors in what a library holds, and the memory behind them."""

from collections.abc import Iterable, Iterator

from torch import Tensor


def tensors_of(values: Iterable[object]) -> Iterator[Tensor]:
    """Yield the tensors in lists and dictionaries; of one that is quantized or a shard, those that it is made of."""
    for value in values:
        if hasattr(value, "__tensor_flatten__"):
            names, _ = value.__tensor_flatten__()
            yield from tensors_of(getattr(value, name) for name in names)
        elif isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors_of(value)
        elif isinstance(value, dict):
            yield from tensors_of(value.values())


def storage_bytes(values: Iterable[object]) -> int:
    """Return the bytes of the storages behind the tensors, each once."""
    storages = [tensor.untyped_storage() for tensor in tensors_of(values)]
    return sum({storage._cdata: storage.nbytes() for storage in storages}.values())
