"""The command line: questions and lists, which `command` answers, and what writes files: the explorers, the article."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from memcalc.errors import InputError

if TYPE_CHECKING:
    import argparse

    from memcalc.command import parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code.

    0: done; 1: the check found differences; 2: bad input, or an output that cannot be written; 130: interrupted;
    141: the reader of the output, such as head, has seen enough, as the shell says of other programs.
    """
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:  # while modules are read, which takes most of the time
        os.write(2, b"memcalc: interrupted.\n")
        return 130


def _run(arguments: list[str]) -> int:
    """Answer, or say why there is no answer, and return the exit code."""
    from memcalc.command import streams

    try:
        streams.prepare()
        return _answer(arguments)
    except InputError as problem:
        return streams.refused(problem, in_json="--json" in arguments)
    except ModuleNotFoundError as lacking:
        needs = (
            f"{arguments[0]} needs {lacking.name}, which comes with the lessons: pip install 'gpu-memcalc[notebooks]'."
        )
        return streams.refused(InputError(needs), in_json=False)
    except (OSError, KeyboardInterrupt) as problem:
        return streams.given_up(problem)


def _answer(arguments: list[str]) -> int:
    from memcalc import catalogue, texts
    from memcalc.command import parser, phrases

    catalogue.language(os.environ.get(texts.VARIABLE, ""))
    arguments = phrases.plain(arguments)
    asked = arguments[0] if arguments else ""
    built = parser.build(asked, _add_writers)
    if asked in parser.QUESTIONS:
        phrases.check(arguments[1:], asked, parser.known(asked, built))
    options = parser.read(built, arguments)
    code = options.run(options) or 0
    sys.stdout.flush()  # here, where a closed pipe is caught
    return code


def _add_writers(commands: parser.Commands) -> None:
    """Add the commands that write files."""
    article = commands.add_parser("article", help="write the article's tables and figures")
    article.add_argument("--check", action="store_true", help="compare instead of writing; exit 1 on any difference")
    formats = ("svg", "png", "pdf", "html", "tex")
    meaning = "of the pictures beside svg, or of the tables; may be repeated"
    article.add_argument("--format", choices=formats, action="append", default=[], help=meaning)
    article.add_argument("--out", default="figures", help="the folder (%(default)s)")
    article.add_argument("--live", metavar="DIR", help="write pictures to embed instead, which one can touch, here")
    article.set_defaults(run=_article)
    pages = commands.add_parser("explorers", help="write the explorers as pages that need no kernel")
    pages.add_argument("subject", nargs="*", help="which of them; all, if none is named")
    pages.add_argument("--out", default="pages", help="the folder (%(default)s)")
    pyodide = (
        "the folder of Pyodide's npm package: with it, the pages compute by themselves what was not made beforehand"
    )
    pages.add_argument("--pyodide", help=pyodide)
    pages.set_defaults(run=_explorers)
    _add_lessons(commands)


def _add_lessons(commands: parser.Commands) -> None:
    """Add the command of the lessons: for who learns, and for who teaches."""
    from memcalc import texts

    lessons = commands.add_parser("lessons", help="copy the lessons, without outputs, into a folder of your own")
    lessons.add_argument("folder", nargs="?", help="the folder; what you have typed there stays")
    lessons.add_argument("--language", metavar="NAME", help=f"of the lessons: {', '.join(texts.languages())}")
    room = "a folder of lines that learners exported: write room.html there, which says how many made which mistake"
    lessons.add_argument("--room", metavar="FOLDER", help=room)
    sheets = "a folder: write a hand-out of one page and the answers there, for an instructor"
    lessons.add_argument("--sheets", metavar="FOLDER", help=sheets)
    lessons.set_defaults(run=_lessons)


def _explorers(options: argparse.Namespace) -> None:
    from memcalc.web import pages  # only for this command

    count = pages.write_all(Path(options.out), options.subject, options.pyodide and Path(options.pyodide))
    print(f"{count} pages in {options.out}; show them with: python -m http.server --directory {options.out}")


def _lessons(options: argparse.Namespace) -> None:
    from memcalc import catalogue

    asked = [name for name in ("folder", "room", "sheets") if getattr(options, name)]
    if len(asked) != 1:
        raise InputError("lessons needs one of these: a folder for your copies, --room with lines, or --sheets FOLDER.")
    catalogue.language(options.language or "")
    folder = Path(getattr(options, asked[0])).expanduser()
    if options.room:
        from memcalc.lessons import room  # with the libraries of pictures

        print(room.write(folder))
    elif options.sheets:
        from memcalc.lessons import sheets

        print("\n".join(sheets.write(folder)))
    else:
        from memcalc.lessons import copies

        print("\n".join(copies.copy(folder)))


def _live(options: argparse.Namespace) -> None:
    from memcalc.web import live

    if options.check or options.format:
        raise InputError("live must stand alone: its pictures are neither compared, nor are they of other formats.")
    for sentence in live.write(Path(options.live)):
        print(sentence, flush=True)


def _article(options: argparse.Namespace) -> int | None:
    from memcalc import texts

    texts.speak(texts.ENGLISH)  # as the article is, whoever asks
    if options.live:
        return _live(options)
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
