"""Terms as rows."""

import re

import pytest

from memcalc import Gpu, Inference, InputError, Model, Training, breakdown, tables, values
from memcalc.catalogue import bibliography
from memcalc.formula import TERMS
from memcalc.formula.plain import plain
from memcalc.formula.printing import tinted
from memcalc.formula.symbols import GLOSSARY, SUMMANDS

SEVEN, RUN = Model.named("LLaMA-7B"), Inference(32_768)


def test_by_hand_goes_from_formula_to_units():
    worked = tables.by_hand(TERMS["crossing"], SEVEN, RUN)
    assert worked.formula == plain(TERMS["crossing"], values(SEVEN, RUN)).latex()
    assert "13{,}476{,}831{,}232" in worked.substituted
    assert worked.result == "25,706 tokens"
    assert worked.result in worked._repr_markdown_()


def test_by_hand_with_a_card_ends_in_seconds():
    worked = tables.by_hand(TERMS["decode_time"], SEVEN, Inference(1, weights="INT8"), Gpu.named("RTX 4090"))
    assert "1{,}008{,}000{,}000{,}000" in worked.substituted
    read = SEVEN.parameters - 32_000 * 4096 + 2**19  # the cache of one token in 16 bits
    assert worked.result == f"{read / 1008e9:.4g} seconds"
    with pytest.raises(InputError, match="needs β"):
        tables.by_hand(TERMS["decode_time"], SEVEN, RUN)


def test_glossary_has_exactly_the_symbols_of_the_terms():
    assert list(tables.glossary(TERMS["weights"]).index) == ["M_w", "P", "B"]
    assert len(tables.glossary()) == len(GLOSSARY)


def test_a_table_of_letters_is_typeset_and_begins_at_the_left():
    head, ruled, *lines = (
        tables.glossary(TERMS["kv_cache"].simplified(values(SEVEN, RUN)))._repr_markdown_().splitlines()
    )
    assert head.startswith("| letter | meaning | unit |")
    assert set(ruled.replace("|", "").split()) == {":---"}
    first, second, *_ = (line.split(" | ")[0] for line in lines)
    assert first == r"| [$\textcolor{#9E6C00}{M_{\mathrm{kv}}}$](glossary.ipynb#letter-M_kv)"
    assert second == r"| [$L_{\mathrm{full}}$](glossary.ipynb#letter-L_full)"


def test_each_letter_leads_to_its_line_in_the_glossary_and_a_summand_has_its_colour():
    needed = tables.needed(SEVEN, RUN, "inference", "weights", "kv_cache")._repr_markdown_()
    there = tables.glossary()._repr_markdown_()
    linked = re.findall(r"\(glossary\.ipynb#([\w-]+)\)", needed)
    assert {"letter-M_kv", "letter-h_kv", "letter-P"} <= set(linked)
    assert all(f'<a id="{anchor}"></a>' in there for anchor in linked)
    total, weights, *_ = needed.split("\n\n")
    assert re.findall(r"\\textcolor\{(#\w+)\}", total) == ["#007BC0", "#9E6C00"]
    assert weights == r"$\displaystyle \textcolor{#007BC0}{M_{w} = P \times B}$"


@pytest.mark.parametrize("name", SUMMANDS)
def test_the_colour_of_a_letter_can_be_read_on_white_and_on_black(name):
    colour = re.search(r"#(\w+)", tinted("x", SUMMANDS[name].colour))[1]
    parts = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    light = sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    assert 1.05 / (light + 0.05) >= 3.8
    assert (light + 0.05) / 0.055 >= 3.8  # on #111111 and the like


def test_terms_are_shown_in_the_letters_that_a_model_needs():
    llama, run = Model.named("Llama-3.1-8B"), Inference(weights="BF16")
    needed = tables.needed(llama, run, "parameters", "embedding", "mlp", "norms")
    assert repr(needed).splitlines() == [
        "P = P_emb + L × (P_attn + P_mlp + P_norm) + d",
        "P_emb = 2 × V × d",
        "P_mlp = 3 × d × d_ff",
        "P_norm = 2 × d",
    ]
    here = needed.letters["here"]
    assert here["P"] == f"{llama.parameters:,}"
    assert (here["L"], here["d_ff"], here["V"]) == ("32", "14,336", "128,256 tokens")
    assert needed.letters["config.json"]["L"] == "num_hidden_layers"
    with pytest.raises(InputError, match="term 'wights' is not known; the nearest is weights"):
        tables.needed(llama, run, "wights")


def test_amounts_are_in_the_unit_of_the_lesson():
    here = {unit: tables.needed(SEVEN, RUN, "weights", unit=unit).letters["here"]["M_w"] for unit in ("GiB", "GB")}
    assert here == {"GiB": "12.55 GiB", "GB": "13.48 GB"}
    with pytest.raises(InputError, match=r"unit .TB. is not known"):
        tables.needed(SEVEN, RUN, "weights", unit="TB")


def test_a_term_of_a_run_is_that_of_its_code():
    run = Training(context=2048, attention="eager")
    worked = tables.by_hand("activations", SEVEN, run)
    assert worked.result.startswith(f"{breakdown(SEVEN, run)['activations']:,} bytes")
    (layer,) = tables.needed(SEVEN, run, "layer_activations").terms
    assert layer.exact(values(SEVEN, run)) * SEVEN.layers < breakdown(SEVEN, run)["activations"]
    assert "6 × h × s" in str(layer), "for each number that goes in, as all share s × b"


def test_memory_ends_with_the_total():
    memory = tables.memory(SEVEN, RUN)
    assert list(memory.index) == ["weights", "kv_cache", "total"]
    assert memory.loc["total", "GiB"] == "28.55 GiB"


@pytest.mark.parametrize(
    ("model", "run"),
    [
        ("Llama-3.1-8B", Training(recipe="bf16")),
        ("GPT-2", Training(context=1024, recipe="autocast", dropout=0.1, attention="eager")),
        ("LLaMA-7B", Training(activations="megatron", recompute="selective")),
        ("Gemma-3-1B", Training(context=256)),
    ],
)
def test_the_kept_tensors_are_the_activations(model, run):
    model, table = Model.named(model), tables.saved_tensors(Model.named(model), run)
    counts = table["bytes"].str.replace(",", "").astype(int) * table["per"].map({"layer": model.layers, "once": 1})
    assert counts.sum() == breakdown(model, run)["activations"]


@pytest.mark.parametrize(
    ("recipe", "optimizer", "summands", "whole"),
    [
        ("mixed", "AdamW", ["2", "2", "4", "4 + 4"], "16"),  # Rajbhandari et al., section 3.1
        ("megatron", "AdamW", ["2", "4", "4", "4 + 4"], "18"),  # NVIDIA/Megatron-LM#654
        ("fp32", "AdamW", ["4", "4", "0", "4 + 4"], "16"),
        ("bf16", "AdamW", ["2", "2", "0", "2 + 2"], "8"),
        ("mixed", "SGD momentum", ["2", "2", "4", "4"], "12"),
        ("bf16", "8-bit AdamW", ["2", "2", "0", "1.016 + 1.016"], "6.031"),
        ("fp32", "SGD", ["4", "4", "0", "0"], "8"),
    ],
)
def test_bytes_of_a_parameter_add_up(recipe, optimizer, summands, whole):
    table = tables.bytes_per_parameter((recipe, optimizer))
    assert table.index.names == ["recipe", "optimizer"]
    assert list(table.loc[(recipe, optimizer)]) == [*summands, whole]


def test_a_term_of_a_mere_size_is_worked_by_hand():
    worked = tables.by_hand(TERMS["gradients"], Model.nominal(7_500_000_000), Training())
    assert worked.result == "15,000,000,000 bytes = 13.97 GiB = 15.00 GB"


def test_every_term_is_shown_with_its_condition_and_its_source():
    page = tables.formulas()
    entries = page.text.split("\n\n---\n\n")
    assert len(entries) == len(TERMS)
    for entry, term in zip(entries, TERMS.values(), strict=True):
        assert entry.startswith(f"**{term.name}**: ")
        assert term.latex() in entry or str(term) in entry
        assert term.source in entry
    assert page._repr_markdown_() == repr(page) == page.text


def test_long_formulas_stand_as_text_which_wraps():
    equations = re.findall(r"\$\$\n(.*)\n\$\$", tables.formulas().text)
    assert 20 < len(equations) < len(TERMS)


def test_every_source_is_listed_once_under_its_key():
    keys = re.findall(r"@\w+\{(\w+),", bibliography())
    assert sorted(re.findall(r"^\*\*(\w+)\*\*: ", tables.references().text, re.MULTILINE)) == sorted(keys)


def test_names_of_models_keep_their_capitals():
    assert "GQA: Training Generalized" in tables.references().text


@pytest.mark.parametrize("run", [Inference(2048), Training(1024, batch=2, recipe="fp32", attention="eager")])
def test_the_sum_of_a_run_is_that_of_its_own_terms(run):
    model, name = Model.named("GPT-2"), "training" if isinstance(run, Training) else "inference"
    assert tables.by_hand(name, model, run).result.startswith(f"{sum(breakdown(model, run).values()):,} bytes")
    assert set(map(str, tables.of_run(name, model, run).symbols)) >= {"M_w"}


def test_a_table_of_words_begins_at_the_left():
    assert '<td style="text-align: left">one</td>' in tables.TextTable({"a": ["one"]})._repr_html_()
