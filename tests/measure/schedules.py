"""How many passes a stage holds at once in the orders of PyTorch's pipelines, written into tests/data/schedules.csv.

`cd tests && python -m measure.schedules` asks each schedule in which order a stage works, without computing anything.
"""

import datetime
import sys
from collections.abc import Iterator
from importlib.metadata import version

from torch.distributed.pipelining import schedules
from torch.distributed.pipelining.schedules import _Action
from torch.distributed.pipelining.schedules import _ComputationType as Kind

from measure import store
from memcalc.estimate.measured import written

HOW = (
    "most passes through a chunk of layers that have gone forward, and whose gradients are not all made, in the order "
    "of operations that the schedule gives the stage"
)
_CLASSES = {
    "GPipe": (schedules.ScheduleGPipe, (1,)),
    "1F1B": (schedules.Schedule1F1B, (1,)),
    "interleaved": (schedules.ScheduleInterleaved1F1B, (1, 2, 3)),
    "ZB-H1": (schedules.ScheduleInterleavedZeroBubble, (1, 2, 3)),
}
_SIZES = ((4, 4), (4, 8), (3, 12))  # stages and micro-batches
_DONE = (Kind.FULL_BACKWARD, Kind.BACKWARD_WEIGHT)


def main() -> int:
    """Count every case anew; 0 for the shell."""
    store.save(store.place("schedules"), _rows())
    return 0


def _rows() -> Iterator[store.Row]:
    cases = (
        {"schedule": name, "chunks": chunks, "pipeline_parallel": stages, "micro_batches": batches, "stage": stage}
        for name, (_, several) in _CLASSES.items()
        for chunks in several
        for stages, batches in _SIZES
        for stage in range(stages)
    )
    library, date = f"torch {version('torch')}", str(datetime.date.today())
    for number, case in enumerate(cases, start=1):
        same = {"quantity": "live_passes", "model": "", "how": HOW, "library": library, "date": date}
        yield {"id": f"M{number:03}", "inputs": written(case), "measured": str(_most(**case))} | same


def _most(stage: int, **sizes: str | int) -> int:
    now = most = 0
    for operation in filter(None, _order(stage, **sizes)):
        now += (operation.computation_type == Kind.FORWARD) - (operation.computation_type in _DONE)
        most = max(most, now)
    return most


def _order(stage: int, schedule: str, chunks: int, pipeline_parallel: int, micro_batches: int) -> list[_Action | None]:
    """Return the operations of a stage, from a schedule that has sizes alone, and no modules."""
    made = object.__new__(_CLASSES[schedule][0])
    made._num_stages = made.pp_group_size = pipeline_parallel
    made._n_microbatches, made.n_local_stages = micro_batches, chunks
    made.number_of_rounds = micro_batches // pipeline_parallel
    made.microbatches_per_round = micro_batches // made.number_of_rounds
    if hasattr(made, "_calculate_single_rank_operations"):
        return made._calculate_single_rank_operations(stage)
    return made._get_pipeline_order()[stage]


if __name__ == "__main__":
    sys.exit(main())
