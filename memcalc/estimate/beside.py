"""What runs beside a training run on the same card: several runs added up by phase, and the parts that methods have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from memcalc import catalogue
from memcalc.errors import InputError, choice, instance, must, shown, whole
from memcalc.estimate.inference import AnyModel
from memcalc.estimate.part import OF_ADAPTERS, PHASES, SHARED, Part
from memcalc.estimate.peak import At
from memcalc.estimate.questions import Fit
from memcalc.estimate.terms import breakdown
from memcalc.formula.choices import Accounting, Budget, Logits, Losses
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model, NominalModel
from memcalc.specs.run import PARALLEL
from memcalc.specs.training import Training

MOST = 8
"""Parts that can be added up."""

_LOSSES = (Losses.PLAIN, Losses.FUSED_LINEAR, Losses.LOG_PROBABILITIES, Losses.LOG_PROBABILITIES_16)
"""Losses that the methods can have: TRL's own, and Liger's."""


@dataclass(frozen=True)
class Together(At):
    """Several runs on one card at their highest phase; a part is named "reference weights".

    Parameters
    ----------
    phases : phase → what lies there, of those in which some part works
    cpu : what waits in CPU memory at most, for each card [bytes]
    capacity : what a program can use of the card [bytes]; None without a card
    unknown : what is there too and nobody knows, in words; "" if there is nothing
    """

    phases: Mapping[str, At] = field(default_factory=dict)
    cpu: int = 0
    capacity: int | None = None
    unknown: str = ""

    @property
    def fit(self) -> Fit:
        """The verdict, as `fits` gives it; InputError without a card."""
        if self.capacity is None:
            raise InputError("gpu must be given for a verdict.")
        return Fit(self.bytes, self.capacity, unknown=self.unknown)


def together(*parts: Part | tuple, gpu: Gpu | None = None) -> Together:
    """Return what several runs take on one card, phase by phase: a part at work beside what the others leave there.

    Parameters
    ----------
    parts : each a `Part`, or its name, model and run and perhaps the rest of what a `Part` has, in this order
    gpu : the card, of which an engine with a pool takes a share

    Parts of one phase are each counted at their highest; of those that take turns, the one that adds most.
    Training states are there from the second step on.
    Raises InputError for more than `MOST` parts, a name that two have, and weights used of no part or of another model.
    Source: trl2026, trl/trainer; vllm2026, v1/worker/gpu_worker.py, sleep.

    >>> from memcalc import peak
    >>> policy = Model.named("Llama-3.2-1B"), Training(context=1024, batch=2, recipe="bf16")
    >>> found = together(("policy", *policy), ("reference", policy[0], Inference()))
    >>> found.moment, found.bytes - peak(*policy).bytes
    ('step', 2471628800)
    """
    parts = _checked(parts)
    if gpu is not None:
        instance("gpu", gpu, Gpu)
    raised = not any(part.run.zero for part in parts if part.trains)
    phases = {}
    for phase in PHASES:
        if any(part.phase == phase for part in parts):
            every = _there(parts, phase, gpu, raised)
            there = {(name, term): size for name, terms in every.items() for term, size in terms.items()}
            phases[phase] = At(phase, PHASES[phase], {" ".join(key): size for key, size in there.items() if size})
    top = max(phases.values(), key=lambda at: at.bytes)
    said = dict.fromkeys(words for part in parts for words in part.unknown)
    asleep = sum(part.memory["weights"] for part in parts if part.sleep == 1)
    return Together(
        *(top.moment, top.name, top.parts, phases, asleep),
        *(gpu.capacity if gpu else None, " and ".join(said)),
    )


def _there(parts: list[Part], phase: str, gpu: Gpu | None, raised: bool) -> dict[str, dict[str, int]]:
    """Return what each part has in a phase; of those that take turns, all rest but the one that adds most."""
    found = {part.name: _in(part, phase, gpu, raised) for part in parts}
    rest = {part.name: part.resting() for part in parts if part.turns and part.phase == phase}
    most = max(rest, key=lambda name: sum(found[name].values()) - sum(rest[name].values()), default="")
    return found | {name: there for name, there in rest.items() if name != most}


def _in(part: Part, phase: str, gpu: Gpu | None, raised: bool) -> dict[str, int]:
    if part.phase == phase:
        return part.working(gpu, raised)
    if part.pooled and not part.sleep:
        return part.working(gpu, raised)
    return part.kept() if part.trains and phase == "loss" else part.resting()


def _checked(parts: tuple) -> list[Part]:
    if not 1 <= len(parts) <= MOST:
        raise must("parts", f"1 to {MOST} runs", len(parts))
    found = []
    for part in parts:
        if not isinstance(part, Part):
            if not isinstance(part, tuple) or not 3 <= len(part) <= len(Part.__dataclass_fields__):
                raise must("part", "a Part, or a tuple of a name, a model and a run", shown(part))
            part = Part(*part)
        if part.name in (one.name for one in found):
            raise must("name", "another one for each part", repr(part.name))
        found.append(part)
    named = {part.name: part for part in found}
    for part in found:
        if part.uses:
            _check_use(part, named)
    return found


def _check_use(part: Part, named: Mapping[str, Part]) -> None:
    owners = [name for name, one in named.items() if not (one.uses or one.sleep or one.pooled)]
    owner = named[choice(f"uses of {part.name!r}", part.uses, owners)]
    if owner.model != part.model:
        why = f"{owner.model.name} as that of {owner.name!r}, whose weights it uses"
        raise must(f"model of {part.name!r}", why, part.model.name)


def parts_of(
    method: str,
    model: Model | NominalModel,
    run: Training,
    rollout: Inference | None = None,
    sleep: int = 0,
    also: Collection[str] = (),
    without: Collection[str] = (),
    models: Mapping[str, AnyModel] | None = None,
    completion: int | None = None,
) -> tuple[Part, ...]:
    """Return the parts that a method of training has on each card, for `together`.

    Parameters
    ----------
    method : as named in data/beside.csv, such as "DPO"; the code is TRL's
    model, run : the policy and its training; a batch counts what the method draws: pairs for DPO and reward models
    rollout : how completions are written on the same card: with an engine of its own, or by the policy itself
    sleep : what the engine does with its memory while it does not write, as in `Part`
    also : parts that the method has if asked, such as "reference" for GRPO with beta above 0
    without : parts that are left out, such as "reference" for DPO with precompute_ref_log_probs
    models : models of other parts, by name; those of the policy where nothing is said
    completion : tokens of the context that are written, which alone get logits in GRPO; None counts logits for all

    With adapters the reference is the policy's own model with its adapters off: there is no second one.
    Raises InputError for a method or part that is not known, and for what a part refuses.
    Source: data/beside.csv, row by row.

    >>> run = Training(context=1024, batch=2, recipe="bf16")
    >>> [(part.name, part.run.batch) for part in parts_of("DPO", Model.named("Llama-3.2-1B"), run)]
    [('policy', 4), ('reference', 4)]
    """
    instance("model", model, Model, NominalModel)
    instance("run", run, Training)
    rows = rows_of(method)
    known = [row["part"] for row in rows]
    _check_rollout(rollout, sleep, rows)
    given = {choice("model of", part, known): other for part, other in (models or {}).items()}
    asked = _names("also", also, [row["part"] for row in rows if row["present"] == "if asked"])
    gone = _names("without", without, [part for part in known if part != "policy"])
    _check_code(rows, run, gone)
    rows = [row for row in rows if row["part"] not in gone and _present(row, rollout, asked)]
    found = [_part(row, given.get(row["part"], model), run, rollout, sleep) for row in rows]
    if completion is not None:
        found = _written(found, rows, run, completion)
    if rollout is None and "rollout" in set(known) - gone:
        said = " and ".join(filter(None, (found[0].beside, "the cache of what the policy writes")))
        found[0] = replace(found[0], beside=said)
    return tuple(found)


def _check_code(rows: list[Mapping[str, str]], run: Training, gone: Collection[str]) -> None:
    """Raise InputError for what TRL's trainers do not do: dividing a model, Megatron's layers, Liger's loss of one."""
    method = rows[0]["method"]
    for degree in (*PARALLEL, "context_parallel"):
        if getattr(run, degree) > 1:
            raise must(degree, f"1 for {method}, where zero or sharding share the model out", getattr(run, degree))
    if run.activations == Accounting.MEGATRON:
        raise must("activations", f"transformers or none for {method}, whose code is TRL's", repr(str(run.activations)))
    if run.loss == Losses.FUSED_LINEAR and any(row["part"] in gone and row["phase"] == "loss" for row in rows):
        such = f"another for {method} without a reference, which Liger's needs"
        raise must("loss", such, repr(str(run.loss)))


def _check_rollout(rollout: Inference | None, sleep: int, rows: list[Mapping[str, str]]) -> None:
    if rollout is not None:
        instance("rollout", rollout, Inference)
    if rollout is None and sleep:
        raise must("sleep", "0 without an engine for the rollout", shown(sleep))
    if rollout is not None and "rollout" not in [row["part"] for row in rows]:
        raise must("rollout", f"None for {rows[0]['method']}, where nothing is written", "a run")


def _written(parts: list[Part], rows: list[Mapping[str, str]], run: Training, completion: int) -> list[Part]:
    """Return the parts with logits for what is written alone, and for the token before it."""
    count = min(whole("completion", completion, 1, run.context) + 1, run.context)
    chunked = run.loss == Losses.FUSED_LINEAR
    written = {row["part"] for row in rows if row["completions"] == "yes"} - ({"policy"} if chunked else set())
    if not written:
        why = "Liger's loss, which keeps no logits" if chunked else rows[0]["method"]
        raise must("completion", f"None for {why}", completion)
    return [_thinned(part, count) if part.name in written else part for part in parts]


def _thinned(part: Part, count: int) -> Part:
    run = replace(part.run, logits=Logits.LAST) if isinstance(part.run, Inference) else part.run
    return replace(part, run=run, logits=count)


def rows_of(method: str) -> list[Mapping[str, str]]:
    """Return the rows of data/beside.csv for a method, one a part; InputError names those that are known."""
    every = catalogue.rows("beside")
    aliases = {alias: row["method"] for row in every for alias in filter(None, row["aliases"].split("|"))}
    name = choice("method", method, dict.fromkeys(row["method"] for row in every), aliases)
    return [row for row in every if row["method"] == name]


def _names(field: str, parts: Collection[str], known: list[str]) -> set[str]:
    return {choice(field, part, known) for part in ([parts] if isinstance(parts, str) else parts)}


def _present(row: Mapping[str, str], rollout: Inference | None, asked: Collection[str]) -> bool:
    engine = rollout is not None and rollout.reserving.budget != Budget.NONE
    there = {"yes": True, "with a rollout": rollout is not None, "with an engine": engine}
    return there.get(row["present"], False) or row["part"] in asked


def _part(row: Mapping[str, str], model: AnyModel, run: Training, rollout: Inference | None, sleep: int) -> Part:
    same = row["weights"] == "policy" or (row["weights"] == "policy if adapters" and run.lora_rank > 0)
    said = {"phase": row["phase"], "uses": "policy" if same else "", "score": row["head"] == "score"}
    batch = (rollout.batch if rollout and row["batch"] == "rollout" else run.batch) * int(row["sequences"])
    if row["trained"] == "yes":
        chunks = row["chunks"] if run.loss == Losses.FUSED_LINEAR else ""
        unknown = " and ".join(filter(None, (row["unknown"], chunks)))
        return Part(row["part"], model, _trained(row, run, batch), **said, beside=unknown)
    if row["part"] == "rollout":
        return _writing(row, model, run, rollout, sleep)
    chunked = run.loss == Losses.FUSED_LINEAR and row["phase"] == "loss"
    scoring = _scoring(model, run, batch, said["score"] or chunked, same)
    sharing = run if run.stage == 3 and scoring.weights in SHARED else None
    said |= {"rows": int(row["rows"]), "turns": row["phase"] == "scoring"}
    return Part(row["part"], model, scoring, **said, sharing=sharing, beside=row["unknown"])


def _trained(row: Mapping[str, str], run: Training, batch: int) -> Training:
    """Return how a part is trained: a value model whole, whatever is done with the policy."""
    if row["part"] == "policy":
        _check_loss(row, run)
    own = {} if row["part"] == "policy" else {name: getattr(Training, name) for name in OF_ADAPTERS}
    loss = run.loss if row["head"] == "logits" else Losses.PLAIN
    if loss == Losses.PLAIN and row["head"] == "logits":
        in_16_bits = run.zero and run.recipe not in ("fp32", "autocast")
        loss = Losses.LOG_PROBABILITIES_16 if in_16_bits else Losses.LOG_PROBABILITIES
    return replace(run, batch=batch, loss=loss, **own)


def _check_loss(row: Mapping[str, str], run: Training) -> None:
    known = [loss for loss in _LOSSES if row["chunks"] or loss != Losses.FUSED_LINEAR]
    if row["head"] == "score":
        known = [Losses.PLAIN]
    if run.loss not in known:
        raise must("loss", f"{'one of ' * (len(known) > 1)}{', '.join(known)} for {row['method']}", repr(str(run.loss)))


def _scoring(model: AnyModel, run: Training, batch: int, bare: bool, same: bool) -> Inference:
    """Return how a part scores: in the policy's format, and without working memory where nobody has measured it."""
    weights = _weights(run, same)
    logits = Logits.LAST if bare else Logits.ALL
    scoring = Inference(run.context, batch, weights=weights)
    try:
        read = replace(scoring, prefill="whole", logits=logits)
        breakdown(model, read)
    except InputError:
        return scoring
    return read


def _weights(run: Training, same: bool) -> str:
    """Return the format of frozen weights: that under adapters where they are the policy's, else that of the policy."""
    return run.base_weights if same and run.lora_rank else "FP32" if run.recipe in ("fp32", "autocast") else "BF16"


def written_by_itself(run: Training, batch: int) -> Inference:
    """Return how a policy writes with Transformers: so many sequences at once, in the formats of its training.

    >>> written_by_itself(Training(recipe="bf16"), 8).kv_cache
    'BF16'
    """
    weights = _weights(run, same=True)
    cache = "FP32" if weights == "FP32" and not run.autocast else "BF16"
    return Inference(run.context, batch, weights, cache, engine="transformers")


def _writing(row: Mapping[str, str], model: AnyModel, run: Training, rollout: Inference, sleep: int) -> Part:
    """Return the part that writes: an engine, or the policy, which gathers all its weights where cards share them."""
    if rollout.reserving.budget != Budget.NONE:
        return Part("rollout", model, rollout, "rollout", sleep)
    sharing = run if run.stage == 3 else None
    return Part("rollout", model, rollout, "rollout", sleep, "policy", sharing=sharing, beside=row["unknown"])
