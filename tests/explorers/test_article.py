"""The explorer of the audit: the bars are the counts, the words name the claims."""

import re

import pytest

import memcalc.article.claims
from cases import placed, written
from memcalc import InputError, catalogue
from memcalc.article.claims import VERDICTS, claims
from memcalc.explorers.article import ALL, KINDS, audit


def widths(frame):
    return [max(xs) - min(xs) for xs in (placed(frame)[f"verdict{place}"][::2] for place in range(6))]


def said(frame):
    return [int(re.search(rf"[:,] {name} (\d+)", frame.said)[1]) for name in VERDICTS]


@pytest.mark.parametrize("kind", KINDS)
def test_bars_are_as_long_as_the_counts_that_the_words_say(kind):
    frame = audit.frame(kind=kind, verdict="all")
    ratio = sum(widths(frame)) / sum(said(frame))
    assert widths(frame) == pytest.approx([ratio * count for count in said(frame)], abs=0.05)
    assert frame.said.startswith(f"{sum(said(frame))} claims")
    assert [int(text.split()[0]) for text in written(frame).values()] == said(frame)


def test_the_kinds_part_all_claims():
    counts = {kind: sum(said(audit.frame(kind=kind, verdict="all"))) for kind in KINDS}
    assert counts.pop("all") == sum(counts.values()) == len(catalogue.rows("claims"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("verdict", [ALL, *VERDICTS])
def test_the_claims_are_named(kind, verdict):
    frame = audit.frame(kind=kind, verdict=verdict)
    named = [line.rpartition(": ")[2] for line in frame.details if re.match(r"C\d{3} · ", line)]
    assert len(named) == int(re.match(r"\d+", frame.said)[0])
    assert verdict == "all" or set(named) <= {verdict}
    assert named or frame.details == ["none"]


def test_the_chosen_verdict_has_an_arrow_head_before_its_bar():
    for place, verdict in enumerate(VERDICTS):
        shapes = placed(audit.frame(kind="all", verdict=verdict))
        tip, bar = shapes["chosen"][2:4], shapes[f"verdict{place}"]
        assert tip[0] < min(bar[::2])
        assert tip[1] == pytest.approx((min(bar[1::2]) + max(bar[1::2])) / 2, abs=0.05)
    assert placed(audit.frame(kind="all", verdict="all"))["chosen"] == []


def test_the_line_of_python_gives_the_claims():
    for verdict in [ALL, *VERDICTS]:
        frame = audit.frame(kind="formula", verdict=verdict)
        table = eval(frame.code, {"claims": memcalc.article.claims})
        assert len(table) == int(re.match(r"\d+", frame.said)[0])


@pytest.mark.parametrize(
    ("kind", "verdict", "sentence"),
    [("rumour", "all", "kind 'rumour' is not known"), ("all", "true", "verdict 'true' is not known")],
)
def test_a_menu_has_no_such_entry(kind, verdict, sentence):
    with pytest.raises(InputError, match=sentence):
        audit.frame(kind=kind, verdict=verdict)


def test_what_notebook_6_says_of_the_audit():
    formula = [one.verdict for one in claims() if one.row["kind"] == "formula"]
    between = sum(verdict not in ("holds", "wrong") for verdict in formula)
    assert 0.45 < between / len(formula) < 0.55, "about half"
    wrong = [one.row["claim"] for one in claims() if one.row["kind"] == "specification" and one.verdict == "wrong"]
    machines = ("MI300X", "M3 Ultra", "H100", "A100", "RTX 4090", "RTX 5090", "RTX 6000 Ada")
    assert [name for name in machines if sum(name in claim for claim in wrong) == 2] == ["MI300X", "M3 Ultra"]
