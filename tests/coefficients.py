"""A lesson with a changed coefficient: what its cells show then, beside what is committed; run as a program.

The package is copied, one line of the copy is changed, and a fresh process runs the cells of a lesson on it: not those
that only ask, for what they show depends on an answer, nor pictures.
"""

import ast
import compileall
import json
import os
import re
import shutil
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).parent.parent
ASKS_OR_DRAWS = re.compile(r"\b(predict|exercise|brief|progress|explorers\.\w+|plots\.\w+)\(")


def copied(folder):
    """A copy of the package with its bytecode, so that each further copy need not be compiled."""
    shutil.copytree(ROOT / "memcalc", folder / "memcalc", ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(folder, quiet=2)
    return folder


def changed(base, folder, file, old, new):
    """A copy of a copy, in which `new` stands in the place of `old`; gives its folder."""
    shutil.copytree(base / "memcalc", folder / "memcalc")
    path = folder / "memcalc" / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} does not stand once in {file}"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return folder


def in_a_child(task):
    """What a function returns in a process of its own, which has imported what this one has."""
    read, write = os.pipe()
    if not os.fork():
        with os.fdopen(write, "w") as out:
            json.dump(task(), out)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        return json.load(answer)


def differing(package, lesson):
    """The first cell of a lesson that shows something else than what is committed, with both; None if there is none."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    sys.path.insert(0, str(package))
    shell = InteractiveShell.instance()
    for writes in ("write_output_prompt", "write_format_data", "finish_displayhook"):
        setattr(shell.displayhook, writes, lambda *_: None)  # a result is formatted here, and not printed too
    for cell in nbformat.read(ROOT / "notebooks" / f"{lesson}.ipynb", as_version=4).cells:
        if cell.cell_type != "code":
            continue
        code = without_what_asks(cell.source)
        with capture_output() as shown:
            ran = shell.run_cell(code)
        data = [output.data for output in shown.outputs]
        if ran.result is not None:
            data.append(shell.display_formatter.format(ran.result)[0])
        found = [shown.stdout, *map(said, data)] if ran.success else [str(ran.error_in_exec)]
        kept = [output.get("data", {}) for output in cell.outputs if output.output_type != "stream"]
        printed = "".join(output.text for output in cell.outputs if output.output_type == "stream")
        if code == cell.source and found != [printed, *map(said, kept)]:
            return {"cell": cell.id, "now": found, "committed": [printed, *map(said, kept)]}
    return None


def without_what_asks(code):
    """Code without the statements that ask or draw."""
    if not ASKS_OR_DRAWS.search(code):
        return code
    statements = [ast.get_source_segment(code, one) for one in ast.parse(code).body]
    return "\n".join(one for one in statements if not ASKS_OR_DRAWS.search(one))


def said(data):
    """What an output says: the words of a page, or else plain text."""
    return next(data[kind] for kind in ("text/html", "text/markdown", "text/plain") if kind in data)


def main():
    """Read cases, each a folder with a package and a lesson, and write what differs."""
    import IPython
    import ipywidgets
    import numpy
    import pandas
    import sympy

    assert all((IPython, ipywidgets, numpy, pandas, sympy)), "what each child needs and none of them changes"
    cases = json.load(sys.stdin)
    json.dump([in_a_child(lambda case=case: differing(*case)) for case in cases], sys.stdout)


if __name__ == "__main__":
    main()
