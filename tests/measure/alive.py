"""The bytes that are alive: every storage that an operation makes, until nothing holds it any longer."""

from collections.abc import Iterable

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Alive(TorchDispatchMode):
    """Watches the storages made while it is active; `peak` is the largest sum of living ones after an operation.

    Parameters
    ----------
    without : tensors whose storages are not counted, such as weights and inputs
    on : the kind of device whose storages count; of all, if it is not given
    """

    def __init__(self, without: Iterable[Tensor] = (), on: str = ""):
        super().__init__()
        self._on = on
        self._known = {tensor.untyped_storage()._cdata for tensor in without}
        self._living: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0

    @property
    def bytes(self) -> int:
        """What is alive now."""
        self._living = {key: (ref, size) for key, (ref, size) in self._living.items() if not ref.expired()}
        return sum(size for _, size in self._living.values())

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Run an operation, and look at what it made."""
        out = func(*args, **(kwargs or {}))
        leaves = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        made = [leaf.untyped_storage() for leaf in leaves if self._on in leaf.device.type]
        new = [storage for storage in made if storage._cdata not in self._known]
        self._living |= {storage._cdata: (StorageWeakRef(storage), storage.nbytes()) for storage in new}
        if new:
            self.peak = max(self.peak, self.bytes)
        return out
