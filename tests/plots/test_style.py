"""The house style: figures that say in words what they show, whatever the settings of the user."""

import base64
import re

from matplotlib import rc_context, rcParams

from memcalc.plots.style import Drawn, canvas, house_style
from memcalc.plots.weights import weights_by_format


def test_a_figure_is_an_image_with_its_text():
    shown = weights_by_format()._repr_html_()
    alt, pixels = re.search(r'<img [^>]*alt="([^"]+)" src="data:image/png;base64,([^"]+)">$', shown).groups()
    assert "LLaMA-7B in FP16 12.55 GiB" in alt
    assert base64.b64decode(pixels).startswith(b"\x89PNG")


def test_the_text_of_a_figure_cannot_leave_its_attribute():
    with canvas() as (figure, _):
        assert isinstance(figure, Drawn)
    assert "&quot;&gt;&lt;b&gt;" in figure.with_alt_text('"><b>')._repr_html_()


def test_pictures_do_not_depend_on_the_settings_of_the_user():
    usual = weights_by_format()._repr_html_()
    with rc_context({"font.size": 30, "savefig.dpi": 20}):
        assert weights_by_format()._repr_html_() == usual
        with house_style():
            assert rcParams["font.size"] == 9
        assert rcParams["font.size"] == 30
