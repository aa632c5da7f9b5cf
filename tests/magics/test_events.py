"""``%exp_analyze_events`` and ``%exp_history``: raw events of the notebook, no project needed."""

import pytest

from exp_jupyter.errors import InputError, NotConnectedError

EVENTS = """
import pandas as pd
rows = []
for person in range(400):
    at = pd.Timestamp("2026-03-02") + pd.Timedelta(hours=person % 96)
    variant = ("control", "test")[person % 2]
    rows.append(("$feature_flag_called", person, at, "checkout", variant, None))
    if person % 7 < 2 + person % 2:
        rows.append(("buy", person, at + pd.Timedelta(hours=2), None, None, float(person % 9)))
names = ["event", "user", "ts", "$feature_flag", "$feature_flag_response", "spent"]
events = pd.DataFrame(rows, columns=names)
called = events[events["event"] == "$feature_flag_called"]
assignments = pd.DataFrame(
    {"person_id": called["user"], "variant": called["$feature_flag_response"], "timestamp": called["ts"]}
)
"""  # noqa: E501
WHICH = "--flag checkout --start 2026-03-02 --columns person_id=user timestamp=ts"


@pytest.fixture
def events(run):
    run(EVENTS)
    return run("events")


def test_analyses_a_variable_of_the_notebook(run, events):
    found = run(f"%exp_analyze_events events {WHICH} --metric Spent=buy:sum(spent) buy:conversion")
    assert [one.metric_name for one in found] == ["Spent", "buy:conversion"]
    assert found.exposures.units == {"control": 200, "test": 200}


def test_says_the_call_that_makes_the_result_again(run, events):
    found = run(f"%exp_analyze_events events {WHICH} --metric buy:conversion --alpha 0.1")
    assert found.code() == (
        "exp_jupyter.analyze_events(events, flag='checkout', start='2026-03-02', "
        "metrics=['buy:conversion'], columns={'person_id': 'user', 'timestamp': 'ts'}, alpha=0.1)"
    )
    run("import exp_jupyter")
    assert run(found.code()).effect().p_value == found.effect().p_value


def test_corrects_for_the_number_of_comparisons(run, events):
    line = f"%exp_analyze_events events {WHICH} --metric buy:conversion buy"
    found = run(f"{line} --correction bonferroni")
    p = found.effect("buy:conversion").p_value
    assert found.adjusted["buy:conversion"]["test"] == pytest.approx(2 * p)
    assert "correction='bonferroni'" in found.code()
    with pytest.raises(InputError, match="correction is 'bonferoni'; expected one of bonferroni"):
        run(f"{line} --correction bonferoni")


def test_a_doubled_sign_keeps_a_property_s_name_beside_a_variable(run, events):
    run("events = events.rename(columns={'$feature_flag': 'flag'}); key = 'checkout'")
    found = run(
        "%exp_analyze_events events --flag {key} --start 2026-03-02 --metric buy "
        "--columns person_id=user timestamp=ts $$feature_flag=flag"
    )
    assert found.exposures.units == {"control": 200, "test": 200}


def test_keeps_the_result_under_a_name_and_in_a_file(run, events, tmp_path):
    line = f"%exp_analyze_events events {WHICH} --metric buy --out found --state days.state"
    assert run(line) is run("found")
    assert (tmp_path / "days.state").exists()
    assert run(line).effect().p_value == run("found").effect().p_value


def test_takes_every_option_of_the_twin(run, events):
    found = run(
        f"%exp_analyze_events events {WHICH} --metric buy:conversion --end 2026-03-05 "
        "--timezone Europe/Berlin --variants test control --split test=50 control=50 --cuped 7 "
        "--multiple-variants first_seen --goal decrease --method sequential --mode compat "
        "--difference absolute --as-of 2026-03-06"
    )
    assert (found.method, found.mode, found.timezone) == ("sequential", "compat", "Europe/Berlin")
    assert found.series().goal == "decrease"
    assert found.exposures.sample_ratio is not None


def test_an_assignment_table_of_the_notebook_exposes(run, events):
    found = run(f"%exp_analyze_events events {WHICH} --metric buy --exposure assignments")
    assert found.exposure == "the assignment table"
    assert found.exposures.units == {"control": 200, "test": 200}


def test_another_event_exposes_with_its_variant_s_column(run, events):
    found = run(
        f"%exp_analyze_events events {WHICH} --metric buy --exposure $feature_flag_called "
        "--variant $feature_flag_response"
    )
    assert found.exposures.units == {"control": 200, "test": 200}


def test_analyses_files_and_tables_of_a_connection(run, events):
    events.to_parquet("events.parquet")
    from_file = run(f"%exp_analyze_events events.parquet {WHICH} --metric buy")
    assert from_file.code().startswith("exp_jupyter.analyze_events('events.parquet', ")
    run("import duckdb; shop = duckdb.connect(); shop.register('e', events)")
    from_table = run(f"%exp_analyze_events shop --table e {WHICH} --metric buy")
    assert from_table.effect().p_value == from_file.effect().p_value


def test_an_experiment_of_a_project_needs_one(fail, events):
    assert isinstance(fail("%exp_analyze_events events --experiment 1"), NotConnectedError)


def test_takes_the_settings_of_the_notebook(run, events):
    run("%config ExpMagics.alpha = 0.01")
    assert run(f"%exp_analyze_events events {WHICH} --metric buy").level == 0.99


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        (f"%exp_analyze_events evnts {WHICH} --metric buy", "no variable 'evnts'", "events?"),
        (f"%exp_analyze_events events {WHICH} --metric bye", "no event is called 'bye'", "'buy'"),
        (f"%exp_analyze_events events {WHICH}", "no metric to analyse", ""),
        ("%exp_analyze_events events --metric buy", "neither flag nor experiment", "flag="),
        ("%exp_analyze_events events --columns user", "--columns 'user' names no", "person_id="),
        (f"%exp_analyze_events events {WHICH} --cuped x", "--cuped", ""),
        ("%exp_history events buy --start 2026-03-02 --end 2026-03-05", "--exposure", ""),
    ],
)
def test_is_told_what_is_wrong(fail, events, line, message, hint):
    error = fail(line)
    assert isinstance(error, InputError)
    assert message in error.message
    assert hint in (error.hint or "")


def test_plans_from_a_past_period(run, events):
    line = (
        "%exp_history events buy:sum(spent) --exposure $feature_flag_called --start 2026-03-02 "
        "--end 2026-03-05 --columns person_id=user timestamp=ts"
    )
    error_free = line.replace("$feature_flag_called", "buy")
    plan = run(f"{error_free} --max-days 10 --power 0.9")
    assert plan.curve.power == 0.9
    assert len(plan.curve.days) == 10
    run("import exp_jupyter")
    assert run(plan.code()).days == plan.days
    design = run(f"{error_free} --alpha 0.1 --variants 3")
    assert design.variants == 3
    assert run(design.code()).curve.effects == design.curve.effects
