"""The census: a small model has every kind of layer, a new library shows what is new, and rows tell memcalc's part."""

import csv
import json
import os
import signal
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure import census
from measure.cuts import LEAST_LAYERS, cut, depth, sizes
from measured import VERDICTS, answer, built, verdict

ROWS = built("census")
WORDS = st.sampled_from(["full_attention", "sliding_attention", "linear_attention", "conv"])
LLAMA = next(row for row in ROWS if row["model_type"] == "llama")


def row(name="llama", **cells):
    """The row of llama under another name, or with other cells."""
    return LLAMA | {"model_type": name, **cells}


UNBUILT = dict.fromkeys(census.COLUMNS) | {"memcalc": "unbuilt", "how": "not built: by hand"}


@given(kinds=st.lists(WORDS, min_size=1, max_size=60), data=st.data())
def test_a_small_model_has_every_kind_of_layer_and_lists_of_one_length(kinds, data):
    layers = len(kinds)
    experts = data.draw(st.lists(st.sampled_from(["dense", "sparse"]), min_size=layers, max_size=layers))
    small = cut({"num_hidden_layers": layers, "layer_types": kinds, "mlp_layer_types": experts})
    kept = small["num_hidden_layers"]
    assert kept >= min(LEAST_LAYERS, layers)
    assert (small["layer_types"], small["mlp_layer_types"]) == (kinds[:kept], experts[:kept])
    assert (set(small["layer_types"]), set(small["mlp_layer_types"])) == (set(kinds), set(experts))
    assert cut(small) == small


@given(layers=st.integers(2, 60), data=st.data())
def test_the_places_of_layers_stay_in_the_model_and_so_do_layers_of_the_other_kind(layers, data):
    places = sorted(data.draw(st.sets(st.integers(0, layers - 1), min_size=1, max_size=layers - 1)))
    small = cut({"num_hidden_layers": layers, "attn_layer_indices": places})
    assert small["attn_layer_indices"] == [place for place in places if place < small["num_hidden_layers"]]
    assert 0 < len(small["attn_layer_indices"]) < small["num_hidden_layers"]


@pytest.mark.parametrize(
    ("keys", "layers"),
    [
        ({}, 3),
        ({"first_k_dense_replace": 3}, 4),
        ({"attn_layer_period": 8, "attn_layer_offset": 4}, 8),
        ({"full_attention_interval": 4}, 4),
        ({"mlp_only_layers": [0, 1]}, 3),
        ({"mlp_only_layers": []}, 3),
        ({"num_kv_shared_layers": 15}, 12),
    ],
)
def test_numbers_that_tell_layers_apart_are_shown(keys, layers):
    assert cut({"num_hidden_layers": 40} | keys)["num_hidden_layers"] == layers


@pytest.mark.parametrize(
    ("key", "value", "small"),
    [
        ("sliding_window", 4096, 16),
        ("sliding_window", None, None),
        ("attention_chunk_size", 8192, 16),
        ("n_routed_experts", 256, 16),
        ("num_experts", 4, 4),
        ("num_experts_per_tok", 22, 16),
        ("max_window_layers", 28, 3),
        ("max_position_embeddings", 4096, 4096),
        ("per_layer_config", {"1": {"head_dim": 512}, "5": {"head_dim": 512}}, {"1": {"head_dim": 512}}),
        ("patches", {1225: 128, 4900: 256}, {1225: 128, 4900: 256}),
        ("vision_config", {"depth": 32, "layer_types": ["full"] * 32}, {"depth": 2, "layer_types": ["full"] * 2}),
        ("text_config", {"n_layer": 12, "window_size": 256}, {"n_layer": 3, "window_size": 16}),
        ("use_cache", True, True),
    ],
)
def test_what_becomes_of_a_value(key, value, small):
    assert cut({"num_hidden_layers": 40, key: value})[key] == small


def test_layers_are_counted_by_their_list_where_no_number_is():
    assert depth({"layers_block_type": ["mamba", "moe", "attention"]}) == 3
    assert depth({"hidden_size": 64}) == 0


def test_a_row_keeps_what_can_change_a_size():
    config = {"hidden_size": 64, "rms_norm_eps": 1e-6, "eos_token_id": 2, "hidden_act": "silu", "use_cache": True}
    inner = {"vocab_size": 9, "attention_dropout": 0.0, "per_layer_config": {"0": {"head_dim": 8}}, "n_layer": 1}
    whole = config | {"vision_config": {"hidden_size": 32}, "text_config": inner}
    del inner["attention_dropout"]
    assert sizes(whole) == {"hidden_size": 64, "vision_config": {}, "text_config": inner}


@pytest.mark.parametrize("counted", ROWS, ids=[counted["model_type"] for counted in ROWS])
def test_a_row_says_what_memcalc_makes_of_its_class(counted):
    """If not, `make measure WITH="--census TYPE"` writes the row anew, or its word is changed by hand."""
    assert tuple(counted) == census.COLUMNS
    assert counted["memcalc"] == verdict(counted)


def test_there_is_one_row_a_type_in_order():
    names = [counted["model_type"] for counted in ROWS]
    assert names == sorted(set(names))


def test_verdicts():
    parameters, cache = answer(LLAMA)
    assert (parameters, cache) == (LLAMA["text_parameters"], LLAMA["cache"])
    changed = [{}, {"cache": None}, {"cache": cache + 1}, {"text_parameters": 5}, {"config": {}}, {"config": None}]
    words = ["exact", "exact", "differs", "differs", "refused", "unbuilt"]
    assert [verdict(row(**cells)) for cells in changed] == words
    assert set(words) == set(VERDICTS)


@pytest.mark.parametrize(
    ("found", "stays"),
    [
        (row(library="transformers 9", date="2031-01-01"), True),
        (row(cache=5), False),
        (row(memcalc="refused"), False),
        (UNBUILT, True),
    ],
)
def test_a_row_that_says_nothing_new_stays_as_it_was(found, stays):
    gone = row("rwkv")
    rows = census.merged({"llama": LLAMA, "rwkv": gone}, {"llama": found})
    assert rows == {"llama": LLAMA if stays else found, "rwkv": gone}


def test_a_new_type_has_a_row_even_if_it_could_not_be_built():
    assert census.merged({}, {"new": UNBUILT}) == {"new": UNBUILT}
    built_now = row("new")
    assert census.merged({"new": UNBUILT}, {"new": built_now}) == {"new": built_now}


def count(name):
    """What a class may do to the one who builds it."""
    if name == "raises":
        raise ValueError("no\n  such size")
    if name == "crashes":
        os._exit(3)
    if name == "hangs":
        signal.pause()
    return {name: LLAMA[name] for name in LLAMA if name not in ("memcalc", "library", "date")} | {"model_type": name}


@pytest.fixture(autouse=True)
def libraries(monkeypatch):
    """Libraries of the future, whether there are any or not."""
    monkeypatch.setattr(census, "libraries", lambda: "transformers 9, torch 9")


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A library of a few types, and a file of its own."""
    monkeypatch.setattr(census, "DATA", tmp_path / "census.jsonl")
    monkeypatch.setattr(census, "MOST_SECONDS", 1)
    types = ["crashes", "hangs", "llama", "new", "raises"]
    monkeypatch.setattr(census, "import_module", lambda _: SimpleNamespace(types=lambda: types, count=count))
    census.save({"llama": LLAMA, "rwkv": row("rwkv")})
    return census.main


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # that it forks while pytest has threads
def test_a_type_that_breaks_loses_no_other_and_the_summary_tells(bench, capsys):
    assert bench([]) == 0
    rows = census.load()
    assert list(rows) == ["crashes", "hangs", "llama", "new", "raises", "rwkv"]
    assert rows["llama"] == LLAMA, "the row with the older library stays"
    assert rows["new"] == row("new", library="transformers 9, torch 9", date=rows["new"]["date"])
    assert rows["crashes"]["how"] == "not built: its process ended with 3"
    assert rows["hangs"]["how"] == "not built within 1 seconds"
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "5 types that generate text in transformers 9, torch 9; 2 of them were built."
    assert said[1] == "memcalc is exact on 2: on the parameters of all of these, and on the cache of 2."
    assert "Unbuilt: raises: not built: ValueError: no such size" in said
    assert "New: crashes, hangs, new, raises" in said
    assert "Gone: rwkv" in said


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_some_types_alone(bench):
    assert bench(["new"]) == 0
    assert list(census.load()) == ["llama", "new", "rwkv"]
    with pytest.raises(SystemExit, match=r"^model_type 'lama' is not known; the nearest is llama\."):
        bench(["lama"])


def test_the_summary_tells_what_became_unknown_and_what_differs():
    _, cache = answer(LLAMA)
    strange = {"memcalc": "refused", "config": LLAMA["config"] | {"model_type": "bert"}}
    found = {"llama": row(memcalc="differs", cache=cache + 1), "bert": row("bert", **strange)}
    before = {"llama": LLAMA, "bert": row("bert")}
    said = list(census.summary(before, found, ["llama", "bert"]))
    assert f"Differs: llama: cache {cache:,}, not {cache + 1:,}." in said
    assert "Refused: model_type … is not counted: it is an encoder, which writes no text token by token: bert" in said
    assert "Changed: llama was exact and is differs." in said
    assert "Changed: bert was exact and is refused." in said


def test_settings_have_a_reason():
    with (Path(census.__file__).with_name("classes.csv")).open(encoding="utf-8", newline="") as lines:
        for setting in csv.DictReader(lines):
            assert json.loads(setting["settings"])
            assert setting["reason"]


@pytest.mark.filterwarnings("ignore")  # of the libraries themselves
@pytest.mark.skipif(not find_spec("transformers"), reason="libraries to measure come with `make measure`")
@pytest.mark.parametrize("name", ["llama", "jamba", "gemma2", "nemotron"])
def test_counted_again_a_class_has_the_same(name):
    from measure import classes

    [known] = [counted for counted in ROWS if counted["model_type"] == name]
    assert classes.count(name).items() <= known.items()
