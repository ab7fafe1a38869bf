"""The pictures of guesses and of a room: what they show is what they say."""

from memcalc.plots.progress import Guessed, misconceptions, then_and_now


def test_a_guess_stands_where_it_is_off():
    guesses = [Guessed("0.1", 0.5, 1.0), Guessed("4.1", None, None), Guessed("8.1", 10**6, None)]
    guesses.append(Guessed("5.1", 1.05, 1.3))
    figure = then_and_now(guesses)
    (axes,) = figure.axes
    placed = [tuple(map(float, dots.get_offsets()[0])) for dots in axes.collections if len(dots.get_offsets())]
    assert placed == [(0.5, 0), (1.0, 0), (1000, 2), (1.05, 3), (1.3, 3)], "what is far off stands at the edge"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0.1", "4.1", "8.1", "5.1"]
    assert figure.alt == (
        "How far off each guess was. 0.1: first 2.0 times too little, last right. 4.1: no guess. "
        "8.1: first 1,000,000.0 times too much. 5.1: first nearly right, last 1.3 times too much."
    )
    assert 'alt="How far off' in figure._repr_html_()


def test_bars_are_as_long_as_there_are_people():
    figure = misconceptions([("4.1", "you counted the query heads", 7), ("0.2", "that is GiB " * 12, 2)], 12)
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [7, 2]
    assert axes.get_xlim() == (0, 12)
    assert axes.get_yticklabels()[1].get_text().count("\n") >= 1, "long words are wrapped"
    assert figure.alt.startswith("How many of 12 people made which mistake first. 4.1, you counted the query heads: 7.")
