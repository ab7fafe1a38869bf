"""What the tests of the lessons share."""

import pytest

from memcalc.lessons.record import VARIABLE


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A learner's file of its own."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "progress.json"))
    return tmp_path / "progress.json"
