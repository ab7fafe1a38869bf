"""The command line: a worked example, "will it fit?" for inference and for training, and the article."""

import argparse
import codecs
import errno
import io
import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO

from memcalc import Gpu, Inference, InputError, Model, Training, __version__, breakdown, catalogue, fits, units, values
from memcalc.checkpoints import is_config
from memcalc.estimate import advice
from memcalc.estimate.inference import resolved
from memcalc.estimate.terms import terms
from memcalc.estimate.training import places
from memcalc.formula import Term
from memcalc.formula.symbols import GLOSSARY, SUMMANDS
from memcalc.specs.inference import AUTO


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code.

    0: done; 1: the check found differences; 2: bad input, or an output that cannot be written; 130: interrupted;
    141: the reader of the output, such as head, has seen enough, as the shell says of other programs.
    """
    try:
        _prepare_output()
        options = _parser().parse_args(arguments)
        code = options.run(options) or 0
        sys.stdout.flush()  # here, where a closed pipe is caught
        return code
    except InputError as problem:
        _say(problem)
        return 2
    except (OSError, KeyboardInterrupt) as problem:
        return _given_up(problem)


def _prepare_output() -> None:
    """Spell plainly what the output cannot encode, and raise OSError if it is closed."""
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def _plain(problem: UnicodeError) -> tuple[str | bytes, int]:
    spelling = {"×": "x", "…": "..."}.get(problem.object[problem.start])
    return (spelling, problem.start + 1) if spelling else codecs.backslashreplace_errors(problem)


def _given_up(problem: BaseException) -> int:
    """Drop what is not yet written, lest Python wait for it at its end, say why, and return the exit code."""
    with suppress(OSError, AttributeError):  # the output is closed, or no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(problem, BrokenPipeError):
        return 141
    if isinstance(problem, KeyboardInterrupt):
        _say("interrupted.")
        return 130
    _say(f"the output cannot be written: {problem.strerror}.")
    return 2


def _say(problem: object) -> None:
    with suppress(OSError, AttributeError):  # nobody hears it
        sys.stderr.write(f"memcalc: {problem}\n")


class _Parser(argparse.ArgumentParser):
    """A parser whose help fails as any output does; argparse would say nothing."""

    def _print_message(self, message: str, file: IO[str] | None = None) -> None:
        if file is sys.stdout:
            print(message, end="", flush=True)
        else:
            super()._print_message(message, file)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("python -m memcalc", description="The GPU memory formula; alone: an example")
    parser.set_defaults(run=_example)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="command")
    fit, train = ("models", "gpus", "formats", "engines"), ("models", "gpus", "formats", "recipes", "optimizers")
    _add_question(commands, "fit", Inference, "will this model fit on that card?", fit)
    _add_question(commands, "train", Training, "can this model be trained on such cards?", train)
    glossary = commands.add_parser("glossary", help="list every symbol with its meaning")
    glossary.set_defaults(run=_glossary)
    _add_writers(commands)
    return parser


def _add_writers(commands: argparse._SubParsersAction) -> None:
    """Add the commands that write files."""
    article = commands.add_parser("article", help="write the article's tables and figures")
    article.add_argument("--check", action="store_true", help="compare instead of writing; exit 1 on any difference")
    formats = ("svg", "png", "pdf", "html", "tex")
    meaning = "of the pictures beside svg, or of the tables; may be repeated"
    article.add_argument("--format", choices=formats, action="append", default=[], help=meaning)
    article.add_argument("--out", default="figures", help="the folder (%(default)s)")
    article.set_defaults(run=_article)
    pages = commands.add_parser("explorers", help="write the explorers as pages that need no kernel")
    pages.add_argument("subject", nargs="*", help="which of them; all, if none is named")
    pages.add_argument("--out", default="pages", help="the folder (%(default)s)")
    pyodide = (
        "the folder of Pyodide's npm package: with it, the pages compute by themselves what was not made beforehand"
    )
    pages.add_argument("--pyodide", help=pyodide)
    pages.set_defaults(run=_explorers)


def _add_question(
    commands: argparse._SubParsersAction, name: str, kind: type, question: str, tables: tuple[str, ...]
) -> None:
    """Add a command with an option for each field that a kind of run declares."""
    known = "; ".join(f"{table}: {', '.join(catalogue.names(table))}" for table in tables)
    command = commands.add_parser(name, help=question, epilog=known)
    command.add_argument("model", help="a name, or the path of a config.json, of GGUF, safetensors, or a folder")
    command.add_argument("gpu", help='a card, such as "RTX 4090", or its size, such as "48 GB at 960 GB/s"')
    command.add_argument("--tag", default="", help="NAME:TAG of a model in the folder of Ollama's models")
    for name, declared in kind.declared.items():
        option, meaning = f"--{name.replace('_', '-')}", f"{declared.meaning.replace('%', '%%')} (%(default)s)"
        command.add_argument(option, type=_value, default=getattr(kind, name), metavar="…", help=meaning)
    command.add_argument("--explain", action="store_true", help="say of each term what it means and when it holds")
    command.add_argument("--json", action="store_true", help="print bytes and verdict for a program")
    command.set_defaults(run=_answer, kind=kind)


def _value(text: str) -> object:
    """Read a number or a truth value; what is neither goes on as text, and the field itself says what is allowed."""
    for read in (int, float, {"true": True, "false": False}.__getitem__):
        try:
            return read(text.lower())
        except (ValueError, KeyError):
            pass
    return text


_IN_FOLDERS = (".gguf", ".safetensors", ".safetensors.index.json", "blobs", "snapshots")
"""How names end in a folder that holds a model, or lists its files; the last two are Ollama's and a hub's."""


def _model(name: str, tag: str = "") -> Model:
    """Return what a name or a path means; a folder without a model hides no name."""
    path = Path(name)
    if not name or not os.path.exists(name):
        if name.startswith(("/", ".", "~")):
            raise InputError(f"model {name!r} must be a file or a folder that is there, or a name.")
        return Model.from_config(path) if path.suffix == ".json" else Model.named(name)
    inside = os.listdir(name) if os.path.isdir(name) else []
    if any(file.casefold().endswith(_IN_FOLDERS) for file in inside):
        return Model.from_checkpoint(path, tag)
    if "config.json" in inside:
        return Model.from_config(path / "config.json")
    if os.path.isdir(name):
        return _named_or_in(path, tag)
    return Model.from_config(path) if is_config(path) else Model.from_checkpoint(path, tag)


def _named_or_in(folder: Path, tag: str) -> Model:
    """Return the model of this name; where there is none, the refusal of the folder that is called so."""
    try:
        return Model.named(str(folder))
    except InputError:
        return Model.from_checkpoint(folder, tag)


def _example(options: argparse.Namespace) -> None:
    print("memcalc works. A model of seven billion parameters, 32,768 tokens, on a card of 24 GB:\n")
    _print_fit(Model.named("LLaMA-7B"), Inference(), Gpu.named("RTX 4090"))
    print('\nAsk your own: python -m memcalc fit MODEL GPU --context TOKENS   (see "python -m memcalc fit --help")')


def _answer(options: argparse.Namespace) -> None:
    model, gpu = _model(options.model, options.tag), Gpu.of(options.gpu)
    run = options.kind(**{name: getattr(options, name) for name in options.kind.declared})
    (_print_json if options.json else _print_fit)(model, run, gpu)
    if options.explain and not options.json:
        for term in terms(model, run):
            print(f"\n{term.name}: {term.meaning}\n  holds: {term.holds}\n  source: {term.source}")


def _glossary(options: argparse.Namespace) -> None:
    for entry in GLOSSARY.values():
        print(f"{entry.symbol!s:<9} {entry.name:<26} {entry.meaning}" + (f" [{entry.unit}]" if entry.unit else ""))


def _print_json(model: Model, run: Inference, gpu: Gpu) -> None:
    fit, parts = fits(model, run, gpu), terms(model, run)
    answer = {
        "model": model.name,
        "gpu": gpu.name,
        "run": asdict(run),
        "bytes": breakdown(model, run),
        **_elsewhere(model, run),
        "terms": {term.name: {name: getattr(term, name) for name in ("meaning", "holds", "source")} for term in parts},
        "total": fit.needed,
        "capacity": fit.capacity,
        "capacity_is": gpu.capacity_is,
        "fits": bool(fit),
        "margin": fit.margin,
        "advice": [*advice.next_steps(model, run, gpu), *advice.notes(model, run, gpu)],
    }
    print(json.dumps(answer, indent=2))


def _print_fit(model: Model, run: Inference, gpu: Gpu) -> None:
    fit = fits(model, run, gpu)
    print(f"{model.name} on {gpu.name}: {_in_words(model, run)}")
    known, memory = values(model, run), breakdown(model, run)
    for term in terms(model, run):
        _print_line(term.name, memory[term.name], _formula(term.simplified(known)))
    _print_line("total", fit.needed)
    for place, kept in _elsewhere(model, run).items():
        _print_line(f"in {place.upper() if place == 'cpu' else 'NVMe'} memory", sum(kept.values()))
    _print_line(f"the card ({gpu.capacity_is})", fit.capacity)
    steps, notes = advice.next_steps(model, run, gpu), advice.notes(model, run, gpu)
    print("\n".join([advice.verdict(model, run, gpu), *steps, *notes]))


def _elsewhere(model: Model, run: Inference | Training) -> dict[str, dict[str, int]]:
    """Return what an offloaded run keeps off the card, by place."""
    kept = {} if getattr(run, "offload", "none") == "none" else places(model, run)
    return {place: states for place, states in kept.items() if place != "gpu" and any(states.values())}


def _in_words(model: Model, run: Inference | Training) -> str:
    """Say what the run is: context, batch, and what differs from the usual."""
    run = resolved(model, run)
    said = [f"context {run.context:,}", f"batch {run.batch:,}"]
    named = ("weights", "kv_cache") if isinstance(run, Inference) else ("recipe", "optimizer")
    formats = {name: "stored" if getattr(run, name) == AUTO else getattr(run, name) for name in named}
    said += [f"{form} {SUMMANDS[name].word if name in SUMMANDS else name}" for name, form in formats.items()]
    rest = [name for name in run.declared if name not in ("context", "batch", *named)]
    changed = [name for name in rest if getattr(run, name) != getattr(type(run), name)]
    return ", ".join(said + [f"{name} {getattr(run, name)}" for name in changed])


def _formula(term: Term) -> str:
    """Return the formula of a term, or what it sums if it would fill the screen."""
    text = str(term)
    return text if len(text) <= 160 else f"{term.symbol} = sum over {len(term.expr.args)} kinds of tensors"


def _print_line(name: str, count: int, formula: str = "") -> None:
    amounts = f"{count:>19,} bytes = {units.show(count):>12} = {units.show(count, 'GB'):>12}"
    print(f"  {name:<20} {amounts}   {formula}".rstrip())


def _explorers(options: argparse.Namespace) -> None:
    from memcalc.explorers import pages  # only for this command

    count = pages.write_all(Path(options.out), options.subject, options.pyodide and Path(options.pyodide))
    print(f"{count} pages in {options.out}; show them with: python -m http.server --directory {options.out}")


def _article(options: argparse.Namespace) -> int:
    from memcalc import publish  # pandas and matplotlib, which the other commands do without

    if sys.flags.optimize > 1:
        raise InputError("article tells of its tables in their docstrings; run it without -OO.")
    if not options.out:
        raise InputError("out must name a folder, such as figures, not ''.")
    if options.check and not os.path.isdir(options.out):
        raise InputError(f"out {options.out!r} is not a folder with figures; run this where figures/ is.")
    try:
        problems = (publish.check if options.check else publish.write)(Path(options.out), options.format)
    except OSError as problem:
        raise InputError(f"out {options.out!r} cannot be used: {problem.strerror}.") from None
    print("\n".join(problems) or f"{options.out} is up to date.")
    return 1 if options.check and problems else 0


if __name__ == "__main__":
    sys.exit(main())
