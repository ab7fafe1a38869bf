"""The models on which training was measured, and runs to draw from."""

import json

from hypothesis import strategies as st

from measured import rows
from memcalc import catalogue
from memcalc.estimate import training
from memcalc.specs.model import Model
from memcalc.specs.training import Training


def small(name):
    """A model of measured_models.csv."""
    row = next(row for row in rows("models") if row["name"] == name)
    return Model(name=name, **json.loads(row["counts"]))


def memory(model, run, place="gpu"):
    """The bytes of each term, and of each of its parts."""
    known, named = model.values | run.values, {}
    for term in training.states(model, run, place):
        named |= {part.name: part.value(known) for part in term.every_part.values()} | {term.name: term.exact(known)}
    return named


def needed(model, run):
    """The bytes of the three terms."""
    return sum(training.places(model, run)["gpu"].values())


SMALL = st.sampled_from([small(name) for name in [row["name"] for row in rows("models")]])
RECIPES = st.sampled_from(catalogue.names("recipes"))
STAGES = st.sampled_from([{"zero": 0}, {"zero": 1}, {"zero": 2}, {"zero": 3}, {"sharding": "fsdp"}])
RUNS = st.builds(
    lambda recipe, stage, cards: Training(recipe=recipe, data_parallel=cards, **stage),
    RECIPES,
    STAGES,
    st.integers(1, 2000),
)
