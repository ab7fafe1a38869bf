"""The tables as published."""

from memcalc.article.published import PublishedRow


def test_the_three_tables_are_there_cell_by_cell():
    sizes = {table: [len(row.cells) for row in PublishedRow.of(table)] for table in "123"}
    assert sizes == {"1": [5, 5, 5, 5, 6], "2": [4] * 6, "3": [3] * 4}
