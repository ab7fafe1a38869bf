"""The guesses: what they ask for, which natural mistakes are known, and what is said of them."""

import itertools

import pytest

from memcalc import units
from memcalc.explorers.words import plain, words
from memcalc.lessons import GUESSES
from memcalc.lessons.check import weigh


@pytest.mark.parametrize(
    ("number", "right", "guess", "why"),
    [
        ("0.1", "28.55 GiB", 13, "the parameters alone"),
        ("0.1", "28.55 GiB", "14 GB", "the parameters alone"),
        ("0.1", "28.55 GiB", 16, "the notes on the tokens alone"),
        ("0.1", "28.55 GiB", 57, "four bytes for each number"),
        ("1.1", "5.61 GiB", 4, "half a byte for each number"),
        ("1.1", "5.61 GiB", "4 GB", "half a byte for each number"),
        ("1.1", "5.61 GiB", 8, "a byte for each number"),
        ("1.1", "5.61 GiB", 16, "two bytes for each number"),
        ("1.1", "5.61 GiB", 32, "four bytes for each number"),
        ("1.1", "5.61 GiB", 45, "that is bits"),
        ("2.1", "107.81 GB", 13.5, "what it takes to run"),
        ("2.1", "107.81 GB", "25 GiB", "weights and gradients"),
        ("2.1", "107.81 GB", 40, "one note of 16 bits"),
        ("2.1", "107.81 GB", 54, "two notes of 16 bits"),
        ("2.1", "107.81 GB", 81, "lacks one part"),
        ("2.1", "107.81 GB", "75 GiB", "lacks one part"),
        ("2.1", "107.81 GB", 135, "more than sixteen bytes"),
        ("3.1", "35.68 GiB", 12, "scores: a number for each pair"),
        ("3.1", "35.68 GiB", 24, "the scores alone"),
        ("3.1", "35.68 GiB", "13.48 GB", "what the weights take"),
        ("3.1", "35.68 GiB", "512 MiB", "what goes into each layer"),
        ("3.1", "35.68 GiB", 1, "keys and values alone"),
        ("4.1", "2.00 GiB", 1, "you counted one of them"),
        ("5.1", "58.91 ms", 16, "as long as on the RTX 4090"),
        ("5.1", "58.91 ms", "3 ms", "more memory reads nothing faster"),
        ("5.1", "58.91 ms", 80, "however large the box"),
        ("5.1", "58.91 ms", 4.3, "the thinner pipe"),
        ("5.2", "144.00 GiB", 192, "that is the whole memory"),
        ("5.2", "144.00 GiB", "192 GB", "a GB for a billion bytes"),
        ("5.2", "144.00 GiB", 100, "not half and half"),
        ("6.1", "12.50 GiB", 16, "as the article does"),
        ("6.1", "12.50 GiB", "15.4 GiB", "not parameters"),
        ("6.1", "12.50 GiB", 10, "you counted one of them"),
        ("6.1", "12.50 GiB", 25, "that is FP16"),
        ("7.1", "6.57 GiB", 5.65, "the tensors alone"),
        ("7.1", "6.57 GiB", 3.5, "the activations alone"),
        ("7.1", "6.57 GiB", 11, "that doubles them"),
        ("8.1", "64.11 GiB", 33, "at most; there are fifty"),
        ("8.1", "64.11 GiB", "35.3 GB", "at most; there are fifty"),
        ("8.1", "64.11 GiB", 256, "that is all of it"),
        ("8.1", "64.11 GiB", 128, "each of two cards"),
        ("8.1", "64.11 GiB", 163, "share the weights too"),
        ("8.1", "64.11 GiB", 1_670, "one copy of the weights"),
    ],
)
def test_natural_mistakes(number, right, guess, why):
    weighed = weigh(number, guess)
    assert weighed.written[1] == right
    assert why in weighed.mistake


@pytest.mark.parametrize("number", GUESSES)
def test_what_is_right_is_no_mistake_and_every_mistake_is_told_from_the_others(number):
    task = GUESSES[number]
    right, mistakes = task.answers()
    size = units.UNITS.get(task.unit, 1)
    assert weigh(number, float(right) / size).verdict == "well guessed"
    for wrong, why in mistakes:
        assert weigh(number, float(wrong) / size).mistake == why
    for (one, _), (other, _) in itertools.combinations(mistakes, 2):
        assert abs(one / other - 1) > 0.02, "nobody could tell them apart"


@pytest.mark.parametrize("number", GUESSES)
def test_a_guess_asks_a_question_and_says_what_follows(number):
    task = GUESSES[number]
    assert plain(words(task.asks)).endswith("?")
    assert plain(words(task.matters)).endswith(".")
    for _, why in task.answers()[1]:
        assert why[0].islower()
        assert not why.endswith("."), "it stands in a sentence"


def test_every_lesson_begins_with_a_guess():
    assert [number for number in GUESSES if number.endswith(".1")] == [f"{lesson}.1" for lesson in range(9)]
