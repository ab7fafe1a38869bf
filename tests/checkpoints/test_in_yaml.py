"""Files in YAML: read as JSON is, and refused in one sentence."""

import json
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc import InputError
from memcalc.checkpoints import in_yaml

yaml = pytest.importorskip("yaml")
PLAIN = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="ascii", categories=["L", "N"]))
OBJECTS = st.dictionaries(st.text("abc_", min_size=1), PLAIN | st.lists(PLAIN, max_size=3), min_size=1)


@given(OBJECTS)
def test_what_json_says_is_the_same_in_yaml(tmp_path_factory, said):
    """Every text in JSON is one in YAML too, and so is what PyYAML writes."""
    path = tmp_path_factory.mktemp("yaml") / "config.yaml"
    for text in (json.dumps(said), yaml.safe_dump(said)):
        path.write_text(text)
        assert in_yaml.load(path) == said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "is not YAML: .* in line 1"),
        ("a: 1\na: 2", "says 'a' twice"),
        ("a: {b: 1, b: 2}", "says 'b' twice"),
        ("a: &x [1]\nb: *x", "refers to 'x': write it out"),
        ("- a\n- b", "must hold keys with values"),
        ("", "must hold keys with values, not None"),
        ("a: !!python/object/apply:os.getcwd []", "is not YAML: could not determine a constructor"),
        ("? [1]\n: 2", "is not YAML: "),
        ("a: 2026-99-99", "a date that there is not"),
        ("a: " + "[" * 10_000, "nests too deeply"),
        ("a: " + "x" * in_yaml.LONGEST, "is too long for a configuration"),
        ("a: \x00", "is not YAML"),
    ],
)
def test_bad_files_are_refused_in_one_sentence(text, why, tmp_path):
    path = tmp_path / "config.yml"
    path.write_text(text)
    with pytest.raises(InputError, match=why) as refused:
        in_yaml.load(path)
    assert "\n" not in str(refused.value)


def test_without_pyyaml_a_sentence_names_the_way(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("a: 1")
    with patch.object(in_yaml, "find_spec", lambda _: None), pytest.raises(InputError) as refused:
        in_yaml.load(path)
    assert "install gpu-memcalc[yaml], or write its keys and values in JSON" in str(refused.value)
