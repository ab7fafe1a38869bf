"""What an instructor hands out: on one page, complete, and computed."""

import re

import pytest

from lab import CHROMIUM
from memcalc import TERMS, Gpu, InputError, Model
from memcalc.__main__ import main
from memcalc.lessons import EXERCISES, GUESSES, sheets
from memcalc.lessons.briefs import QUESTIONS


def test_the_hand_out_has_terms_letters_and_numbers_that_are_computed():
    page = sheets.handout()
    assert page.count("<math") >= 2 + len(TERMS["weights"].simplified(Model.named("Llama-3.1-8B").values).symbols)
    for said in ("14.96 GiB", "1.00 GiB", "23.64 GiB", "512 KiB", "128 KiB", f"{Gpu.named('H100 80 GB').name}"):
        assert said in page, said
    assert re.search(r"<td>mixed</td><td>2</td><td>2</td><td>12</td><td>16</td>", page)
    assert not re.search(r'(src|href)="', page), "it stands alone"


@pytest.mark.skipif(CHROMIUM is None, reason="to print needs Chromium")
def test_the_hand_out_prints_on_one_page(tmp_path):
    said = sheets.write(tmp_path)
    assert [line.rpartition("/")[2] for line in said] == ["handout.html.", "answers.html.", "handout.pdf."]
    pages = re.findall(rb"/Type\s*/Page\b(?!s)", (tmp_path / "handout.pdf").read_bytes())
    assert len(pages) == 1


def test_the_answer_sheet_has_every_answer_and_every_known_mistake():
    page = sheets.answers()
    assert page.count("<article>") == len(EXERCISES) + len(GUESSES) + len(QUESTIONS)
    assert "<b>8.00 GiB</b> <code>2 * 64 * 8 * 128 * 32768 * 2 / 2**30</code>" in page
    assert "only the key-value heads are stored, and you counted the query heads" in page
    assert page.count("<li>") >= sum(len(task.answers()[1]) for task in EXERCISES.values())


def test_without_a_browser_there_is_no_pdf(tmp_path, monkeypatch):
    monkeypatch.setattr(sheets.shutil, "which", lambda _: None)
    assert sheets.printed(tmp_path / "handout.html") == []


def test_the_command_says_what_it_wrote_and_a_folder_that_cannot_be_used(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sheets, "printed", lambda _: [])
    assert main(["lessons", "--sheets", str(tmp_path / "sheets")]) == 0
    assert capsys.readouterr().out.count("Wrote ") == 2
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be used"):
        sheets.write(tmp_path / "file")
