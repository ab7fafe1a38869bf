"""Exercises of notebook 7: the reality check."""

from dataclasses import replace

from memcalc import Model, Training, breakdown, total, validation
from memcalc.estimate.training import step_peak
from memcalc.lessons.task import TEXTBOOK, Answers, task


@task("7.1", "percent")
def _gaps() -> Answers:
    usual, growing = 16.39, 10.83  # GiB with segments as usual, and with growing ones; pytorch/torchtune#1185
    right = 100 * (usual - growing) / usual
    yield right
    yield 100 * (usual - growing) / growing, "that is a share of the smaller amount; the question is of what was taken"
    yield 100 - right, "that is what the tensors had; the question is what lay in gaps"
    yield right / 100, "that is the share itself; in percent it is a hundred times as much"
    yield usual - growing, "those are GiB; divide them by what was taken"


@task("7.2", "bytes")
def _kept_for_each_number() -> Answers:
    right, row = _bytes_for_each_number("A012"), validation.row("A012")
    context, batch = row.inputs["context"], row.inputs["batch"]
    yield right
    yield TEXTBOOK, "that is the textbook's number, for the layer of another code"
    yield _bytes_for_each_number("A001"), "that is Llama-2-7B; row A012 is Llama-3-8B"
    yield right * batch, "the texts are several: divide by the batch too"
    yield right * context, "the tokens are many: divide by the context too"
    yield right * context * batch, "you divided by hidden alone; divide by context and batch too"
    yield float(row.measured) / context / batch, "that is for each token; divide by hidden too"
    yield float(row.measured), "those are the bytes of the whole layer; divide by context, batch and hidden"


def _bytes_for_each_number(name: str) -> float:
    row = validation.row(name)
    return float(row.measured / (row.inputs["context"] * row.inputs["batch"] * Model.named(row.model).hidden))


@task("7.3", "GiB")
def _tensors_of_eight_texts() -> Answers:
    model, run = Model.named("GPT-2"), Training(context=256, batch=8, recipe="fp32", attention="eager")
    memory, step = breakdown(model, run), step_peak(model, run)
    states = memory["weights"] + memory["optimizer"]
    four, longer = (step_peak(model, other) for other in (replace(run, batch=4), replace(run, context=1024)))
    yield states + step
    yield total(model, run), "that is the sum of the terms, which are not all there at once; see step_peak"
    yield states + step + memory["gradients"], "the peak of a step has the gradients already"
    yield step, "that is the step alone; weights and optimizer are there too"
    yield memory["weights"] + step, "the optimizer's states are there from the second step on"
    yield 2 * (states + four), "weights, gradients and optimizer do not double with the texts"
    yield states + four, "that is with four texts"
    yield states + longer, "that is with texts of 1,024 tokens"
