"""Which model and cards are asked about, wherever they stand."""

import json

import pytest

from memcalc.__main__ import main

CARD = "RTX 4090"


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--gpu", CARD, "Llama-2-7B"], ["--card", CARD, "--model", "Llama-2-7B"], ["--model", "Llama-2-7B", CARD]),
        *(["Llama-2-7B", "--context", "32K", CARD], ["--context", "32K", "Llama-2-7B", "--json", "--device", CARD]),
    ],
)
@pytest.mark.parametrize("command", ["fit", "train"])
def test_a_model_and_a_card_stand_where_one_likes(command, arguments, capsys):
    answers = []
    for typed in (arguments, ["Llama-2-7B", CARD]):
        assert main([command, *typed, *[[], ["--context", "32K"]]["--context" not in typed], "--json"]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("vram", "capacity"), [("24", 24 * 10**9), ("24gb", 24 * 10**9), ("24 GiB", 24 * 2**30), ("11.5", 115 * 10**8)]
)
def test_memory_alone_is_a_card(vram, capacity, capsys):
    assert main(["fit", "Llama-2-7B", "--vram", vram, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["capacity"] == capacity


TRAINED = ["train", "Llama-3.1-8B", "--recompute", "full"]


@pytest.mark.parametrize(
    ("cards", "divided", "others"),
    [
        (["4x H100 80 GB"], [], 4),
        (["H100 80 GB", "H100 80 GB"], ["--zero", "3"], 2),
        (["8x H100 80 GB"], ["--tensor-parallel", "2"], 4),
        (["8x H100 80 GB"], ["--context-parallel", "8", "--sharding", "fsdp2"], 1),
        (["8x H100 80 GB"], ["--data-parallel", "8"], 8),
    ],
)
def test_of_several_cards_that_train_each_works_on_other_sequences(cards, divided, others, capsys):
    answers = []
    for typed in ([*cards, *divided], ["H100 80 GB", *divided, "--data-parallel", str(others)]):
        assert main([*TRAINED, *typed, "--json"]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0] == answers[1]
    assert answers[0]["run"]["data_parallel"] == others


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fit"], "model must be named, as in `python -m memcalc fit Llama-3.1-8B"),
        (["train"], "model must be named, as in `python -m memcalc train Llama-3.1-8B"),
        (["fit", "--gpu", CARD], "model must be named, as in "),
        (["fit", "Llama-2-7B", CARD, "--gpu", "L4"], "gpu must be named once, not as 'RTX 4090' and as 'L4'."),
        (
            ["fit", "70b", "q4", "2x3090"],
            "gpu must be a card, not 'q4', which is a format of weights: --weights Q4_K_M.",
        ),
        (["fit", "Llama-2-7B"], 'gpu must name a card, such as "RTX 4090", or its size'),
        (["fit", "Llama-2-7B", CARD, "--table", "x"], "table must be text, markdown, csv or json, not 'x'."),
        (["fit", "Llama-2-7B", CARD, "--context"], "argument --context/--max-len: expected one argument; `python -m"),
        (["fit", "Llama-2-7B", CARD, "--foo"], "fit has no option --foo; `python -m memcalc fit --help` lists"),
        (
            [*TRAINED, CARD, "RTX 3090"],
            "gpu must be equal cards for a training, such as '4x H100',",
        ),
        (
            [*TRAINED, "3x L4", "--tensor-parallel", "2"],
            "gpu must be 2 equal cards, or one that stands",
        ),
        ([*TRAINED, "8x L4", "--data-parallel", "4"], "gpu must be 4 equal cards, or one that stands"),
        (["list", "foo"], "table must be models, gpus, formats, engines, optimizers or recipes, not 'foo'."),
        (["glossary", "foo"], "unrecognized arguments: foo; `python -m memcalc --help` shows how it is written."),
        (["foo"], "command must be fit, train, list, glossary, article, explorers or lessons, not 'foo'."),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence_or_in_json(arguments, sentence, capsys):
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith(f"memcalc: {sentence}")
    if arguments[0] == "glossary":  # which has no JSON
        return
    assert main([*arguments, "--json"]) == 2
    said = capsys.readouterr()
    assert said.err == ""
    assert json.loads(said.out)["error"].startswith(sentence)


def test_a_number_alone_is_no_card_and_is_read_with_its_unit(capsys):
    assert main(["fit", "Llama-2-7B", "24"]) == 2
    assert capsys.readouterr().err.endswith("Any card can be given by its size, such as '24 GB'.\n")
