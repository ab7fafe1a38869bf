"""How long a training takes, as the command line says it."""

import json

import pytest

from memcalc.__main__ import main
from memcalc.estimate.training_time import training_time
from memcalc.specs.gpu import Gpu
from memcalc.specs.model import Model
from memcalc.specs.training import Training

ON = ["train", "Llama-3.2-1B", "H100 80 GB", "--data-parallel", "8", "--zero", "1"]
FOUND = training_time(
    Model.named("Llama-3.2-1B"),
    Training(data_parallel=8, zero=1),
    Gpu.named("H100 80 GB"),
    100 * 10**9,
    utilization=0.4,
    card_price=2.5,
)


def test_days_energy_and_price_are_one_sentence(capsys):
    assert main([*ON, "--tokens", "100B", "--utilization", "0.4", "--card-price", "2.5"]) == 0
    costs = f"they draw at most {FOUND.kilowatt_hours:.3g} kWh and cost ${FOUND.dollars:,.2f}"
    took = f"8 such cards would take {FOUND.days:.3g} days at 40 % of their peak"
    assert capsys.readouterr().out.splitlines()[-1] == f"For 100,000,000,000 tokens, {took}, in which {costs}."


def test_without_a_utilization_the_days_are_a_bound(capsys):
    assert main([*ON, "--tokens", "100B"]) == 0
    assert f"would take at least {FOUND.days * 0.4:.3g} days" in capsys.readouterr().out


def test_a_program_reads_the_same(capsys):
    assert main([*ON, "--tokens", "100B", "--utilization", "0.4", "--card-price", "2.5", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["takes"]
    assert said["days"] == pytest.approx(FOUND.days)
    assert said["dollars"] == pytest.approx(FOUND.dollars)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--utilization", "0.4"], "tokens must be given with utilization, such as 100B"),
        (["--tokens", "lots"], "tokens must be a whole number"),
        (["--tokens", "1B", "--utilization", "40"], "utilization must be above 0 and at most 1"),
        (["--tokens", "1B", "--card-price", "-1"], "card_price must be a positive number"),
        (["--tokens", "1B", "--method", "DPO"], "tokens must be left out with method"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(more, sentence, capsys):
    assert main([*ON, *more]) == 2
    assert sentence in capsys.readouterr().err
