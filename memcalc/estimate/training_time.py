"""Training takes time: how long cards need for a step and for so many tokens, and what that draws and costs."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from numbers import Real

from memcalc import catalogue
from memcalc.errors import InputError, instance, must, shown, whole
from memcalc.estimate import adapters
from memcalc.estimate.degrees import check_degrees
from memcalc.estimate.terms import values
from memcalc.formula import training_time as formula
from memcalc.formula.choices import Recompute
from memcalc.formula.formats import HALF, Format
from memcalc.formula.symbols import BY_NAME, symbol, symbols
from memcalc.formula.term import Term, Values
from memcalc.specs.gpu import Gpu
from memcalc.specs.model import Model, NominalModel
from memcalc.specs.training import Training


@dataclass(frozen=True)
class TrainingTime:
    """How long a training takes, and what follows; None for what was not asked, or is not known.

    Parameters
    ----------
    operations : arithmetic operations of a step, of all cards together
    seconds : time of a step
    tokens_per_second : of all cards together
    model_utilization : the share of the peak without what is computed again, which papers call MFU
    cards : how many train together
    days : time for all tokens
    kilowatt_hours : what the cards draw in that time, at most
    dollars : what the cards cost in that time
    """

    operations: int
    seconds: float
    tokens_per_second: float
    model_utilization: float
    cards: int
    days: float | None = None
    kilowatt_hours: float | None = None
    dollars: float | None = None

    @property
    def card_hours(self) -> float | None:
        """The hours of all cards, added up."""
        return None if self.days is None else self.days * 24 * self.cards


def training_time(
    model: Model | NominalModel,
    run: Training,
    gpu: Gpu,
    tokens: int | None = None,
    *,
    utilization: float | Fraction = 1,
    peak_tflops: float | Fraction | None = None,
    card_price: float | Fraction | None = None,
    every_pair: bool = False,
) -> TrainingTime:
    """Return how long a training takes: at a utilization of 1, a bound that nobody passes.

    Parameters
    ----------
    model : from `Model.named`, `Model.from_config` or `Model.nominal`
    run : how it is trained, on how many cards
    gpu : the card, whose peak in 16 bits and whose power are taken
    tokens : on how many the model is trained, each as often as it is read [tokens]
    utilization : the share of the peak that operations reach, those that are computed again included (HFU in papers)
    peak_tflops : what the card can do, instead of what is known of it [10¹² operations/s]
    card_price : what an hour of a card costs [US dollars]
    every_pair : whether attention also computes the pairs that the causal mask hides, as most published counts have it

    Raises InputError for impossible numbers, a card of which no peak is known, and what would have no effect.
    Source: the terms of `formula.training_time`.

    >>> run, gpu = Training(data_parallel=1024, recompute="full"), Gpu.named("A100 80 GB")
    >>> found = training_time(Model.nominal(175 * 10**9), run, gpu, 300 * 10**9, utilization=140 / 312)
    >>> round(found.days), found.cards
    (34, 1024)
    """
    _check(model, run, gpu, every_pair)
    if card_price is not None and tokens is None:
        raise must("tokens", "given with card_price, which is paid for as long as they take", None)
    on_other_sequences = {_N_D: run.data_parallel * run.expert_parallel, _N_EP: 1, _S: run.context}
    card = {_PEAK: _arithmetic(run, gpu, peak_tflops), _REACHED: _share(utilization)}
    known = values(model, run) | on_other_sequences | card
    done, needed = (_operations(model, run, again, every_pair) for again in (run.recompute, Recompute.NONE))
    operations, least = done.exact(known), needed.exact(known)
    known |= {done.symbol: operations}
    seconds = formula.step_time.value(known)
    return TrainingTime(
        operations,
        float(seconds),
        float(_number(formula.step_tokens, known) / seconds),
        float(known[_REACHED] * least / operations),
        _number(formula.cards, known),
        *(_of_all(known, gpu, tokens, card_price) if tokens is not None else ()),
    )


_PEAK, _REACHED, _N_D, _N_EP, _S = symbols("arithmetic hardware_utilization data_parallel expert_parallel context")
_MOST = BY_NAME["card_price"].limit
_DAY = 24 * 3600  # seconds


def usual_utilization() -> tuple[Fraction, Fraction]:
    """Return the lowest and the highest utilization that is published of a large training, in data/utilizations.csv.

    >>> tuple(map(float, usual_utilization()))
    (0.2859, 0.578)
    """
    found = [Fraction(row["percent"]) / 100 for row in catalogue.rows("utilizations")]
    return min(found), max(found)


def _of_all(known: Values, gpu: Gpu, tokens: int, price: object) -> tuple[float | None, ...]:
    """Return days, kilowatt hours and US dollars for all tokens."""
    known = known | {symbol("trained_tokens"): whole("tokens", tokens, 1, BY_NAME["trained_tokens"].limit)}
    seconds = formula.training_time.value(known)
    known |= {formula.training_time.symbol: seconds}
    power = None if gpu.board_watts is None else {symbol("board_power"): gpu.board_watts}
    paid = None if price is None else {symbol("card_price"): _positive("card_price", price)}
    costs = ((formula.training_energy, power), (formula.training_price, paid))
    return float(seconds / _DAY), *(None if own is None else float(term.value(known | own)) for term, own in costs)


def _check(model: object, run: object, gpu: object, every_pair: object) -> None:
    instance("model", model, Model, NominalModel)
    instance("run", run, Training)
    instance("gpu", gpu, Gpu)
    instance("every_pair", every_pair, bool)
    if run.frozen:
        raise must("frozen", "0 for the time of a training, which is known if all or adapters are trained", run.frozen)


def _operations(model: Model | NominalModel, run: Training, recompute: str, every_pair: bool) -> Term:
    if isinstance(model, NominalModel):
        run.refuse_without_architecture(lora_rank=0)
        for name, value, alone in (("recompute", recompute, Recompute.SELECTIVE), ("every_pair", every_pair, True)):
            if value == alone:
                raise InputError(f"{name} must not be {value} for a size without architecture: attention is not known.")
        return formula.operations_of_a_size(recompute)
    check_degrees(model, run)
    if run.lora_rank:
        adapters.check(model, run)
    return formula.operations_of(model.structure, recompute, run.lora_targets if run.lora_rank else "", every_pair)


def _arithmetic(run: Training, gpu: Gpu, peak: object) -> int | Fraction:
    """Return how fast a card multiplies the matrices of the run, at its peak [operations/s]."""
    if peak is not None:
        return _positive("peak_tflops", peak) * 10**12
    if run.lora_rank and 8 <= Format.named(run.base_weights).bits < 8 * HALF:
        why = "whose matrices may be multiplied in 8 bits, faster than in 16"
        raise InputError(f"peak_tflops must be given with base_weights {run.base_weights}, {why}.")
    if not gpu.bf16_tflops:
        why = "of which nobody has said how fast it multiplies 16-bit matrices"
        raise InputError(f"peak_tflops must be given [10¹² operations/s] with gpu {gpu.name}, {why}.")
    return gpu.values[_PEAK]


def _share(utilization: object) -> Fraction:
    found = _real(utilization)
    if found is None or not 0 < found <= 1:
        low, high = (f"{float(end):.2f}" for end in usual_utilization())
        raise must("utilization", f"above 0 and at most 1; published runs reach {low} to {high}", shown(utilization))
    return found


def _positive(field: str, value: object) -> Fraction:
    found = _real(value)
    if found is None or not 0 < found <= _MOST:
        raise must(field, f"a positive number up to {_MOST:,}", shown(value))
    return found


def _real(value: object) -> Fraction | None:
    if not isinstance(value, Real) or isinstance(value, bool) or value != value or abs(value) == float("inf"):
        return None
    return Fraction(value) if isinstance(value, Fraction | int) else Fraction(repr(float(value)))


def _number(expr: object, known: Values) -> int:
    return int(expr.xreplace(dict(known)))
