"""Warehouse tables of a folder project: imported whole or not at all, and read by its metrics."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from exp_jupyter import connect, import_events, import_table
from exp_jupyter.errors import InputError, StoreError

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
PEOPLE = 120
AMOUNT = {
    "kind": "ExperimentMetric",
    "metric_type": "mean",
    "name": "Invoiced",
    "source": {
        "kind": "ExperimentDataWarehouseNode",
        "table_name": "invoices",
        "timestamp_field": "issued_at",
        "events_join_key": "properties.customer",
        "data_warehouse_join_key": "customer",
        "math": "sum",
        "math_property": "amount",
    },
}


def invoices(amount):
    """Return one invoice for every second person, an hour after the exposure."""
    return pd.DataFrame(
        {
            "customer": [f"c{number}" for number in range(0, PEOPLE, 2)],
            "issued_at": [BEGAN + timedelta(hours=2)] * (PEOPLE // 2),
            "amount": amount,
        }
    )


@pytest.fixture
def growth(tmp_path):
    """A folder with a running experiment whose metric reads the table ``invoices``."""
    folder = tmp_path / "growth"
    project = connect(folder)
    project.experiments.create(
        "Billing", "billing", metrics=[AMOUNT], start_date=BEGAN.isoformat()
    ).send()
    import_events(
        folder,
        pd.DataFrame(
            {
                "event": "$feature_flag_called",
                "distinct_id": [f"person-{number}" for number in range(PEOPLE)],
                "timestamp": (BEGAN + timedelta(hours=1)).isoformat(),
                "customer": [f"c{number}" for number in range(PEOPLE)],
                "$feature_flag": "billing",
                "$feature_flag_response": ["test", "test", "control", "control"] * (PEOPLE // 4),
            }
        ),
    )
    return folder, project


def sums(project):
    day = project.experiments.results("billing", "Invoiced")["Invoiced"].latest
    return {arm.key: arm.sums["sum"] for arm in (day.baseline, *day.arms.values())}


def test_a_metric_reads_the_table_and_its_next_import_whole(growth):
    folder, project = growth
    assert import_table(folder, "invoices", invoices(10.0)) == PEOPLE // 2
    assert sums(project) == {"control": 300, "test": 300}
    assert import_table(folder, "invoices", invoices(25.0)) == PEOPLE // 2
    assert sums(project) == {"control": 750, "test": 750}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_may_come_from_a_file_and_outlives_the_kernel(growth, tmp_path, ending):
    folder, project = growth
    file = tmp_path / f"invoices.{ending}"
    getattr(invoices(10.0), f"to_{ending}")(file, index=False)
    import_table(folder, "invoices", file)
    project.close()
    assert sums(connect(folder)) == {"control": 300, "test": 300}


def test_the_daily_series_reads_it_too(growth):
    folder, project = growth
    import_table(folder, "invoices", invoices(10.0))
    latest = project.experiments.timeseries("billing", "Invoiced").latest
    assert latest.exposures == PEOPLE
    assert latest.baseline.sums["sum"] == 300


def test_a_table_that_is_not_there_is_named(growth):
    _, project = growth
    with pytest.raises(Exception, match="invoices"):
        project.experiments.results("billing", "Invoiced")


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, None])
def test_a_name_that_is_none_is_refused(growth, name):
    folder, _ = growth
    with pytest.raises(InputError, match="needs a name"):
        import_table(folder, name, invoices(10.0))


def test_what_cannot_be_read_leaves_the_old_table_and_no_file(growth, tmp_path):
    folder, project = growth
    import_table(folder, "invoices", invoices(10.0))
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"not parquet")
    with pytest.raises(InputError, match=r"'broken\.parquet' cannot be read as a table"):
        import_table(folder, "invoices", broken)
    with pytest.raises(InputError, match="There is no file"):
        import_table(folder, "invoices", tmp_path / "nowhere.csv")
    assert sums(project) == {"control": 300, "test": 300}
    assert len(list((folder / "tables").iterdir())) == 1


def test_a_table_makes_no_project(tmp_path):
    with pytest.raises(StoreError, match="nowhere"):
        import_table(tmp_path / "nowhere", "invoices", invoices(10.0))
    assert not (tmp_path / "nowhere").exists()
