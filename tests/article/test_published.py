"""The tables as published."""

from memcalc.article import table1, table2, table3


def test_the_three_tables_are_there_cell_by_cell():
    sizes = {kind.table: [len(row.cells) for row in kind.rows()] for kind in (table1.Row, table2.Row, table3.Row)}
    assert sizes == {"1": [5, 5, 5, 5, 6], "2": [4] * 6, "3": [3] * 4}
