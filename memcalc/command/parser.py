"""The parser: each command, and an option for every field that a kind of run declares."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, NoReturn

from memcalc import __version__
from memcalc.command import duration, frameworks, lists, methods, others, phrases
from memcalc.errors import InputError, must, shown

if TYPE_CHECKING:
    from memcalc.specs.run import Run

QUESTIONS = {"fit": "will this model fit on that card?", "train": "can this model be trained on such cards?"}
"""The commands that answer a question about a model and a card, and the question."""

GROUPS = {
    "what is counted": ("context", "batch", "weights", "kv_cache", "recipe", "optimizer"),
    "several cards": (
        *("data_parallel", "tensor_parallel", "pipeline_parallel", "expert_parallel"),
        *(
            "context_parallel",
            "exchange",
            "sequence_parallel",
            "micro_batches",
            "schedule",
            "chunks",
            "zero",
            "sharding",
            "reshard",
            "reduced",
            "offload",
        ),
    ),
    "a part in CPU memory": ("gpu_layers", "cpu_experts", "kv_offload", "host_bandwidth"),
    "beside the model": ("towers", "draft", "draft_model", "draft_weights"),
    "adapters": ("loras", "lora_rank", "lora_targets", "base_weights"),
    "the engine": (
        *("engine", "utilization", "batched_tokens", "sequences", "window", "ubatch", "prompt", "sinks", "recent"),
    ),
    "working memory": (
        "prefill",
        "attention",
        "logits",
        "dropout",
        "experts",
        "router_outputs",
        "recompute",
        "offload_activations",
        "activations",
        "overhead",
    ),
}
"""Heading → the fields under it; all others stand under the last one."""

_REST = "and more"

_CARD = 'a card, such as "RTX 4090", or its size, such as "48 GB at 960 GB/s"'
_CARDS = {
    "fit": f"{_CARD}; several share the model out, equal or not",
    "train": f'{_CARD}; of several, such as "4x H100", each works on other sequences, unless options divide more',
}

_ALSO = {"context": ("max-len",)}
"""Field → other names of its option."""


class Parser(argparse.ArgumentParser):
    """A parser whose help fails as any output does, where argparse would say nothing, and ends in the phrase book.

    What it refuses is an InputError as all else that is.
    """

    def format_help(self) -> str:
        """Return the help; the book is read only now."""
        command = self.get_default("command")
        self.epilog = _epilog(command) if command else None
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Raise InputError with what argparse says."""
        raise InputError(f"{message}; `{self.prog} --help` shows how it is written.")

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is not None and value not in action.choices:
            *first, last = action.choices
            raise must(action.metavar or action.dest, f"{', '.join(first)} or {last}", shown(value))

    def _print_message(self, message: str, file: IO[str] | None = None) -> None:
        if file is sys.stdout:
            print(message, end="", flush=True)
        else:
            super()._print_message(message, file)


Commands = argparse._SubParsersAction
"""To what a command is added."""


def build(asked: str = "", *more: Callable[[Commands], None]) -> Parser:
    """Return the parser of all commands; of the questions, only the one that is `asked` has its options.

    Parameters
    ----------
    more : what adds other commands
    """
    description = "The GPU memory formula; alone: an example"
    parser = Parser("python -m memcalc", description=description, allow_abbrev=False)
    parser.set_defaults(run=others.example)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="command")
    for name, question in QUESTIONS.items():
        usage = f"python -m memcalc {name} MODEL GPU [options]"
        form = argparse.RawDescriptionHelpFormatter
        command = commands.add_parser(
            name, help=question, description=question, usage=usage, formatter_class=form, allow_abbrev=False
        )
        if name == asked:
            _add_options(command, name)
    _add_list(commands)
    glossary = commands.add_parser("glossary", help="list every symbol with its meaning")
    glossary.set_defaults(run=others.glossary)
    for add in more:
        add(commands)
    return parser


def read(parser: Parser, arguments: list[str]) -> argparse.Namespace:
    """Return what the arguments say; of a question, what stands behind options too is a model or a card.

    Raises InputError for what no command can read.

    >>> read(build("fit"), ["fit", "7B", "--json", "RTX 4090", "--explain", "L4"]).gpu
    ['RTX 4090', 'L4']
    """
    options, later = parser.parse_known_args(arguments)
    if later and getattr(options, "command", None) not in QUESTIONS:
        parser.error(f"unrecognized arguments: {' '.join(later)}")
    if later:
        options.gpu = [*options.gpu, *later]
    return options


def known(asked: str, parser: Parser) -> list[str]:
    """Return the options of a command."""
    commands = next(one.choices for one in parser._actions if isinstance(one, Commands))
    return list(commands[asked]._option_string_actions) if asked in commands else []


def _kind(command: str) -> type[Run]:
    """Return the kind of run that a question is about; its fields are read only if somebody asks."""
    if command == "fit":
        from memcalc.specs.inference import Inference

        return Inference
    from memcalc.specs.training import Training

    return Training


def _answer(options: argparse.Namespace) -> None:
    from memcalc.command import asked

    return asked.answer(options)


def _add_options(command: Parser, name: str) -> None:
    """Add what a question takes, with an option for each field that its kind of run declares."""
    where = "a name, a size such as 7B, the path of a config.json, of GGUF, safetensors, or a folder; - for a "
    command.add_argument("model", nargs="?", help=f"{where}config.json that is piped in")
    command.add_argument("gpu", nargs="*", help=_CARDS[name])
    _add_named(command)
    command.add_argument("--tag", default="", metavar="…", help="NAME:TAG of a model in the folder of Ollama's models")
    command.add_argument("--explain", action="store_true", help="say of each term what it means and when it holds")
    command.add_argument("--json", action="store_true", help="print bytes and verdict for a program")
    kind = _kind(name)
    for title in (*GROUPS, _REST):
        _add_fields(command, title, kind)
    if name == "fit":
        command.add_argument("--pool", metavar="…", help="what a log says of the pool for the cache, such as 5.98 GiB")
        _add_slots(command)
        _add_tables(command)
    else:
        methods.add(command)
        frameworks.add(command)
        duration.add(command)
    command.set_defaults(run=_answer, kind=kind, command=name)


def _add_named(command: Parser) -> None:
    """Add options for what also stands without one."""
    from memcalc.command.words import in_gb

    command.add_argument("--model", dest="named_model", metavar="…", help="the model, if it does not stand first")
    again = {"dest": "named_gpu", "action": "append", "default": [], "metavar": "…"}
    command.add_argument("--gpu", "--card", "--device", **again, help="the card, if it does not stand there")
    command.add_argument("--vram", **again, type=in_gb, help="the memory of the card, such as 24 or 24GiB [GB]")


def _add_fields(command: Parser, title: str, kind: type[Run]) -> None:
    """Add the options under one heading; what nobody gave is left out of the result, and has its own default."""
    from memcalc.command.words import value

    grouped = [field for fields in GROUPS.values() for field in fields]
    inside = GROUPS.get(title) or [name for name in kind.declared if name not in grouped]
    fields = [name for name in inside if name in kind.declared]
    if not fields:
        return
    group = command.add_argument_group(title)
    for name in fields:
        others = [f"--{other}" for other in _ALSO.get(name, ())]
        meaning = f"{kind.declared[name].meaning} ({getattr(kind, name)})".replace("%", "%%")
        option = f"--{name.replace('_', '-')}"
        group.add_argument(option, *others, dest=name, type=value, default=argparse.SUPPRESS, metavar="…", help=meaning)


def _add_slots(command: Parser) -> None:
    from memcalc.command.words import value

    group = command.add_argument_group("in the words of llama.cpp")
    apart = "where it is given, llama-server keeps their cells apart (engine llama.cpp); else four slots share them"
    slots = f"sequences at the same time, as its -np; {apart} (llama.cpp-unified)"
    group.add_argument("--slots", type=value, metavar="…", help=slots)
    together = "tokens of context of all slots together, as its -c: each slot has its share"
    group.add_argument("--total-context", type=value, metavar="…", help=together)
    split = "how many layers each of several cards has, in proportion, such as 3,1; else what fills them alike"
    group.add_argument("--tensor-split", "-ts", metavar="…", help=split)


def _add_tables(command: Parser) -> None:
    group = command.add_argument_group("several in one table")
    cards = 'cards to compare, such as "RTX 4090" "48 GB"; all for every one that has a name'
    group.add_argument("--cards", nargs="+", default=[], metavar="…", help=cards)
    formats = "formats of the weights to compare; all for those that the engine has"
    group.add_argument("--formats", nargs="+", default=[], metavar="…", help=formats)
    group.add_argument("--table", choices=("text", "markdown", "csv", "json"), help="how the table is written (text)")


def _epilog(command: str) -> str:
    width = shutil.get_terminal_size().columns - 2
    listed = f"What has a name: python -m memcalc list {'|'.join(lists.TABLES)}"
    counts = "Counts may be written as 4096, 4,096 or 4K, which is 4 × 1,024."
    return f"{listed}\n{counts}\n\nwhat others call it:\n{phrases.table(command, width)}"


def _add_list(commands: Commands) -> None:
    listed = commands.add_parser("list", help="list what has a name: models, cards, formats and more")
    listed.add_argument("table", choices=list(lists.TABLES), help="which names")
    listed.add_argument("--json", action="store_true", help="print them for a program")
    listed.set_defaults(run=lists.answer)
