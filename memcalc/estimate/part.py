"""One of several runs on the same card: what it takes while it works, and what it leaves there while others do."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from memcalc.errors import InputError, choice, instance, must, shown, whole
from memcalc.estimate.engine import budget
from memcalc.estimate.inference import AnyModel
from memcalc.estimate.peak import At, Peak, kinds_of, lasting, peak
from memcalc.estimate.questions import fits
from memcalc.estimate.states import stepping
from memcalc.estimate.terms import breakdown, values
from memcalc.formula.choices import Budget, Logits, Losses
from memcalc.formula.moments import Moment
from memcalc.formula.symbols import BY_NAME, symbol
from memcalc.formula.term import Values
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model, NominalModel
from memcalc.specs.training import Training
from memcalc.specs.weighed import WeighedModel

PHASES = {
    "rollout": "completions are written",
    "scoring": "models score what was written",
    "loss": "a model scores while the forward pass of the step is kept",
    "step": "the step is at its highest moment",
}
"""When a part works → what happens then, as it follows "when"; in the order of a round."""

_MOVING = ("activations", "weight_copies", "passing", "gathered", "step_temporaries")
"""Terms of a step of which nothing is left behind it."""

OF_ADAPTERS = ("lora_rank", "lora_targets", "lora_dropout", "dora", "adapters", "base_weights", "kbit_preparation")
"""Fields of a training run that adapters alone have."""


@dataclass(frozen=True)
class Part:
    """One of several runs on the same card.

    Parameters
    ----------
    name : what it is called, such as "reference"
    model, run : a model and how it is trained, or how it scores or writes
    phase : when it works, a word of `PHASES`; "" for "step" if it trains, "rollout" if its engine has a pool, else
        "scoring"
    sleep : what is done with it in the other phases: 0 nothing; 1 its weights wait in CPU memory, and a pool is given
        back; 2 the weights are dropped too, which an engine alone can do
    uses : the name of the part whose weights it uses; "" if it has its own
    score : whether a row of one number stands in the place of the output head
    logits : tokens of each sequence that get logits; None if all do
    rows : of the policy's logits, of which so many give their entropy at once while this model's are there; 0 if none
    sharing : a run whose cards share these weights out too, as ZeRO stage 3 and FSDP do; None if each has all
    beside : what it takes too and is not known, in words; "" if there is nothing
    turns : whether it works when all others of its phase are done that take turns too, or before they begin

    Raises InputError for a run of another kind, and for choices that contradict each other.

    >>> Part("reference", Model.named("Llama-3.1-8B"), Inference()).phase
    'scoring'
    """

    name: str
    model: AnyModel
    run: Inference | Training
    phase: str = ""
    sleep: int = 0
    uses: str = ""
    score: bool = False
    logits: int | None = None
    rows: int = 0
    sharing: Training | None = None
    beside: str = ""
    turns: bool = False

    def __post_init__(self):
        for name, kind in (("name", str), ("uses", str), ("beside", str), ("score", bool), ("turns", bool)):
            instance(name, getattr(self, name), kind)
        whole("rows", self.rows, 0, BY_NAME["context"].limit)
        instance(f"model of {self.name!r}", self.model, Model, NominalModel, WeighedModel)
        instance(f"run of {self.name!r}", self.run, Inference, Training)
        usual = "step" if self.trains else "rollout" if self.pooled else "scoring"
        object.__setattr__(self, "phase", choice("phase", self.phase or usual, PHASES))
        if self.trains != (self.phase == "step"):
            raise must("phase", f"{'step' if self.trains else 'another than step'} for {self.name!r}", self.phase)
        levels = (0,) if self.trains or self.uses else (0, 1, 2) if self.pooled else (0, 1)
        if type(self.sleep) is not int or self.sleep not in levels:
            raise must("sleep", f"{' or '.join(map(str, levels))} for {self.name!r}", shown(self.sleep))
        if self.logits is not None:
            whole(f"logits of {self.name!r}", self.logits, 1, self.run.context)
        self._check_weights()

    def _check_weights(self) -> None:
        if self.logits is not None and self.trains and self.run.loss == Losses.FUSED_LINEAR:
            raise must("logits", f"None for {self.name!r}, whose loss keeps none", self.logits)
        if self.uses and (self.trains or self.pooled):
            raise must("uses", f"empty for {self.name!r}, which has weights of its own", repr(self.uses))
        if self.trains and self.turns:
            raise must("turns", f"False for {self.name!r}, whose step others may share", True)
        if self.sharing is not None:
            instance("sharing", self.sharing, Training)
        if self.sharing and (self.trains or self.pooled or not (self.uses or self.run.weights in SHARED)):
            such = f"frozen weights in {', '.join(SHARED)} alone can have it"
            raise must("sharing", f"None for {self.name!r}: {such}", "a run")

    @property
    def trains(self) -> bool:
        """Whether its weights change."""
        return isinstance(self.run, Training)

    @property
    def pooled(self) -> bool:
        """Whether its engine takes a share of the card for a pool."""
        return not self.trains and self.run.reserving.budget != Budget.NONE

    @cached_property
    def memory(self) -> dict[str, int]:
        """The terms of a run that writes or scores [bytes]; without a cache where it scores, for it reads once."""
        model = _headless(self.model) if self.score else self.model
        found = breakdown(model, self.run)
        if self.phase != "rollout":
            found.pop("kv_cache", None)
        return found | (_shared(model, self) if self.sharing else {})

    @cached_property
    def peak(self) -> Peak:
        """The step of a run that trains."""
        return peak(self.model, self.run) if self.logits is None and not self.score else _thinned(self)

    def resting(self) -> dict[str, int]:
        """Return what stays on the card while others work [bytes]."""
        if self.trains:
            every = [at for at in self.peak.moments.values() if at.moment != "step"] or [self.peak]
            names = (name for name in self.peak.moments["step"].parts if name not in _MOVING)
            there = {name: min(at.parts.get(name, 0) for at in every) for name in names}
            return there if lasting(self.run) else there | {"gradients": 0}
        return {} if self.sleep or self.uses else {name: size for name, size in self.memory.items() if name in _LYING}

    def working(self, gpu: Gpu | None, raised: bool) -> dict[str, int]:
        """Return what it takes in its own phase [bytes]; `raised` as in `formula.loss.scored`."""
        if self.trains:
            return dict(self.peak.parts)
        if self.pooled:
            return {"engine": _engine(self, gpu)}
        found = {name: size for name, size in self.memory.items() if not (self.uses and name in _LYING)}
        if self.uses and self.sharing and self.phase == "rollout":  # whoever writes needs them all, token by token
            found["gathered"] = breakdown(self.model, self.run)["weights"]
        if self.scores_tokens:
            from memcalc.formula.loss import scored  # here: SymPy builds it

            known = values(self.model, self.run) | {symbol("context"): self.logits or self.run.context}
            found["activations"] = max(found["activations"], scored(raised, self.rows).exact(known))
        return found

    @property
    def scores_tokens(self) -> bool:
        """Whether log-probabilities of tokens are taken, as far as their memory is known."""
        asked = self.run.logits == Logits.ALL or self.logits is not None
        return asked and "activations" in self.memory and self.phase != "rollout" and not self.score

    def kept(self) -> dict[str, int]:
        """Return what is there of a step while its forward pass is kept [bytes]."""
        found = self.peak.moments.get("forward")
        return {**found.parts, "passing": 0} if found else self.resting()

    @property
    def unknown(self) -> Iterator[str]:
        """What it takes too, and nobody knows, in words."""
        if self.beside:
            yield self.beside
        if self.trains and self.peak.unknown:
            yield f"{self.peak.unknown} of {self.name}"
        elif self.pooled and self.sleep:
            yield f"what {self.run.engine} keeps while it sleeps, such as its graphs"
        elif not (self.trains or self.pooled) and "activations" not in self.memory:
            yield f"the working memory of {self.name}"


_LYING = ("weights", "adapter_memory", "towers", "draft", "draft_model_weights", "overhead")
"""Terms of a run that writes or scores which are there while it does nothing."""


def _engine(part: Part, gpu: Gpu | None) -> int:
    """Return what an engine with a pool takes of a card: its share, or more if that is too little for it."""
    if gpu is None:
        raise InputError(f"gpu must be given with {part.name!r}, for {part.run.engine} takes a share of it.")
    return budget(part.model, part.run, gpu) + max(0, -fits(part.model, part.run, gpu).most)


SHARED = {"FP16": "bf16", "BF16": "bf16", "FP32": "fp32"}
"""Format of frozen weights that cards can share out → the recipe with weights as large."""


def _shared(model: AnyModel, part: Part) -> dict[str, int]:
    """Return a card's share of frozen weights, and those that are gathered at once while they work."""
    plain = {name: getattr(Training, name) for name in OF_ADAPTERS}
    if part.sharing.stage != 3:
        raise must("sharing", "a run in which several cards share the weights out", "one in which each has all")
    there = peak(model, replace(part.sharing, recipe=SHARED.get(part.run.weights, "bf16"), **plain)).moments
    parts = there.get("gather", there["step"]).parts
    return {"weights": parts["weights"], "gathered": parts.get("gathered", 0)}


def _headless(model: AnyModel) -> AnyModel:
    """Return the model without an output head of its own; a row of one number is left out."""
    return replace(model, embedding_tables=1) if isinstance(model, Model) else model


def _thinned(part: Part) -> Peak:
    """Return a step in which fewer tokens get logits, or none do.

    What layers do is the same; what is there of logits grows with the vocabulary, and by it alone they are told apart.
    """
    model, run = _headless(part.model) if part.score else part.model, part.run
    known, found = values(model, run), {}
    share = Fraction(0 if part.score else min(part.logits, run.context), run.context)
    for moment, at in kinds_of(model, run):
        if part.score and at.moment == "backward":
            at = replace(at, parts={**at.parts, **_headless_way_back(part.model, run, moment, at)})
        if not (moment.layer or _ends(at) or at.moment in ("gather", "step")):
            at = replace(at, parts={**at.parts, **_fewer(moment, at, known, share)})
        if at.moment not in found or found[at.moment].bytes < at.bytes:
            found[at.moment] = at
    top = max(found.values(), key=lambda at: at.bytes)
    return Peak(top.moment, top.name, top.parts, found, peak(part.model, run).unknown)


def _ends(at: At) -> bool:
    """Return whether the embedding has its gradient, the last of all."""
    return at.moment == "backward" and "activations" not in at.parts


def _headless_way_back(model: Model, run: Training, moment: Moment, at: At) -> dict[str, int]:
    """Return what differs on the way back where no head has a gradient: an embedding that is tied to one has both."""
    known, whole = values(model, run), stepping(_headless(model), run)[0]
    if run.lora_rank:
        return {}
    if _ends(at):
        untied = kinds_of(replace(model, embedding_tables=2), run)
        return {"passing": next(one.parts["passing"] for _, one in untied if _ends(one))}
    table = known[symbol("bytes_per_gradient")] * known[symbol("vocabulary")] * known[symbol("hidden")]
    lasting = at.parts["gradients"] == whole.exact(values(_headless(model), run))
    return {} if lasting or not moment.layer else {"gradients": max(0, at.parts["gradients"] - int(table))}


def _fewer(moment: Moment, at: At, known: Values, share: Fraction) -> dict[str, int]:
    """Return what is left of what a moment keeps, of logits only a share."""
    vocabulary = symbol("vocabulary")
    if vocabulary not in known:
        return {}
    more = {**known, vocabulary: known[vocabulary] + 1}
    moving = [term for term in moment.parts if term.name in ("activations", "passing")]
    slopes = {term.name: term.exact(more) - term.exact(known) for term in moving}
    gone = known[vocabulary] * (1 - share)
    return {name: at.parts[name] - math.floor(slope * gone) for name, slope in slopes.items()}
