"""Measure all, print it, and write the latency of the explorers into README.md beside this file."""

import datetime
import os
import platform
import sys
from pathlib import Path

from bench import latency, site, speed
from lab import CHROMIUM

README = Path(__file__).with_name("README.md")
TEXT = """# How fast it is

`make bench` measured this on {date} ({cores} cores, Python {python}) and wrote it here.

Each explorer against `interact` with an inline plot that says the same (`plain.py`), each alone in a notebook of
one JupyterLab in headless Chromium: from the key, the move of a drag or the click to the end of the frame that
shows another picture, median (p95). An explorer asks the kernel for the frames around a control when a hand or the
focus comes near; *asked anew* is the same explorer without them, so that each key goes to the kernel and back: in
Jupyter as it comes, and in that of `make lab`, which holds no message back (`notebooks/lab/jupyter_server_config.py`).
*Nothing* in the first row is a slider that moves one rectangle, at once or when the kernel sent its number back:
the least that the page and Jupyter need. *Page* is the same explorer without a kernel, with frames made
beforehand, *worker* what Python in the page's own worker takes for a frame that was not made, and *kernel* what it
takes in CPython. A dash stands where an explorer has no such control at its start.

{table}

{pages}

{site}

## The formula

{formula}
"""


OF_THE_SITE = """## The site

As `make site` builds it, from a server on the same machine; each visitor is new to it.

{lines}"""


def of_the_site():
    """Measure the site, and return its part of the page."""
    return OF_THE_SITE.format(lines="\n".join(f"- {line}" for line in site.lines()))


def main():
    """Measure, print and write: all of it, or with the word `site` that part alone."""
    if CHROMIUM is None:
        sys.exit("the bench needs Chromium: apt-get install chromium libatomic1")
    if sys.argv[1:] == ["site"]:
        before, _, rest = README.read_text(encoding="utf-8").partition(OF_THE_SITE.partition("\n")[0])
        README.write_text(before + of_the_site() + rest[rest.index("\n\n## ") :], encoding="utf-8")
        return
    formula = list(speed.lines())
    rows = [latency.HEAD, ["---"] * len(latency.HEAD), *latency.rows()]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    when = {"date": datetime.date.today().isoformat(), "cores": os.cpu_count(), "python": platform.python_version()}
    pages = "\n".join(f"- {line}" for line in latency.facts())
    parts = {
        "table": table,
        "pages": pages,
        "site": of_the_site(),
        "formula": "\n".join(f"- {line}" for line in formula),
    }
    README.write_text(TEXT.format(**when, **parts), encoding="utf-8")
    print(*parts.values(), sep="\n")


if __name__ == "__main__":
    main()
