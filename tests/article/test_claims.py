"""The claims: every verdict that an independent audit reached, and the rules by which ours are reached."""

import re

import pytest

from memcalc import Model, Training, breakdown, catalogue
from memcalc.article import claims, table1, table2
from memcalc.article.claims import QUESTIONS, answer, in_words
from memcalc.article.compare import RELATIONS
from memcalc.errors import InputError

AUDIT = {
    "holds": "C019 C023 C044 C045 C057 C060 C066 C068 C079 C088 C092 C099 C110 C115 C118",
    "holds only in GB": "C003 C004 C010",
    "holds only in GiB": "C021 C022 C024 C026 C027 C038 C087",
    "holds under assumption": "C001 C007 C009 C016 C017 C018 C020 C025 C035 C042 C049 C052 C059 C063 C069 C071 C072 "
    "C073 C078 C080 C084 C086 C089 C098 C101 C106",
    "wrong": "C028 C030 C031 C033 C034 C041 C048 C053 C061 C064 C075 C076 C081 C090 C107 C111 C116 C120 C122",
    "not checkable": "C040 C043 C046 C051 C062 C067 C085 C093 C095 C096 C103 C112 C113 C114 C117",
}
"""Verdicts of an audit that was made by hand before this package was written, but for those of `DECIDED`."""

DECIDED = {"C011": "holds under assumption", "C036": "wrong"}
"""Verdicts that changed since: offload is a term now, and a dated count was found."""

BYTES = {
    "C003": 28_000_000_000, "C010": 84_000_000_000, "C021": 536_870_912, "C022": 17_179_869_184,
    "C024": 68_719_476_736, "C026": 31_179_869_184, "C027": 15_589_934_592, "C028": 26_421_772_800,
    "C030": 75_368_709_120, "C033": 19_710_886_400, "C038": 25_757_220_864, "C048": 350_000_000_000,
    "C063": 112_949_672_960, "C087": 549_755_813_888, "C092": 15_589_934_592, "C107": 15_032_385_536,
    "C116": 66_687_091_200,
}  # fmt: skip
"""Its bytes, where it counted the same thing."""

EXPECTED = [(number, verdict) for verdict, numbers in AUDIT.items() for number in numbers.split()] + [*DECIDED.items()]
EVERY = pytest.mark.parametrize("one", claims.claims(), ids=lambda one: one.row["id"])


def test_there_are_123_claims_in_order():
    assert [one.row["id"] for one in claims.claims()] == [f"C{number:03}" for number in range(1, 124)]


@pytest.mark.parametrize(("number", "verdict"), EXPECTED)
def test_verdicts_agree_with_the_audit(number, verdict):
    assert claims.claim(number).verdict == verdict


@pytest.mark.parametrize(("number", "count"), BYTES.items())
def test_values_agree_with_the_audit(number, count):
    line = claims.claim(number).line
    assert (line["value"], line["unit"]) == (count, "bytes")


@EVERY
def test_every_claim_can_be_followed(one):
    assert one.reading or one.evidence
    assert one.row["kind"] in ("formula", "specification", "history", "prediction", "opinion")
    assert one.verdict in claims.VERDICTS
    assert len(one.why) > 10
    assert not re.search(r"\b(nan|None|Fraction|frozenset)\b", one.why)
    assert one.source, "a verdict rests on terms, on data with a source, or on evidence"
    assert bool(one.assumption) == (one.verdict == "holds under assumption")


@EVERY
def test_the_first_reading_is_the_plain_one_and_wrong_ones_give_the_right_value(one):
    assumptions = [reading.assumption for reading in one.readings]
    assert "" not in assumptions[1:]
    assert len(set(assumptions)) == len(assumptions)
    if one.verdict == "wrong":
        assert one.line["value"] != "" or one.evidence


def test_the_tables_refer_to_what_there_is():
    known = {row["id"] for row in catalogue.rows("claims")}
    for row in catalogue.rows("readings"):
        assert row["claim"] in known
        assert row["question"] in QUESTIONS
        assert row["relation"] in RELATIONS
    for row in catalogue.rows("evidence"):
        assert row["claim"] in known
        assert row["finding"] in claims.FINDINGS
        assert row["source"]
        assert row["how"] in ("read", "memory")
        assert (row["finding"] == "confirmed if") == bool(row["assumption"])
        assert re.fullmatch(r"2026-\d\d-\d\d", row["retrieved"])


def test_a_claim_about_history_rests_on_evidence():
    for one in claims.claims():
        if one.row["kind"] in ("history", "prediction"):
            assert one.evidence


def test_no_verdict_stands_in_the_data():
    """Verdicts are computed: no column holds one, and no reading is decided by its own words."""
    for table in ("claims", "readings"):
        assert "verdict" not in catalogue.rows(table)[0]


def test_a_reading_is_as_good_as_its_worst_statement():
    row = {"question": "amount", "inputs": "bytes=16 GiB", "relation": "is", "published": "16 GB"}
    binary, either = claims.Statement(row), claims.Statement(row | {"relation": "is above", "published": "14 GB"})
    false = claims.Statement(row | {"published": "32 GB"})
    assert claims.Reading("", (binary, either)).verdict == "holds only in GiB"
    assert claims.Reading("", (either,)).verdict == "holds"
    assert claims.Reading("", (binary, false)).verdict == "wrong"
    assert claims.Reading("", (binary, false)).decisive is false
    assert claims.Reading("it is Tuesday", (binary,)).verdict == "holds under assumption"


def test_evidence_and_formula_the_worse_counts():
    row = {"id": "C000", "remark": ""}
    true = claims.Reading("", (claims.claim("C023").reading.statements[0],))
    evidence = {"found": "", "source": "", "source_date": "", "how": "", "retrieved": "", "assumption": "we believe it"}
    for finding, verdict in claims.FINDINGS.items():
        assert claims.Claim(row, (true,), evidence | {"finding": finding}).verdict == verdict
    assert claims.Claim(row, (true,), None).verdict == "holds"


def test_the_tables_and_the_claims_say_the_same():
    totals = [row.verdict("total")[0] for row in table1.Row.rows()]
    assert totals == [claims.claim(number).verdict for number in ("C026", "C027", "C028", "C029", "C030")]
    cards = {row.subject: row for row in table2.Row.rows()}
    for number, card, quantity in (
        ("C069", "RTX 4090", "largest model"),
        ("C071", "RTX 6000 Ada", "largest model"),
        ("C073", "A100 80 GB", "largest model"),
        ("C076", "MI300X", "largest model"),
        ("C078", "M3 Ultra", "largest model"),
        ("C061", "MI300X", "bandwidth"),
        ("C064", "M3 Ultra", "memory"),
        ("C060", "MI300X", "memory"),
    ):
        assert cards[card].verdict(quantity)[0] == claims.claim(number).verdict, number


def test_the_table_can_be_narrowed():
    assert set(claims.table(verdict="wrong")["verdict"]) == {"wrong"}
    assert set(claims.table(kind="prediction")["kind"]) == {"prediction"}
    assert len(claims.table()) == 123
    columns = ["id", "claim", "kind", "value", "unit", "verdict", "why", "source"]
    assert list(claims.table().columns)[:8] == columns


def test_an_unknown_claim_is_refused():
    with pytest.raises(InputError, match="claim must be one of C001 to C123, not 'C124'"):
        claims.claim("C124")


def test_a_claim_by_its_number_alone_and_a_misspelt_kind():
    assert claims.claim(22) is claims.claim("C022") is claims.claim("c22")
    with pytest.raises(InputError, match="kind 'formulas' is not known; the nearest is formula"):
        claims.table(kind="formulas")


def test_opened_step_by_step():
    opened = claims.claim("C017")._repr_markdown_()
    assert opened.index("As it stands:") < opened.index("If ") < opened.index("Verdict: **holds under assumption**.")
    assert "✗" in opened.split("If ")[0]
    assert "✓" in opened


SEVEN = "model=LLaMA-7B; context=32768"


@pytest.mark.parametrize(
    ("question", "inputs", "value"),
    [
        ("to run", f"{SEVEN}; terms=kv_cache", 17_179_869_184),
        ("to run", f"{SEVEN}; parameters=7000000000; terms=weights", 14_000_000_000),
        ("to run", f"{SEVEN}; full_layers=1; dense_layers=1; terms=kv_cache", 536_870_912),
        ("to train", "parameters=7500000000; zero=0; data_parallel=64", 120 * 10**9),  # the ZeRO paper, figure 1
        ("to train", "parameters=7500000000; zero=1; data_parallel=64", 31_406_250_000),
        ("to train", "parameters=7500000000; zero=2; data_parallel=64", 16_640_625_000),
        ("to train", "parameters=7500000000; zero=3; data_parallel=64", 1_875_000_000),
        ("to train", "parameters=7500000000; zero=0; data_parallel=64 / zero=3", 64),
        ("offloaded", "parameters=175000000000; zero=3; data_parallel=8; offload=parameters", 2_800 * 10**9),
        ("offloaded", "parameters=175000000000; zero=3; data_parallel=8", 0),
        ("amount", "bytes=102 GB", 102 * 10**9),
        ("card", "card=RTX 4090; value=reported_mib", 25_757_220_864),
        ("card", "card=H100 80 GB; value=bandwidth_gbs", 3350),
        ("sizes", "card=M3 Ultra", {96, 256, 512}),
        ("fewest bits", "", 1.125),  # Q1_0: 18 bytes for 128 weights
        ("count", "model=Jamba-v0.1; value=full_layers", 4),
        ("terms", "runs=inference", {"weights", "kv_cache"}),
        ("power", "model=LLaMA-7B; attention=eager; term=activations; symbol=context", 2),
        ("power", "model=LLaMA-7B; attention=flash; term=activations; symbol=context", 1),
    ],
)
def test_answers(question, inputs, value):
    assert answer(question, inputs).value == value


def test_growth_and_speed():
    assert answer("growth", "from=12; to=45; years=4").value == pytest.approx(39.16, abs=0.005)
    speed = answer("tokens per second", "model=LLaMA-7B; context=1; weights=INT8; card=RTX 4090").value
    assert float(speed) == pytest.approx(152.5, abs=0.05)
    cost = answer("cost", "batch=1").value
    assert float(cost) == pytest.approx(1e6 / float(speed) / 3600 * 0.450 * 0.15, rel=1e-3)


def test_recomputation_keeps_inputs_and_has_one_layer():
    """Korthikanti et al., Table 2: 2 s b d of each layer but one, and 34 s b d of that one."""
    s, d, layers = 4096, 12_288, 96  # of GPT-3, whose MLP is four times as wide
    kept = breakdown(Model.named("GPT-3-175B"), Training(context=s, recompute="full", activations="megatron"))
    outside = kept["activations"] - 2 * s * d * layers
    there = answer("to recompute", f"model=GPT-3-175B; activations=megatron; context={s}").value
    assert there - outside == (2 * (layers - 1) + 34) * s * d


def test_a_changed_count_changes_the_model():
    plain = answer("to run", "model=Llama-2-70B; kv_heads=64; terms=kv_cache").value
    assert plain == 8 * answer("to run", "model=Llama-2-70B; terms=kv_cache").value


def test_every_quantity_says_where_it_comes_from():
    examples = {
        "to run": SEVEN,
        "card": "card=RTX 4090; value=marketed_gb",
        "sizes": "card=M3 Ultra",
        "fewest bits": "",
        "count": "model=LLaMA-7B; value=heads",
    }
    for question, inputs in examples.items():
        assert answer(question, inputs).sources, question


def test_bad_questions_are_refused():
    with pytest.raises(InputError, match="question 'to runn' is not known; the nearest is to run"):
        answer("to runn", SEVEN)
    with pytest.raises(InputError, match="term 'cache' is not known"):
        answer("to run", f"{SEVEN}; terms=cache")
    with pytest.raises(InputError, match="input 'kv_cahce' is not known; the nearest is kv_cache"):
        answer("to run", f"{SEVEN}; kv_cahce=INT8")
    with pytest.raises(InputError, match="heads 'many' is not known"):
        answer("largest model", "card=RTX 4090; heads=many; context=32768")
    assert set(QUESTIONS) >= {"to run", "to train", "card", "formula"}


def test_inputs_in_words():
    assert in_words("fewest bits", "") == "fewest bits"
    assert in_words("tokens per second", "model=LLaMA-7B; card=H100 80 GB / card=MI300X") == (
        "tokens per second LLaMA-7B, H100 80 GB, against MI300X"
    )


def test_what_an_engine_takes_is_counted_where_a_claim_is_about_running():
    asked = "model=LLaMA-7B; context=2048"
    served = answer("to serve", f"{asked}; engine=vLLM; card=RTX 4090").value
    assert served > answer("to run", asked).value + 2**30  # a driver and the widest step


@EVERY
def test_a_reason_begins_with_the_reading_that_counts(one):
    """What others come to stands after it, the plain reading first, each with what it assumes."""
    if not one.reading:
        return
    told = one.why.index(str(one.reading.statements[0]).rstrip("."))
    later = [f"if {other}" if other else "as it stands" for other, _ in one._others]
    places = [one.why.index(f"; {words}: ", told) for words in later]
    assert places == sorted(places)
    assert later == sorted(later, key=lambda words: words != "as it stands")
