"""The map of the claims: a tile each, marks that say the verdict, envelopes that say nothing."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc import catalogue
from memcalc.article.claims import VERDICTS, claims
from memcalc.explorers.article import CLAIMS, audit
from memcalc.explorers.article.tiles import ALL, KINDS, ORDERS, SEALED, SECTIONS
from memcalc.explorers.frame import LAYOUTS

SIGNS = {row["name"]: row["sign"] for row in catalogue.rows("verdicts")}
FILTERS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(KINDS),
        "section": st.sampled_from(SECTIONS),
        "verdict": st.sampled_from([ALL, *VERDICTS]),
        "order": st.sampled_from(ORDERS),
        "width": st.sampled_from(LAYOUTS),
    }
)


def the_map(**setting):
    return audit.frame(table=CLAIMS, **setting)


def counts(frame):
    return {name: int(frame.shapes[f"key_{name}_words"]["text"].split()[-1]) for name in VERDICTS}


@pytest.mark.parametrize("one", claims(), ids=lambda one: one.row["id"])
def test_a_tile_opens_its_claim(one):
    name = one.row["id"]
    tile = the_map().shapes[name]
    frame = the_map(**tile["press"])
    assert one.row["claim"] in tile["says"]
    assert one.row["claim"] in frame.sentence_said
    closed = name in SEALED
    assert frame.sentence_said.lower().endswith("judge it first." if closed else f"{one.verdict.lower()}.")
    assert (f"Why: {one.why}" in frame.notes) == (not closed)
    assert (f"{name}_mark" in frame.shapes) == (not closed) == (f"{name}_flap" not in frame.shapes)
    if not closed:
        assert frame.shapes[f"{name}_mark"]["text"] == SIGNS[one.verdict]


@given(FILTERS)
def test_what_is_not_looked_for_is_pale_and_the_counts_leave_envelopes_out(filters):
    frame = the_map(**filters)
    of_both = [
        one
        for one in claims()
        if filters["kind"] in (ALL, one.row["kind"]) and filters["section"] in (ALL, one.row["section"])
    ]
    counted = Counter(one.verdict for one in of_both if one.row["id"] not in SEALED)
    assert counts(frame) == {name: counted[name] for name in VERDICTS}
    for one in claims():
        has = filters["verdict"] in (ALL, one.verdict) or one.row["id"] in SEALED
        assert ("pale" in frame.shapes[one.row["id"]]["look"]) == (not (one in of_both and has))


@given(FILTERS)
def test_tiles_lie_apart_in_their_sections_and_in_the_order_asked_for(filters):
    shapes = the_map(**filters).shapes
    places = {one.row["id"]: (shapes[one.row["id"]]["y"], shapes[one.row["id"]]["x"]) for one in claims()}
    assert len(set(places.values())) == len(claims()) == 123
    lie = sorted(claims(), key=lambda one: places[one.row["id"]])
    assert [one.row["section"] for one in lie] == [one.row["section"] for one in claims()]
    if filters["order"] == ORDERS[0]:
        assert lie == list(claims())
    for section in SECTIONS[1:]:
        inside = [one for one in lie if one.row["section"] == section]
        if filters["order"] == ORDERS[1]:
            marks = [len(VERDICTS) if one.row["id"] in SEALED else VERDICTS.index(one.verdict) for one in inside]
            assert marks == sorted(marks)


@pytest.mark.parametrize("name", sorted(SEALED))
@pytest.mark.parametrize("verdict", VERDICTS)
def test_an_envelope_opens_by_a_verdict_of_the_readers_own(name, verdict):
    closed = the_map(claim=int(name[1:]))
    assert not any(word in closed.sentence_said.lower() for word in ("holds", "wrong", "not checkable"))
    opened = the_map(claim=int(name[1:]), **closed.shapes[f"key_{verdict}_reach"]["press"])
    right = next(one.verdict for one in claims() if one.row["id"] == name)
    assert opened.sentence_said.endswith(f"You say: {verdict}. The audit says: {right}.")
    assert counts(opened)[right] == counts(the_map())[right] + 1
    other = opened.shapes["C001"]["press"]
    assert f"{name}_flap" in the_map(**{"claim": int(name[1:]), "mine": verdict} | other).shapes


def test_no_frame_betrays_an_envelope():
    """Whatever is looked for, the three are drawn alike and stand at the end of their sections."""
    for verdict in (ALL, *VERDICTS):
        shapes = the_map(verdict=verdict, order=ORDERS[1]).shapes
        assert len({shapes[name]["look"] for name in SEALED}) == 1
        assert f"{len(SEALED)} wait for yours" in the_map(verdict=verdict).alt


def test_a_verdict_is_looked_for_by_a_click_and_let_go_by_another():
    press = the_map().shapes["key_wrong_reach"]["press"]
    assert press == {"verdict": "wrong"}
    assert the_map(**press).shapes["key_wrong_reach"]["press"] == {"verdict": ALL}


def test_the_kinds_part_all_claims():
    known = {kind: sum(counts(the_map(kind=kind)).values()) for kind in KINDS}
    assert known.pop(ALL) == sum(known.values()) == 123 - len(SEALED)
    assert re.fullmatch(r"[a-z]+", KINDS[1])
