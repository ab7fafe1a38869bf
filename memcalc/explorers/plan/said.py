"""What is written beside the cards of a plan: what each part takes, who shares it, and what nobody counts."""

from memcalc.explorers.plan.run import UNCOUNTED, Plan, shared_by
from memcalc.formula.symbols import SUMMANDS
from memcalc.units import show


def sharing(plan: Plan) -> str:
    """Say which cards hold what together.

    >>> from memcalc import Gpu, Model
    >>> from memcalc.explorers.plan.run import trained
    >>> sharing(trained(Model.named("Llama-3.1-8B"), Gpu.named("A100 40 GB"), 8, 2))
    'the weights whole on each card, the rest shared by 8'
    """
    if plan.answers:
        return _service(plan)
    if plan.cards == 1:
        return "the model and all its states"
    return (
        "the model and all its states, whole on each card",
        f"the optimizer shared by {plan.cards}, the rest whole on each",
        f"the weights whole on each card, the rest shared by {plan.cards}",
        f"the model and all its states, shared by {plan.cards}",
    )[plan.run.stage]


def _service(plan: Plan) -> str:
    people = "one person" if plan.people == 1 else f"{plan.people:,} people"
    if plan.copies > 1:
        each = f"up to {plan.run.batch:,} of {people}" if plan.run.batch < plan.people else people
        return f"{plan.copies} copies of the model, {each} each"
    over = f" over {plan.cards} cards" if plan.cards > 1 else ""
    return f"one copy of the model{over}, {people}"


def said_of(plan: Plan) -> dict[str, list[str]]:
    """Return what is written of each part: what it takes, and what it is."""
    short = {term: entry.word for term, entry in SUMMANDS.items()} | {"weight_copies": "copies"}
    lines = {term: [f"{short[term]} {show(size)}", _of(plan, term)] for term, size in plan.memory.items()}
    for what, (low, high) in plan.uncounted.items():
        lines[what] = ["not counted", f"{UNCOUNTED[what]}: {between(low, high)}"]
    if plan.unknown:
        lines["unknown"] = ["activations: ?", "nobody has measured them here"]
    margin = show(abs(plan.fit.margin))
    if not plan.fit:
        where = "of each card" if plan.cards > 1 else "no room on this card"
        return lines | {"over": [f"{margin} over the rim", where]}
    return lines | {"free": [f"{margin} free", f"for the dashed box and {'buffers' if plan.answers else 'the loss'}"]}


def between(low: int, high: int) -> str:
    """Return a range of bytes.

    >>> between(2**29, 2**30), between(0, 2**31)
    ('0.50 to 1.00 GiB', 'up to 2.00 GiB')
    """
    ends = show(low).split(), show(high).split()
    least = ends[0][0] if ends[0][1:] == ends[1][1:] else show(low)
    return f"{least} to {show(high)}" if low else f"up to {show(high)}"


def _of(plan: Plan, term: str) -> str:
    """Say what a term consists of, or who shares it."""
    run, shared = plan.run, shared_by(plan, term)
    if term in ("kv_cache", "activations"):
        texts = f"{run.batch:,} × " if run.batch > 1 else ""
        return f"{texts}{run.context:,} tokens"
    if shared > 1:
        return f"shared by {shared} cards"
    if term == "weights":
        return f"{plan.model.parameters:,} parameters"
    said = {"optimizer": "what it remembers", "gradients": "of all that is trained"}
    return said.get(term, "of the weights, in 16 bits")
