"""The explorer of the audit: the bars are the counts, the words name the claims."""

import re

import pytest

from cases import coordinates
from memcalc import InputError, catalogue
from memcalc.audit_scenes import audit, kinds, verdicts
from memcalc.claims import VERDICTS, claims


def widths(frame):
    return [max(xs) - min(xs) for xs in (coordinates(frame.picture, f"verdict{place}")[::2] for place in range(6))]


def said(frame):
    counts = {name: re.search(rf"{name} (\d+)", frame.words) for name in VERDICTS}
    return [int(found[1]) for found in counts.values()]


@pytest.mark.parametrize("kind", kinds())
def test_bars_are_as_long_as_the_counts_that_the_words_say(kind):
    frame = audit(kind=kind, verdict="all")
    ratio = sum(widths(frame)) / sum(said(frame))
    assert widths(frame) == pytest.approx([ratio * count for count in said(frame)], abs=0.05)
    assert f"<b>{sum(said(frame))} claims" in frame.words


def test_the_kinds_part_all_claims():
    counts = {kind: sum(said(audit(kind=kind, verdict="all"))) for kind in kinds()}
    assert counts.pop("all") == sum(counts.values()) == len(catalogue.rows("claims"))


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("verdict", verdicts())
def test_claims_are_named_up_to_a_dozen(kind, verdict):
    frame = audit(kind=kind, verdict=verdict)
    named = re.findall(r"<li>(C\d{3}) · ([^<]*): ([^<:]*)</li>", frame.words)
    more = re.search(r"<li>and (\d+) more</li>", frame.words)
    count = int(re.search(r"<b>(\d+)", frame.words)[1])
    assert len(named) == min(count, 12)
    assert len(named) + (int(more[1]) if more else 0) == count
    assert verdict == "all" or {name for *_, name in named} <= {verdict}
    assert count or "<li>none</li>" in frame.words


def test_the_chosen_verdict_has_an_arrow_head_before_its_bar():
    for place, verdict in enumerate(VERDICTS):
        svg = audit(kind="all", verdict=verdict).picture
        tip, bar = coordinates(svg, "chosen")[2:4], coordinates(svg, f"verdict{place}")
        assert tip[0] < min(bar[::2])
        assert tip[1] == pytest.approx((min(bar[1::2]) + max(bar[1::2])) / 2, abs=0.05)
    assert len(set(coordinates(audit(kind="all", verdict="all").picture, "chosen")[::2])) == 1


def test_the_picture_is_said_in_words():
    assert 'aria-label="7 of 123 claims: holds only in GiB. By verdict: holds ' in (
        audit(kind="all", verdict="holds only in GiB").picture
    )


@pytest.mark.parametrize(
    ("kind", "verdict", "sentence"),
    [("rumour", "all", "kind 'rumour' is not known"), ("all", "true", "verdict 'true' is not known")],
)
def test_a_menu_has_no_such_entry(kind, verdict, sentence):
    with pytest.raises(InputError, match=sentence):
        audit(kind=kind, verdict=verdict)


def test_what_notebook_6_says_of_the_audit():
    formula = [one.verdict for one in claims() if one.row["kind"] == "formula"]
    between = sum(verdict not in ("holds", "wrong") for verdict in formula)
    assert 0.45 < between / len(formula) < 0.55, "about half"
    wrong = [one.row["claim"] for one in claims() if one.row["kind"] == "specification" and one.verdict == "wrong"]
    machines = ("MI300X", "M3 Ultra", "H100", "A100", "RTX 4090", "RTX 5090", "RTX 6000 Ada")
    assert [name for name in machines if sum(name in claim for claim in wrong) == 2] == ["MI300X", "M3 Ultra"]
