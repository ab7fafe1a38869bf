"""Several cards that share one model out."""

import json
import re

import pytest

from memcalc.__main__ import main

MIB = 2**20
COMMAND_R = {
    **{"model_type": "cohere", "hidden_size": 8192, "num_hidden_layers": 40, "intermediate_size": 22528},
    **{"num_attention_heads": 64, "num_key_value_heads": 64, "vocab_size": 256000, "tie_word_embeddings": True},
}
LLAMA_CPP = ["--engine", "llama.cpp", "--weights", "Q4_K_S", "--context", "4096"]
TWO = ["RTX 4070 Ti", "RTX 3090 Ti"]


def answer(capsys, *arguments):
    assert main(["fit", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_an_rtx_4070_ti_and_an_rtx_3090_ti(tmp_path, capsys):
    """Command R, ggml-org/llama.cpp#6122: 5,434.38 and 13,989.53 MiB in 12 and 28 layers; 1,536 and 3,584 of cache."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(COMMAND_R))
    found = answer(capsys, str(path), *TWO, *LLAMA_CPP, "-ts", "12,29")
    first, second = found["cards"]
    assert [one["layers"] for one in (first, second)] == [[0, 12], [12, 40]]
    assert [round(one["bytes"]["weights"] / MIB, 2) for one in (first, second)] == [5434.38, 13_989.53]
    assert [one["bytes"]["kv_cache"] // MIB for one in (first, second)] == [1536, 3584]
    assert (found["fits"], found["verdict"]) == (True, "fits if")
    assert "working memory of llama.cpp" in found["not_counted"]


def test_the_answer_in_words_names_each_card_and_how_to_ask_for_the_split(capsys):
    assert main(["fit", "Llama-2-7B", *TWO, *LLAMA_CPP]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Llama-2-7B on RTX 4070 Ti and RTX 3090 Ti: context 4,096, batch 1, Q4_K_S weights")
    assert said.count("  total ") == 2
    first, second = (int(re.search(rf"\n{card}, (\d+) layers from", said)[1]) for card in TWO)
    assert first < second == 32 - first
    assert f"Ask for these layers with -ts {first},{second + 1}, where the output is one more." in said
    again = answer(capsys, "Llama-2-7B", *TWO, *LLAMA_CPP, "--tensor-split", f"{first},{second + 1}")
    assert [one["layers"] for one in again["cards"]] == [[0, first], [first, 32]]


def test_the_buffers_of_each_card_are_counted(capsys):
    """Four copies of what comes in, of which the buffer has one."""
    assert main(["fit", "Llama-2-7B", *TWO, *LLAMA_CPP]) == 0
    said = capsys.readouterr().out
    assert said.count("  input_copies ") == said.count("  activations ") == 2
    assert "It fits: " in said
    assert "what llama.cpp takes is counted at its most" in said
    found = answer(capsys, "Llama-2-7B", *TWO, *LLAMA_CPP)
    assert (found["verdict"], found["not_counted"]) == ("fits", "")
    for one in found["cards"]:
        assert one["needed"] > sum(one["bytes"].values())
        assert one["margin"] < one["margin_at_best"]


@pytest.mark.parametrize("engine", ["ExLlama", "transformers"])
def test_buffers_that_nobody_measured_on_several_cards_stay_unknown(engine, capsys):
    found = answer(capsys, "Llama-2-7B", *TWO, "--engine", engine, "--context", "1024", "--tensor-split", "1,2")
    assert found["not_counted"] == f"the working memory of {engine}, which nobody has measured on several cards"


def test_two_equal_cards_halve_the_cache_without_an_engine(capsys):
    found = answer(capsys, "Llama-2-7B", "2x RTX 3090", "--context", "4096", "--tensor-split", "1,1")
    layers = [one["layers"][1] - one["layers"][0] for one in found["cards"]]
    assert layers == [17, 15]  # the output is one of 33
    assert [one["bytes"]["kv_cache"] for one in found["cards"]] == [2 * 2 * 4096 * 4096 * number for number in layers]


@pytest.mark.parametrize("cards", [["2x RTX 3090"], ["RTX 3090", "RTX 3090"], ["3090x2"]])
def test_what_divides_each_layer_is_answered_for_one_of_equal_cards(cards, capsys):
    vllm = ["Llama-3.1-8B", "--engine", "vLLM"]
    assert answer(capsys, *vllm, *cards) == answer(capsys, *vllm, "RTX 3090", "--tensor-parallel", "2")
    said = [*vllm, *cards, "--pipeline-parallel", "2"]
    assert answer(capsys, *said) == answer(capsys, *vllm, "RTX 3090", "--pipeline-parallel", "2")


def test_a_verdict_and_ways_out_where_it_does_not_fit(capsys):
    assert main(["fit", "Llama-3.1-70B", "2x RTX 3090", "--engine", "llama.cpp", "--weights", "Q8_0"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Llama-3.1-70B on 2 × RTX 3090: ")
    assert "It does not fit: " in said
    assert " weights would fit them." in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["Llama-2-7B", *TWO, "--engine", "vLLM"],
            "gpu must be equal cards without a split for vLLM, which gives each a part of every layer, not RTX 4070 Ti "
            "and RTX 3090 Ti; llama.cpp gives each card layers of its own.",
        ),
        (["70B", *TWO], "gpu must be one card for 70,000,000,000 parameters, whose layers are not known, not RTX 4070"),
        (
            ["Llama-2-7B", *TWO, "-ts", "1"],
            "tensor-split must be a positive number for each of the 2 cards, such as 3,1",
        ),
        (["Llama-2-7B", *TWO, "-ts", "1,x"], "tensor-split must be a positive number for each of the 2 cards"),
        (
            ["Llama-2-7B", *TWO, "-ts", "1e999999999,1"],
            "tensor-split must be a positive number for each of the 2 cards",
        ),
        (["Llama-2-7B", *TWO, "-ts", "1,0"], "tensor-split must be a positive number for each of the 2 cards"),
        (["Llama-2-7B", *TWO, "-ts", "1000,1"], "layers of a card must be a whole number from 1 to 32, not 0."),
        (["Llama-2-7B", "L4", "-ts", "1,1"], "tensor-split must be left out for a single card, not '1,1'."),
        (
            ["Llama-2-7B", *TWO, "--tensor-parallel", "2"],
            "gpu must be 2 equal cards, as the parallel degrees say, not ",
        ),
        (["Llama-2-7B", *TWO, "--cards", "L4"], "gpu must be one card in a table: --cards compares several"),
        (["Llama-2-7B", *TWO, "--explain"], "explain must be left out with several cards"),
        (["Llama-2-7B", "2x banana"], "gpu 'banana' is not known"),
    ],
)
def test_what_is_refused(arguments, sentence, capsys):
    assert main(["fit", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"memcalc: {sentence}")


def test_unequal_cards_do_not_train_together(capsys):
    assert main(["train", "Llama-2-7B", *TWO]) == 2
    assert "gpu must be equal cards for a training" in capsys.readouterr().err
