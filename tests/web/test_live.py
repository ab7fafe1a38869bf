"""Live pictures: each one file, which asks for no other and says in a still picture what it shows."""

import base64
import json
import re
import zlib

import pytest

from memcalc import explorers
from memcalc.__main__ import main
from memcalc.plots.article import PICTURES
from memcalc.web import live


@pytest.fixture(scope="module")
def page():
    """The first of them."""
    return live.page(live.LIVE[0])


def test_a_page_has_all_inside(page):
    assert len(page.encode()) < 500_000
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    assert not re.search(r"(?m)^import ", page)
    assert 'img alt="' in page.partition("<noscript>")[2].partition("</noscript>")[0], "the still picture has its words"


def test_the_frames_inside_are_the_explorer_s(page):
    packed = re.search(r'id="packed">([^<]+)<', page)[1]
    data = json.loads(zlib.decompress(base64.b64decode(packed), -zlib.MAX_WBITS))
    assert data["stage"]["start"] == explorers.kv_cache.setting(live.LIVE[0].start)
    assert {int(name) for name in data["files"] if name.isdigit()} == set(live.WIDTHS)
    wider = data["files"]["600"]["base"]
    assert wider == json.loads(json.dumps(explorers.kv_cache.data(data["stage"]["start"], 600)))


def test_every_live_picture_has_a_start_and_a_still_one():
    for picture in live.LIVE:
        assert getattr(explorers, picture.subject).setting(picture.start)
        assert picture.still in {one.name for one in PICTURES}


def test_the_command_says_how_large_each_is(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(live, "LIVE", live.LIVE[1:2])
    assert main(["article", "--live", str(tmp_path)]) == 0
    size = round((tmp_path / "zero.html").stat().st_size / 1000)
    assert capsys.readouterr().out == f"{tmp_path / 'zero.html'}: {size} kB, all in one file.\n"
    assert main(["article", "--live", str(tmp_path), "--check"]) == 2
