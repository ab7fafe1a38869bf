"""A card shows a program no more memory than it has."""

import re
from fractions import Fraction

import pytest

from memcalc import Gpu, InputError, catalogue
from memcalc.formula.symbols import symbol


@pytest.mark.parametrize(
    ("typed", "card"),
    [
        ("geforce rtx-4090", "RTX 4090"),
        ("4090", "RTX 4090"),
        ("7900 xtx", "RX 7900 XTX"),
        ("A6000", "RTX A6000"),
        ("Intel Arc B580", "Arc B580"),
        ("AMD Instinct MI300X", "MI300X"),
        ("Apple M2 Ultra 192GB", "M2 Ultra 192 GB"),
        ("Strix Halo", "Ryzen AI Max+ 395 128 GB"),
        ("A100-80GB", "A100 80 GB"),
        ("MacBook Pro M3 Max 128GB", "M3 Max 128 GB"),
        ("Mac Studio M2 Ultra 192 GB", "M2 Ultra 192 GB"),
        ("MacBook Air M4 16GB", "M4 16 GB"),
        ("Jetson T5000", "Jetson AGX Thor"),
        ("AMD Radeon PRO W7900", "PRO W7900"),
        ("R9700", "AI PRO R9700"),
        ("Intel Arc Pro B60", "Arc Pro B60"),
        ("RTX 4090D", "RTX 4090 D"),
        ("TPU v7", "TPU7x"),
        # as nvidia-smi prints them
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "RTX 4090 Laptop"),
        ("Tesla P100-PCIE-16GB", "P100 16 GB"),
        ("Tesla K80", "K80 die"),
        ("NVIDIA A800-SXM4-80GB", "A800 80 GB"),
        ("NVIDIA RTX 2000 Ada Generation", "RTX 2000 Ada"),
        ("Quadro RTX 8000", "Quadro RTX 8000"),
        ("NVIDIA GeForce RTX 4090", "RTX 4090"),
        ("NVIDIA RTX A6000", "RTX A6000"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada"),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "RTX PRO 6000"),
        ("NVIDIA A100-SXM4-40GB", "A100 40 GB"),
        ("NVIDIA A100-SXM4-80GB", "A100 80 GB"),
        ("NVIDIA A100 80GB PCIe", "A100 80 GB PCIe"),
        ("NVIDIA H100 80GB HBM3", "H100 80 GB"),
        ("NVIDIA H100 PCIe", "H100 80 GB PCIe"),
        ("NVIDIA GH200 480GB", "GH200 96 GB"),
        ("NVIDIA GB10", "DGX Spark"),
        ("Tesla T4", "T4"),
        ("Tesla V100-SXM2-32GB", "V100 32 GB"),
        ("Tesla V100-PCIE-16GB", "V100 16 GB"),
    ],
)
def test_a_card_is_known_by_every_name_that_people_type(typed, card):
    assert Gpu.of(typed) == Gpu.named(card)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("A100", "gpu 'A100' is sold in several sizes: name A100 40 GB, A100 80 GB or A100 80 GB PCIe."),
        ("NVIDIA H100", "gpu 'NVIDIA H100' is sold in several sizes: name H100 80 GB, H100 80 GB PCIe or H100 NVL."),
        ("RTX 3060", "gpu 'RTX 3060' is sold in several sizes: name RTX 3060 8 GB or RTX 3060 12 GB."),
        ("rtx 4060ti", "gpu 'rtx 4060ti' is sold in several sizes: name RTX 4060 Ti 8 GB or RTX 4060 Ti 16 GB."),
        ("5060 ti", "gpu '5060 ti' is sold in several sizes: name RTX 5060 Ti 8 GB or RTX 5060 Ti 16 GB."),
        (
            "M4 Max",
            "gpu 'M4 Max' is sold in several sizes: name M4 Max 36 GB, M4 Max 48 GB, M4 Max 64 GB or M4 Max 128 GB.",
        ),
        ("Mac mini M2 Pro", "gpu 'Mac mini M2 Pro' is sold in several sizes: name M2 Pro 16 GB or M2 Pro 32 GB."),
        ("H20", "gpu 'H20' is sold in several sizes: name H20 96 GB or H20 141 GB."),
        ("Tesla P100", "gpu 'Tesla P100' is sold in several sizes: name P100 12 GB or P100 16 GB."),
        ("RTX A600", "gpu 'RTX A600' is not known; the nearest is RTX A6000 or "),
        ("mi300", "gpu 'mi300' is not known; the nearest is MI300X or "),
        ("RTX 6000", "gpu 'RTX 6000' is not known; the nearest is RTX 6000 Ada or "),
        ("GTX 970", "gpu 'GTX 970' is not known; the nearest is GTX 1070 or "),
        ("M1 Max", "gpu 'M1 Max' is sold in several sizes: name M1 Max 32 GB or M1 Max 64 GB."),
        ("2x RTX 3090", "gpu must be one card, such as RTX 3090 with --tensor-parallel 2, not '2x RTX 3090'."),
        ("RTX 3090 x2", "gpu must be one card, such as RTX 3090 with --tensor-parallel 2, not 'RTX 3090 x2'."),
        ("4×24 GB", "gpu must be one card, such as 24 GB with --tensor-parallel 4, not '4×24 GB'."),
    ],
)
def test_a_name_that_is_no_card_has_a_way_out(typed, sentence):
    with pytest.raises(InputError, match=f"^{re.escape(sentence)}"):
        Gpu.of(typed)


def test_every_size_that_shares_a_name_has_a_name_of_its_own():
    shared = {row["sizes_of"]: row["brand"] for row in catalogue.rows("gpus") if row["sizes_of"]}
    assert len(shared) > 10
    assert not shared.keys() & set(catalogue.names("gpus"))
    for name in shared:
        sizes = [row for row in catalogue.rows("gpus") if row["sizes_of"] == name]
        assert len(sizes) > 1, name
        assert {row["brand"] for row in sizes} == {shared[name]}
        assert all(row["name"].startswith(f"{name} ") for row in sizes)


@pytest.mark.parametrize("name", catalogue.names("gpus"))
def test_a_card_shows_a_program_no_more_than_it_has(name):
    gpu = Gpu.named(name)
    assert 0.5 * gpu.marketed_gb * 10**9 < gpu.capacity <= gpu.marketed_gb * 2**30
    assert not gpu.reported_mib or gpu.reported_mib <= gpu.marketed_gb * 1024
    if gpu.reported_mib and gpu.visible_gib:
        assert gpu.visible_gib * 2**30 <= gpu.reported_mib * 2**20 * Fraction("1.0001")


def test_what_a_program_sees_of_an_a100_is_not_what_its_driver_reports():
    """PyTorch names 39.50 GiB."""
    card = Gpu.named("A100 40 GB")
    assert (card.marketed_gb, card.reported_mib, card.visible_gib) == (40, 40_960, Fraction("39.5"))
    assert card.capacity == 39.5 * 2**30


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ((24, -5, None), "reported_mib must be a positive number, not -5."),
        ((24, None, 0), "visible_gib must be a positive number, not 0."),
        (("24", 24564, None), "marketed_gb must be a whole number from 1 to 1,000,000, not '24'."),
    ],
)
def test_impossible_cards(sizes, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        Gpu("mine", "me", *sizes, source="measured")


@pytest.mark.parametrize(
    ("prices", "sentence"),
    [
        ({"price_usd": 0}, "price_usd must be a whole number from 1 to 1,000,000,000, not 0."),
        ({"price_high_usd": 5}, "price_usd must be given with price_high_usd"),
        (
            {"price_usd": 9, "price_high_usd": 5},
            "price_high_usd must be a whole number from 9 to 1,000,000,000, not 5.",
        ),
        ({"price_usd": 9, "price_is": "guess"}, "price_is 'guess' is not known"),
        ({"marketed_unit": "TB"}, "marketed_unit 'TB' is not known"),
    ],
)
def test_impossible_prices(prices, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        Gpu("mine", "me", 24, 24564, None, source="measured", **prices)


@pytest.mark.parametrize(
    ("sizes", "unit", "which", "capacity"),
    [
        ((16, None, None), "GB", "marketed", 16 * 10**9),  # the least that the number can mean
        ((256, None, None), "GiB", "marketed", 256 * 2**30),
        ((24, 24564, None), "GB", "reported", 24564 * 2**20),
        ((24, 24564, 23), "GB", "visible", 23 * 2**30),
    ],
)
def test_the_capacity_is_the_nearest_to_a_program_that_is_known(sizes, unit, which, capacity):
    gpu = Gpu("mine", "me", *sizes, source="measured", marketed_unit=unit)
    assert (gpu.capacity, gpu.capacity_is) == (capacity, which)


@pytest.mark.parametrize("name", catalogue.names("gpus"))
def test_every_card_and_every_price_has_a_date_and_a_source(name):
    gpu = Gpu.named(name)
    assert gpu.source
    assert re.fullmatch(r"2026-1[12]-\d\d", catalogue.find("gpus", "gpu", name)["retrieved"])
    if gpu.price_usd:
        assert re.fullmatch(r"20[12]\d(-[01]\d)?", gpu.price_date)
        assert gpu.price_source
    else:
        assert not gpu.price_date


def test_only_speeds_that_are_known_have_values():
    speeds = {str(letter): value for letter, value in Gpu.named("A100 80 GB").values.items()}
    assert speeds == {"β": 2039 * 10**9, "FLOPS": 312 * 10**12}
    assert Gpu.named("RTX 4070").values.keys() == {symbol("bandwidth")}
    assert list(map(str, Gpu.named("GH200 96 GB").values)) == ["FLOPS"]


@pytest.mark.parametrize(
    ("name", "half"), [("RTX 3090", 142), ("RTX 4090", 330.3), ("RTX 5090", 419), ("A100 80 GB", 624)]
)
def test_the_peak_is_dense_and_added_up_in_32_bits(name, half):
    """NVIDIA's whitepapers: GeForce adds up in 16 bits twice as fast; with sparsity, an A100 is twice as fast."""
    assert float(Gpu.named(name).bf16_tflops) == pytest.approx(half / 2, rel=1e-3)


def test_power_has_a_source_and_is_said_once():
    for row in catalogue.rows("gpus"):
        assert bool(row["board_watts"]) == bool(row["board_source"]), row["name"]
    said = catalogue.find("market", "fact", "board_power")["value"]
    assert Gpu.named("RTX 4090").board_watts == int(said)  # which the article's costs take
    with pytest.raises(InputError, match="board_watts must be a positive number, not 0"):
        Gpu("mine", "me", 24, 24564, None, source="measured", board_watts=0)


def test_every_card_of_nvidia_has_the_compute_capability_that_nvidia_lists():
    """developer.nvidia.com/cuda-gpus, and for V100, P40 and GTX 1080 Ti the page of legacy cards."""
    cards = [Gpu.named(name) for name in catalogue.names("gpus")]
    assert all((card.capability is not None) == (card.vendor == "NVIDIA") for card in cards)
    listed = {"T4": 7.5, "RTX 3090 Ti": 8.6, "A30": 8.0, "L40S": 8.9, "RTX 4000 Ada": 8.9, "RTX 5000 Ada": 8.9}
    listed |= {
        "RTX 5090": 12.0,
        "GH200 96 GB": 9.0,
        "V100 16 GB": 7.0,
        "Jetson Orin Nano 8 GB": 8.7,
        "GTX 1080 Ti": 6.1,
        "RTX 2050 Laptop": 8.6,
        "RTX 2000 Ada": 8.9,
        "RTX 5000 Ada": 8.9,
        "P100 16 GB": 6.0,
        "GTX 1660 Ti": 7.5,
        "Jetson AGX Thor": 11.0,
    }
    assert {name: float(Gpu.named(name).capability) for name in listed} == listed
