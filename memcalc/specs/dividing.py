"""Dividing: what a training run on several cards must agree on with itself."""

from __future__ import annotations

from collections.abc import Mapping

from memcalc.errors import must
from memcalc.formula.choices import Accounting, Layout, Offload, Schedule, Sharding
from memcalc.specs.run import PARALLEL, Run

_STAGES = {Offload.OPTIMIZER: (1, 2, 3), Offload.PARAMETERS: (3,), Offload.NVME: (3,)}
"""Offload → the stages of ZeRO that can do it; none needs none."""


def check(run: Run) -> None:
    """Raise InputError if a run divides what it does between cards in ways that contradict each other, or nobody knows.

    >>> from memcalc.specs.training import Training
    >>> check(Training(zero=2, data_parallel=8))
    """
    _check_schedule(run)
    _check_sharing(run)
    if run.context_parallel > 1:
        _check_sequence(run)


def check_measured(run: Run, field: str, instead: str, value: object, alone: Mapping[str, object]) -> None:
    """Raise InputError if other fields have not the values alone with which the value of a field was measured.

    Parameters
    ----------
    field, value : which cannot stand beside other values
    instead : what it may be in their place
    alone : other field → the value with which it was measured

    >>> from memcalc.specs.training import Training
    >>> check_measured(Training(), "frozen", "0", 2, {"zero": 0})
    """
    for name, usual in alone.items():
        if (found := getattr(run, name)) != usual:
            raise must(field, f"{instead} with {name} {found}, of which nobody has measured it", value)


def _check_schedule(run: Run) -> None:
    in_turns = run.schedule in (Schedule.INTERLEAVED, Schedule.ZERO_BUBBLE)
    if run.chunks > 1 and not in_turns:
        raise must("chunks", f"1 with schedule {run.schedule}, in which each card has one", run.chunks)
    if run.schedule == Schedule.INTERLEAVED and run.micro_batches % run.pipeline_parallel:
        each = f"a multiple of pipeline_parallel = {run.pipeline_parallel:,} with schedule interleaved"
        raise must("micro_batches", each, run.micro_batches)


def _check_sharing(run: Run) -> None:
    low_rank = run.optimizer_spec.layout in (Layout.LOW_RANK, Layout.RANDOM_RANK)
    if low_rank and (run.by_rows or run.lora_rank):
        beside = "adapters (lora_rank)" if run.lora_rank else "sharding fsdp"
        raise must("optimizer", f"another than {run.optimizer} with {beside}, for it needs whole matrices", "it")
    stages = _STAGES.get(run.offload, (0, 1, 2, 3))
    if run.sharding == Sharding.FSDP2:
        alone = {"lora_rank": 0, "frozen": 0, "offload": Offload.NONE}
        check_measured(run, "sharding", "fsdp", "'fsdp2'", alone)
    if run.by_rows and run.zero:
        raise must("zero", f"0 with sharding {run.sharding}, which shares everything by itself", run.zero)
    if run.by_rows and run.offload in (Offload.OPTIMIZER, Offload.NVME):
        raise must("offload", "none or parameters with sharding fsdp", repr(run.offload))
    if not run.by_rows and run.zero not in stages:
        raise must("zero", f"{' or '.join(map(str, stages))} with offload {run.offload}", run.zero)
    if run.zero and run.optimizer_spec.layout not in (Layout.FULL, Layout.BLOCKS):
        raise must("zero", f"0 with {run.optimizer}, which needs the matrices that ZeRO lays flat", run.zero)


def _check_sequence(run: Run) -> None:
    known = ("expert_parallel",) if run.activations == Accounting.NONE else PARALLEL
    for degree in known:
        if (found := getattr(run, degree)) > 1:
            beside = f"{degree} {found:,} and activations {str(run.activations)!r}"
            raise must("context_parallel", f"1 with {beside}, of which nobody has measured it", run.context_parallel)
