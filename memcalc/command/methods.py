"""A method of training such as DPO, in the words of TRL: what is typed, and the parts that this has on a card."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING

from memcalc import catalogue
from memcalc.command.words import value
from memcalc.errors import InputError, choice, must, shown, whole
from memcalc.formula.glossary import BY_NAME
from memcalc.specs.inference import Inference
from memcalc.specs.training import Training

if TYPE_CHECKING:
    from memcalc.estimate.beside import Together
    from memcalc.estimate.inference import AnyModel
    from memcalc.estimate.part import Part
    from memcalc.specs.gpu import Gpu

NONE, ELSEWHERE = "none", "elsewhere"

OPTIONS = {
    "beta": "GRPO: weight of the KL term, above 0 with a reference (0)",
    "reference": '"none" for no reference on the card: DPO with precompute_ref_log_probs, GRPO with beta 0',
    "generations": "GRPO: completions of a prompt, of which whole groups are written (8)",
    "completion": "GRPO: tokens of the context that are written, which alone get logits [tokens]; left out, all do",
    "rollout": 'who writes completions: "transformers" with the policy itself, "vLLM" on the same card, or "elsewhere"',
    "rollout_batch": "completions that are written at the same time on a card; left out, for GRPO the fewest that are "
    "whole groups and steps, for PPO those of a step",
    "rollout_share": "share of the card that vLLM takes (0.3)",
    "sleep": "what vLLM does when it does not write: 0 nothing, 1 its weights wait in CPU memory, 2 all is dropped (0)",
    "reward_model": "PPO: the model that gives rewards, a name or a path; left out, as large as the policy",
    "value_model": "PPO: the model that is trained to guess them; left out, as large as the policy",
}
"""Option of a method → what it is."""

EXAMPLES = (
    "--method DPO --batch 4",
    "--method GRPO --completion 512 --rollout vLLM --sleep 2",
    "--method PPO --reward-model Llama-3.2-1B --value-model Llama-3.2-1B",
    "--method reward --batch 8",
)
"""What follows a model and a card, with one example for each method."""

_ABOUT = "a batch counts pairs for DPO and reward models, completions for GRPO and PPO; such as"
_ENGINE_ALONE = ("rollout_share", "sleep")


def add(command: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    group = command.add_argument_group("a method, as TRL has it", "\n".join((_ABOUT, *EXAMPLES)))
    meaning = "DPO, GRPO, PPO or reward; left out, each sequence is learned as it stands, as in pretraining and SFT"
    group.add_argument("--method", metavar="…", help=meaning)
    for name, sentence in OPTIONS.items():
        typed = {"type": value} if name not in ("reference", "rollout", "reward_model", "value_model") else {}
        option = f"--{name.replace('_', '-')}"
        group.add_argument(option, dest=name, default=argparse.SUPPRESS, metavar="…", help=sentence, **typed)


def asked(options: argparse.Namespace) -> bool:
    """Return whether a command line names a method; InputError for what only a method has where none is named."""
    said = [name for name in OPTIONS if hasattr(options, name)]
    if getattr(options, "method", None) is None and said:
        raise InputError(f"{_typed(said[0])} must be left out without a method: --method DPO, GRPO, PPO or reward.")
    return getattr(options, "method", None) is not None


def _typed(name: str) -> str:
    return name.replace("_", "-")


@dataclass(frozen=True)
class Asked:
    """A method, and what is said of it.

    Parameters
    ----------
    method : as named in data/beside.csv
    run : how the policy is trained
    said : option → value, of those that the user gave
    """

    method: str
    run: Training
    said: Mapping[str, object]

    def __post_init__(self):
        for name in self.said:
            if name not in self._rows or self._rows[name]["why"]:
                why = self._rows[name]["why"] if name in self._rows else "it has no such choice"
                raise InputError(f"{_typed(name)} must be left out for {self.method}: {why}.")
            if name in _ENGINE_ALONE and not self.engine:
                raise InputError(f"{_typed(name)} is of an engine on the same card: choose it with --rollout vLLM.")

    @cached_property
    def _rows(self) -> dict[str, Mapping[str, str]]:
        rows = catalogue.rows("method_options")
        return {row["option"]: row for row in rows if row["method"] == self.method}

    @property
    def choices(self) -> set[str]:
        """The options that the method has."""
        return {name for name in OPTIONS if name in self._rows and not self._rows[name]["why"]}

    def _of(self, name: str) -> object:
        """Return what is said of an option, else TRL's default; None where it has none, or there is no such option."""
        default = self._rows[name]["default"] if name in self._rows else ""
        return self.said.get(name, value(default) if default else None)

    @cached_property
    def rollout(self) -> str | None:
        """Who writes; None where nothing is written."""
        found = self._of("rollout")
        return found and choice("rollout", found, self._rows["rollout"]["choices"].split("|"), {"server": ELSEWHERE})

    @property
    def engine(self) -> str:
        """The engine that writes on the same card; "" where there is none."""
        return "" if self.rollout in (None, "transformers", ELSEWHERE) else self.rollout

    @cached_property
    def reference(self) -> bool | None:
        """Whether there is a reference, so far as one may choose; None where one may not."""
        beta, typed = self._of("beta"), self.said.get("reference")
        real = isinstance(beta, Real) and not isinstance(beta, bool)
        if beta is not None and not (real and 0 <= beta < math.inf):
            raise must("beta", "a number from 0 on", shown(beta))
        if typed is not None:
            choice("reference", typed, self._rows["reference"]["choices"].split("|"))
        if typed and beta:
            raise must("reference", f"left out with beta {beta:g}, for which there is one", repr(typed))
        return False if typed else None if beta is None else beta > 0

    @cached_property
    def written(self) -> int:
        """How many completions are written at the same time on a card."""
        limit, batch = BY_NAME["batch"].limit, self.run.batch
        group = self._of("generations")
        group = 1 if group is None else whole("generations", group, 2, limit)
        fewest = math.lcm(group, batch * self.run.data_parallel) // self.run.data_parallel
        found = whole("rollout-batch", self.said.get("rollout_batch", min(fewest, limit)), 1, limit)
        if "generations" in self._rows and found % fewest:
            cards = f" on each of {self.run.data_parallel:,} cards" if self.run.data_parallel > 1 else ""
            such = f"whole groups of {group:,} and whole steps of {batch:,}{cards}: a multiple of {fewest:,}"
            raise must("rollout-batch", such, found)
        return found

    @cached_property
    def writing(self) -> Inference | None:
        """How completions are written on this card; None if they are not."""
        if self.rollout in (None, ELSEWHERE):
            return None
        if not self.engine:
            from memcalc.estimate.beside import written_by_itself

            return written_by_itself(self.run, self.written)
        at_once = {"sequences": self.written, "batched_tokens": self._of("rollout_tokens")}
        share = self._of("rollout_share")
        if not isinstance(share, Real) or isinstance(share, bool) or not 0 < share <= 1:
            raise must("rollout-share", "a number above 0 and at most 1, such as 0.3", shown(share))
        # one sequence must have room, and those that do not wait for it
        return Inference(self.run.context, 1, engine=self.engine, utilization=share, **at_once)

    def parts(self, model: AnyModel) -> tuple[Part, ...]:
        """Return the parts that all this has on a card."""
        from memcalc.command.models import meant
        from memcalc.estimate.beside import parts_of

        given = {name: f"{name}_model" for name in ("reward", "value") if f"{name}_model" in self.said}
        models = {name: meant(self.said[option]) for name, option in given.items()}
        without = [*(["reference"] if self.reference is False and "beta" not in self.choices else [])]
        without += ["rollout"] if self.rollout == ELSEWHERE else []
        return parts_of(
            *(self.method, model, self.run, self.writing, self._of("sleep") if self.engine else 0),
            *(["reference"] if self.reference else [], without, models, self.said.get("completion")),
        )

    def short(self, model: AnyModel, gpu: Gpu) -> Fraction | None:
        """Return the share of the card with which the engine would start, in hundredths; None where it does."""
        if not self.engine:
            return None
        from memcalc.estimate.engine import budget
        from memcalc.estimate.questions import fits

        missing = -fits(model, self.writing, gpu).most
        has = budget(model, self.writing, gpu)
        return Fraction(-(-100 * (has + missing) // gpu.capacity), 100) if missing > 0 else None

    def on(self, model: AnyModel, gpu: Gpu) -> Together:
        """Return what all that takes on a card."""
        from memcalc.estimate.beside import together

        return together(*self.parts(model), gpu=gpu)


def of(run: Training, options: argparse.Namespace) -> Asked:
    """Return what a command line says of a method; InputError names the methods that are known, for any other."""
    from memcalc.estimate.beside import rows_of

    said = {name: getattr(options, name) for name in OPTIONS if hasattr(options, name)}
    return Asked(rows_of(options.method)[0]["method"], run, said)
