"""What a run chooses from: every word has its sentence, and is the text that it spells."""

import json

import pytest

from memcalc.formula import choices

KINDS = [kind for kind in vars(choices).values() if isinstance(kind, type) and kind.__bases__ == (choices.Choice,)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_word_has_a_sentence_of_its_own(kind):
    assert len({one.sentence for one in kind}) == len(kind) >= 2
    for one in kind:
        assert one.sentence.strip() == one.sentence


def test_a_word_is_text_wherever_text_is_expected():
    word = choices.Recompute.FULL
    assert word == "full"
    assert json.dumps({"recompute": word}) == '{"recompute": "full"}'
    assert {"full": 1}[word] == 1
    assert repr(word) == "'full'"
