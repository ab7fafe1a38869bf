"""Exercises of notebook 7: the reality check."""

from __future__ import annotations

from dataclasses import replace

from memcalc import validation
from memcalc.estimate.questions import breakdown, total
from memcalc.estimate.training import step_peak
from memcalc.lessons.exercise import TEXTBOOK, Answers, Exercise
from memcalc.specs.model import Model
from memcalc.specs.training import Training

SEGMENTS = (16.39, 10.83)
"""What a run took with the allocator's usual segments, and with those that grow [GiB]; pytorch/torchtune#1185."""


def _gaps() -> Answers:
    usual, growing = SEGMENTS
    right = 100 * (usual - growing) / usual
    return right, [
        (100 * (usual - growing) / growing, "that is a share of the smaller amount; the question is of what was taken"),
        (100 - right, "that is what the tensors had; the question is what lay in gaps"),
        (right / 100, "that is the share itself; in percent it is a hundred times as much"),
        (usual - growing, "those are GiB; divide them by what was taken"),
    ]


def _kept_for_each_number() -> Answers:
    right, of_the_older, row = _bytes_for_each_number("A012"), _bytes_for_each_number("A001"), validation.row("A012")
    context, batch = row.inputs["context"], row.inputs["batch"]
    return right, [
        (TEXTBOOK, "that is the textbook's number, for the layer of another code"),
        (of_the_older, "that is Llama-2-7B; row A012 is Llama-3-8B"),
        (right * batch, "the texts are several: divide by the batch too"),
        (right * context, "the tokens are many: divide by the context too"),
        (right * context * batch, "you divided by hidden alone; divide by context and batch too"),
        (float(row.measured) / context / batch, "that is for each token; divide by hidden too"),
        (float(row.measured), "those are the bytes of the whole layer; divide by context, batch and hidden"),
    ]


def _bytes_for_each_number(name: str) -> float:
    row = validation.row(name)
    numbers = row.inputs["context"] * row.inputs["batch"] * Model.named(row.model).hidden
    return float(row.measured / numbers)


def _tensors_of_eight_texts() -> Answers:
    model, run = Model.named("GPT-2"), Training(context=256, batch=8, recipe="fp32", attention="eager")
    four, longer, memory = replace(run, batch=4), replace(run, context=1024), breakdown(model, run)
    states, step = memory["weights"] + memory["optimizer"], step_peak(model, run)
    return states + step, [
        (total(model, run), "that is the sum of the terms, which are not all there at once; see step_peak"),
        (states + step + memory["gradients"], "the peak of a step has the gradients already"),
        (step, "that is the step alone; weights and optimizer are there too"),
        (memory["weights"] + step, "the optimizer's states are there from the second step on"),
        (2 * (states + step_peak(model, four)), "weights, gradients and optimizer do not double with the texts"),
        (states + step_peak(model, four), "that is with four texts"),
        (states + step_peak(model, longer), "that is with texts of 1,024 tokens"),
    ]


EXERCISES = {
    "7.1": Exercise("percent", _gaps),
    "7.2": Exercise("bytes", _kept_for_each_number),
    "7.3": Exercise("GiB", _tensors_of_eight_texts),
}
