"""The parser: an option for every declared field, in short help."""

import pytest

from memcalc import Inference, Training, catalogue
from memcalc.command import parser


@pytest.mark.parametrize(("command", "kind"), [("fit", Inference), ("train", Training)])
def test_every_declared_field_is_an_option_once(command, kind):
    known = parser.known(command, parser.build(command))
    for name in kind.declared:
        assert known.count(f"--{name.replace('_', '-')}") == 1


@pytest.mark.parametrize(("command", "kind"), [("fit", Inference), ("train", Training)])
def test_what_nobody_gives_has_the_default_of_the_field(command, kind):
    options = parser.build(command).parse_args([command, "LLaMA-7B", "RTX 4090", "--context", "2K"])
    assert options.context == 2048
    assert [name for name in kind.declared if hasattr(options, name)] == ["context"]


def test_a_heading_names_fields_that_exist():
    declared = {*Inference.declared, *Training.declared}
    assert {name for names in parser.GROUPS.values() for name in names} <= declared


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("command", ["fit", "train"])
def test_help_is_short_and_lists_no_names_of_models_or_cards(command, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    subparsers = next(one for one in parser.build(command)._actions if isinstance(one, parser.Commands))
    said = subparsers.choices[command].format_help()
    assert max(map(len, said.split("\n"))) <= max(columns, 90)
    assert "python -m memcalc list models|gpus" in said
    assert sum(name in said for name in (*catalogue.names("models"), *catalogue.names("gpus"))) < 5
