"""What Sphinx must know of the site (`make site`)."""

import sys
from pathlib import Path

import memcalc

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

project = "memcalc"
author = "The memcalc authors"
release = version = memcalc.__version__
html_title = "memcalc"
copyright = "code BSD-3-Clause, text CC BY 4.0"  # Sphinx asks for it by this name
language = "en"

extensions = [
    *("sphinx.ext.autodoc", "sphinx.ext.autosummary", "docstrings"),
    *("myst_nb", "mathml", "lesson_pages", "decks", "strict_pages"),
]
exclude_patterns = ["build", "**.ipynb_checkpoints", "extensions", "static", "templates"]
nb_execution_mode = "off"  # what was executed is committed
nb_mime_priority_overrides = [("linkcheck", "text/html", 0)]
nb_render_markdown_format = "myst"
nb_code_prompt_show = "The set-up of the notebook"
nb_code_prompt_hide = "The set-up of the notebook"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
myst_heading_slug_func = "lesson_pages.slug"
suppress_warnings = ["mystnb.unknown_mime_type"]

templates_path = ["templates"]
default_role = "py:obj"
autosummary_generate = [f"api/{path.name}" for path in (HERE / "api").glob("*.rst")]
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 80

html_theme = "sphinx_book_theme"
html_static_path = ["static"]
html_css_files = ["live/explorer.css", "live/lesson.css", "site.css"]
html_js_files = [("live/site.js", {"type": "module"})]
html_context = {"default_mode": "auto"}
html_math_renderer = "mathml"
html_copy_source = html_show_sourcelink = html_show_sphinx = False
html_use_index = html_domain_indices = False
html_favicon = "static/icon.svg"
html_sidebars = {"**": ["navbar-logo.html", "search-button-field.html", "sbt-sidebar-nav.html"]}
html_theme_options = {
    "home_page_in_toc": True,
    "logo": {"text": "memcalc"},
    "navbar_persistent": [],
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "toc_title": "On this page",
    "use_download_button": False,
    "use_fullscreen_button": False,
    "use_sidenotes": False,
}
live_pyodide = str(HERE.parent / "node_modules" / "pyodide")
reveal = str(HERE.parent / "node_modules" / "reveal.js" / "dist")
