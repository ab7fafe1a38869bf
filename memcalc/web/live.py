"""Live pictures for an article: each a file that needs no other, with its frames and a still picture inside."""

import html
import json
import zlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from memcalc import explorers
from memcalc.explorers.frame import Setting
from memcalc.explorers.page import script, style
from memcalc.plots.article import PICTURES
from memcalc.web import pages

WIDTHS = (360, 600)
"""The layouts of a picture in an article: a column, and a phone."""

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>body {{ margin: 0; }}
{style}</style>
<main><div id="picture"><noscript>{still}</noscript></div></main>
<script type="text/plain" id="packed">{packed}</script>
<script type="module">
{script}
</script>
</html>
"""


@dataclass(frozen=True)
class Live:
    """A picture of the article that one can touch.

    Parameters
    ----------
    name : of its file
    subject : of its explorer
    start : what its start differs in from the usual one
    still : the name of the picture that stands for it where no script runs
    """

    name: str
    subject: str
    start: Setting
    still: str


LIVE = (
    Live("cache_against_context", "kv_cache", {"context": 2**15}, "kv_cache_context"),
    Live("zero", "optimizer", {"data_parallel": 8, "zero": "2"}, "training_states_zero"),
    Live("table1", "article", {"cell": "1.1.weights"}, "table1_stacked"),
    Live("audit", "article", {"table": "the claims"}, "claims_audit"),
)
"""The live pictures of the article."""


def write(folder: Path) -> Iterator[str]:
    """Write the live pictures into a folder, and yield a sentence for each with its size; other files stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for picture in LIVE:
        path = folder / f"{picture.name}.html"
        path.write_text(page(picture), encoding="utf-8")
        yield f"{path}: {round(path.stat().st_size / 1000):,} kB, all in one file."


def page(picture: Live) -> str:
    """Return a picture as a page that asks for nothing else."""
    explorable = getattr(explorers, picture.subject)
    start = explorable.setting(picture.start)
    files = dict(pages.frames(explorable, start, WIDTHS))
    stage = {"stage": explorable.stage | {"layouts": WIDTHS}, "start": start}
    data = json.dumps({"stage": stage, "files": files}, ensure_ascii=False, separators=(",", ":"))
    raw = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = b64encode(raw.compress(data.encode()) + raw.flush()).decode()
    title = html.escape(explorable.frame(**start).sentence_said)
    return _PAGE.format(title=title, style=style(), still=_still(picture.still), packed=packed, script=_joined())


def _joined() -> str:
    """Return the explorers' script, the host of a page and what unpacks the frames, as one module."""
    widget = script().replace("export default ", "const explorer = ")
    host = "\n".join(line for line in pages.source("host.js", "explorers").splitlines() if line[:7] != "import ")
    return "\n".join([widget, host, pages.source("packed.js")])


def _still(name: str) -> str:
    """Return a picture of the article as an element, with its words."""
    picture = next(one for one in PICTURES if one.name == name)
    return f'<img alt="{html.escape(picture.alt)}" src="{picture().as_svg()}" style="max-width: 100%">'
