"""The cards of today, against published bounds and prices."""

import pytest

from memcalc import Gpu, Model, catalogue
from memcalc.article.cards import cards_today, compared, price, price_per_gib


@pytest.fixture(scope="module")
def table():
    return cards_today().set_index("Card")


def test_every_pictured_card_is_there_the_smallest_first(table):
    assert sorted(table.index) == sorted(catalogue.names("gpus", "pictured"))
    capacities = [Gpu.named(name).capacity for name in table.index]
    assert capacities == sorted(capacities)


def test_no_cell_is_empty(table):
    assert not table.isna().any().any()
    assert all(cell.strip() and "nan" not in cell and "None" not in cell for cell in table.to_numpy().ravel())


@pytest.mark.parametrize(("card", "tokens"), [("RTX 4090", 149.6), ("H100 80 GB", 497), ("MI300X", 787)])
def test_tokens_per_second(table, card, tokens):
    """The published bounds read the input embedding too."""
    model = Model.named("LLaMA-7B")
    bound = float(table.loc[card, "LLaMA-7B, tokens/s at most"])
    assert bound == pytest.approx(tokens * model.parameters / (model.parameters - 32_000 * 4096), rel=5e-3)


def test_what_does_not_fit_has_no_speed(table):
    assert table.loc["RTX 4090", "Llama-2-70B, tokens/s at most"] == "does not fit"
    assert table.loc["GH200 96 GB", "Llama-2-70B, tokens/s at most"] == "–"  # its bandwidth has no source


def test_a_range_of_prices_is_a_range_of_memory(table):
    assert price(Gpu.named("H100 80 GB")) == "$25,000 to $30,000 (market, 2026)"
    assert table.loc["H100 80 GB", "GiB per $1,000"] == "2.64 to 3.17"
    assert table.loc["TPU v5e", "Price"] == "rented only"


@pytest.mark.parametrize(("card", "gib", "dollars"), [("RTX 4090", 23.64, 1599), ("M2 Ultra 192 GB", 144, 6999)])
def test_a_price_per_gib_is_that_of_what_a_program_sees(card, gib, dollars):
    said = price_per_gib(Gpu.named(card))
    assert said.startswith(f"${dollars / gib:,.2f} per GiB (list, 20")
    assert price_per_gib(Gpu.named("H200")) == ""


def test_cards_are_compared_by_their_memories_speed_and_price():
    table = compared("RTX 4090", "H100 80 GB", "MI325X")
    assert list(table.loc["RTX 4090"])[:4] == ["24 GB", "24,564 MiB", "23.64 GiB", "1,008 GB/s"]
    assert table.loc["H100 80 GB", "costs"].count("$") == 1, "two would be read as LaTeX"
    assert list(table.loc["MI325X", ["the driver reports", "a program sees"]]) == ["–", "–"]
