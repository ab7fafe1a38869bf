"""Exercises of notebook 7, the reality check, and its guess."""

from dataclasses import replace

from memcalc import Inference, Model, Training, breakdown, total, units
from memcalc.estimate import measured as validation  # without its tables, which a page does without
from memcalc.estimate.peak import step_peak
from memcalc.lessons.task import TEXTBOOK, Answers, guess, one_term, task


@guess(
    "7.1",
    "GiB",
    asks="At most, the tensors take 5.65 GiB. By how much did the process grow that trains GPT-2?",
    matters="The tensors are counted to the byte, and still the process took a sixth more. This lesson asks what for.",
)
def _growth_of_a_process() -> Answers:
    row = validation.row("R003")
    model, run = Model.named("GPT-2"), Training(context=1024, batch=2, recipe="fp32", attention="eager")
    memory, tensors = breakdown(model, run), int(row.predicted)
    yield int(row.measured)
    yield tensors, "those are the tensors alone, and a process takes memory that no tensor holds"
    yield memory["activations"], "those are the activations alone"
    yield 2 * tensors, "that doubles them; what is lost beside tensors is a good deal less"
    yield memory["weights"], "those are the weights alone"


@task(
    "7.1",
    "percent",
    asks="A public report tells of a training run (QLoRA) that took 16.39 GiB of a card, and with the same tensors "
    "10.83 GiB once PyTorch's allocator could let its segments grow. Which share of the first amount, in percent, was "
    "lost in gaps?",
    hint="Take their difference, and divide it by the first.",
    solution="100 * (16.39 - 10.83) / 16.39",
    because="A third of what the run took was free.",
    matters="It was of no use: so a program can run out of memory although some is left.",
    goal="name what the allocator takes beside the tensors",
)
def _gaps() -> Answers:
    usual, growing = 16.39, 10.83  # GiB with segments as usual, and with growing ones; pytorch/torchtune#1185
    right = 100 * (usual - growing) / usual
    yield right
    yield 100 * (usual - growing) / growing, "that is a share of the smaller amount; the question is of what was taken"
    yield 100 - right, "that is what the tensors had; the question is what lay in gaps"
    yield right / 100, "that is the share itself; in percent it is a hundred times as much"
    yield usual - growing, "those are GiB; divide them by what was taken"


@task(
    "7.2",
    "bytes",
    asks="Row A012 is a layer of Llama-3-8B. How many bytes does it keep for each number that goes in? Those numbers "
    "are context × batch × hidden; the textbook has 34 bytes.",
    hint="Unfold the row above: context and batch are among its inputs, and hidden is 4,096.",
    solution="205,660,184 / (512 * 2 * 4096)",
    because="Those are all numbers that go into the layer.",
    matters="That is more than Llama-2-7B keeps, because its MLP is wider, though its keys and values are fewer.",
    goal="read a measured row, and compute with it",
)
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


@task(
    "7.3",
    "GiB",
    asks="Now train GPT-2 with *eight* texts of 256 tokens, otherwise as before. How many GiB do its tensors take at "
    "the worst moment: [weights], [optimizer], and the peak of a step?",
    hint="Describe the run: eight = Training(context=256, batch=8, recipe='fp32', attention='eager'). Then "
    "breakdown(gpt2, eight) has weights and optimizer, and step_peak(gpt2, eight) the rest.",
    solution="4.80",
    because="It is 0.46 for the weights, 0.93 for the optimizer, and the peak of the step.",
    matters="As many tokens need less memory, because the scores of eager attention grow with the square of a text's "
    "length.",
    goal="tell the peak of a step from the sum of its terms",
)
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


@task(
    "7.4",
    "percent",
    asks="A monitor shows 2.2 GB for the cache of Llama-3-8B with two texts of 8,192 tokens: 32 layers, 8 stored pairs "
    "of 128 numbers, two bytes each. How many percent of that has the formula not?",
    hint="The residual is measured minus formula, and here a share of what was measured. The formula gives whole GiB.",
    solution="100 * (2.2 * 10**9 - 2 * 2**30) / (2.2 * 10**9)",
    because="The formula says 2,147,483,648 bytes, which is 2.15 GB, and the monitor rounds that to 2.2.",
    matters="Half of a last digit makes more than the one percent above which a row must have a cause. So write down "
    "bytes, if you can get them.",
    goal="add a measurement of your own, and say how far off it is",
)
def _rounded_by_a_monitor() -> Answers:
    model, shown = Model.named("Llama-3-8B"), units.to_bytes("2.2", "GB")
    said = one_term("kv_cache", model, Inference(8192, batch=2))
    right = _share(shown, said)
    yield right
    yield 100 * (shown - said) / said, "that is a share of what the formula says; the question is of what was measured"
    yield right / 100, "that is the share itself; in percent it is a hundred times as much"
    yield 100 - right, "that is what the formula has; the question is what it has not"
    yield _share(shown, said // 2), "that is with one text, or with keys alone"
    yield _share(units.to_bytes("2.2", "GiB"), said), "the monitor shows GB, and you took GiB"
    yield (shown - said) / 10**6, "those are MB; divide by what was measured"


def _share(measured: int, predicted: int) -> float:
    """Return what a formula leaves over, in percent of what was measured."""
    return float(100 * (measured - predicted)) / measured
