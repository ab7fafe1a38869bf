"""What is written beside the cards of a plan: what each part takes, who shares it, and what nobody counts."""

from memcalc.explorers.plan.run import UNCOUNTED, Plan, shared_by
from memcalc.formula.symbols import SUMMANDS
from memcalc.texts import later, tr, tr_many
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
        return tr("the model and all its states")
    return tr(_AT_STAGE[plan.run.stage], cards=plan.cards)


_AT_STAGE = (
    later("the model and all its states, whole on each card"),
    later("the optimizer shared by {cards}, the rest whole on each"),
    later("the weights whole on each card, the rest shared by {cards}"),
    later("the model and all its states, shared by {cards}"),
)


def _service(plan: Plan) -> str:
    people, most = tr_many("one person", "{count:,} people", plan.people), plan.run.batch
    if plan.copies > 1 and most < plan.people:
        said = later("{copies} copies of the model, up to {most:,} of {people} each")
        return tr(said, copies=plan.copies, most=most, people=people)
    if plan.copies > 1:
        return tr("{copies} copies of the model, {people} each", copies=plan.copies, people=people)
    if plan.cards > 1:
        return tr("one copy of the model over {cards} cards, {people}", cards=plan.cards, people=people)
    return tr("one copy of the model, {people}", people=people)


def said_of(plan: Plan) -> dict[str, list[str]]:
    """Return what is written of each part: what it takes, and what it is."""
    short = {term: tr(entry.word) for term, entry in SUMMANDS.items()} | {"weight_copies": tr("copies")}
    lines = {term: [f"{short[term]} {show(size)}", _of(plan, term)] for term, size in plan.memory.items()}
    for what, (low, high) in plan.uncounted.items():
        lines[what] = [tr("not counted"), f"{tr(UNCOUNTED[what])}: {between(low, high)}"]
    if plan.unknown:
        lines["unknown"] = [tr("activations: ?"), tr("nobody has measured them here")]
    margin = show(abs(plan.fit.margin))
    if not plan.fit:
        where = tr("of each card") if plan.cards > 1 else tr("no room on this card")
        return lines | {"over": [tr("{size} over the rim", size=margin), where]}
    buffers, loss = later("for the dashed box and buffers"), later("for the dashed box and the loss")
    return lines | {"free": [tr("{size} free", size=margin), tr(buffers if plan.answers else loss)]}


def between(low: int, high: int) -> str:
    """Return a range of bytes.

    >>> between(2**29, 2**30), between(0, 2**31)
    ('0.50 to 1.00 GiB', 'up to 2.00 GiB')
    """
    ends = show(low).split(), show(high).split()
    least = ends[0][0] if ends[0][1:] == ends[1][1:] else show(low)
    return tr("{low} to {high}", low=least, high=show(high)) if low else tr("up to {high}", high=show(high))


def _of(plan: Plan, term: str) -> str:
    """Say what a term consists of, or who shares it."""
    run, shared = plan.run, shared_by(plan, term)
    if term in ("kv_cache", "activations"):
        said = later("{texts:,} × {tokens:,} tokens") if run.batch > 1 else later("{tokens:,} tokens")
        return tr(said, texts=run.batch, tokens=run.context)
    if shared > 1:
        return tr("shared by {cards} cards", cards=shared)
    if term == "weights":
        return tr("{count:,} parameters", count=plan.model.parameters)
    return tr(_WHOLE.get(term, later("of the weights, in 16 bits")))


_WHOLE = {"optimizer": later("what it remembers"), "gradients": later("of all that is trained")}
