"""Pages that ask nobody, and run no script but the site's own: the theme's inline scripts become files."""

import re
from functools import partial
from hashlib import sha256
from pathlib import Path

from sphinx.application import Sphinx

POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'"
)
"""Styles may stand in the page, for outputs of notebooks have them; scripts may not."""

_DROPPED = (
    r'\s*<script defer src="[^"]*fontawesome\.js[^"]*"></script>',  # 1.5 MB for signs that its font has too
    r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>(?=[^ÿ]*<body)',
)
_SIGNATURE = re.compile(r'(?<=<span class="sig-paren">\(</span>\n\n)<dl>.*?</dl>', re.DOTALL)
_LINES = {"<dl>": "<span>", "<dd>": '<span class="sig-line">', "</dd>": "</span>", "</dl>": "</span>"}
_INLINE = re.compile(r"<script(?P<its>(?![^>]*\bsrc=)[^>]*)>(?P<code>.*?)</script>", re.DOTALL)


def _strict(app: Sphinx, fault: Exception | None) -> None:
    if fault or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for path in (*out.rglob("*.map"), *out.rglob("fontawesome.js")):
        path.unlink()  # nobody asks for them
    for path in out.rglob("*.html"):
        if path.is_relative_to(out / "_static") or path.is_relative_to(out / "lite"):
            continue  # no page of Sphinx
        text, up = path.read_text(encoding="utf-8"), "../" * (len(path.relative_to(out).parts) - 1)
        for pattern in _DROPPED:
            text = re.sub(pattern, "", text)
        text = _INLINE.sub(partial(_as_file, out, up), _SIGNATURE.sub(_as_lines, text))
        policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}" />'
        path.write_text(text.replace("<head>", f"<head>\n    {policy}", 1), encoding="utf-8")


def _as_lines(found: re.Match) -> str:
    """Return the parameters of a signature as lines: Sphinx writes them as definitions of nothing."""
    return re.sub("</?d[dl]>", lambda tag: _LINES[tag[0]], found[0])


def _as_file(out: Path, up: str, found: re.Match) -> str:
    """Write an inline script as a file, and return the element that loads it."""
    code = found["code"].strip().encode()
    name = f"_static/inline-{sha256(code).hexdigest()[:12]}.js"
    (out / name).write_bytes(code)
    return f'<script{found["its"]} src="{up}{name}"></script>'


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect it last."""
    app.connect("build-finished", _strict, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
