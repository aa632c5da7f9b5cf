"""The statement read and written by SQLGlot is still the same statement."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from test_daily_sums import small
from worlds import funnels, means, ratios, request_of, retentions, source_of, worlds

from exp_jupyter.warehouse.events.statements import cells_statement, needs_units


def table(rows):
    names = sorted(rows)
    columns = [np.ma.filled(np.ma.array(rows[name], dtype=float), -1) for name in names]
    return sorted(tuple(float(f"{v:.9g}") for v in row) for row in zip(*columns, strict=True))


@pytest.mark.parametrize("kind", [means, ratios, funnels, retentions])
def test_rendered_again_it_gives_the_same_cells(kind):
    @settings(small, max_examples=4)
    @given(worlds(), kind())
    def same(world, metric):
        source, request = source_of(world), request_of(world, [metric])
        if request.metrics[0].breakdowns or needs_units(source, request, request.metrics[0]):
            return
        statement = cells_statement(source, request)
        again = source.rows(statement.rendered("duckdb"), statement.parameters)
        assert table(again) == table(source.rows(statement.sql, statement.parameters))
        assert "$p0" not in statement.rendered("clickhouse")  # its placeholders are its own

    same()
