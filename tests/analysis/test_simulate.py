"""A method tried on one's own units: errors counted, drawn from the control, told in words."""

import numpy as np
import pandas as pd
import pytest

import exp_jupyter
from exp_jupyter.engine import Frequentist
from exp_jupyter.errors import InputError

DRAWS = np.random.default_rng(4)
N = 3000
SPENT = np.where(DRAWS.random(N) < 0.3, DRAWS.lognormal(2.5, 0.8, N), 0.0)
UNITS = pd.DataFrame(
    {
        "variant": np.where(DRAWS.random(N) < 0.5, "control", "test"),
        "spent": SPENT,
        "paid": SPENT > 0,
        "visits": 1.0 + DRAWS.poisson(2.0, N),
        "before": SPENT + DRAWS.normal(0, 8, N),
        "seconds": DRAWS.lognormal(1.0, 0.6, N),
    }
)
FORMS = ["spent:mean", "paid:proportion", "spent/visits:ratio", "seconds:median"]


@pytest.mark.parametrize("form", FORMS)
def test_a_sound_method_is_called_trustworthy(form):
    found = exp_jupyter.simulate(UNITS, metrics=form, replications=600)
    assert found.trustworthy
    assert found.results[0].null.significant == pytest.approx(0.05, abs=0.03)


def test_a_method_that_errs_is_not_to_be_trusted():
    found = exp_jupyter.simulate(UNITS, metrics="spent:mean", looks=20, replications=400)
    assert found.results[0].reliability(0.05) == "errs"
    assert not found.trustworthy
    assert "do not trust" in found.to_text()


def test_what_gives_no_answer_is_not_to_be_trusted():
    table = {"minutes": np.round(UNITS["seconds"] / 60, 1)}
    found = exp_jupyter.simulate(table, metrics="minutes:median", replications=100)
    assert found.results[0].reliability(0.05) == "unknown"


def test_only_the_controls_units_are_drawn():
    shifted = UNITS.assign(spent=UNITS["spent"] + 1000.0 * (UNITS["variant"] == "test"))
    found = exp_jupyter.simulate(
        shifted,
        metrics="spent:mean",
        mde=10,
        difference="absolute",
        replications=200,
    )
    own = shifted.loc[shifted["variant"] == "control", "spent"]
    assert found.results[0].units == len(own)
    assert found.results[0].lifted.effect == pytest.approx(0.1 * own.mean())
    assert found.drawn_from == "the units of control"


def test_arms_are_as_large_as_those_of_the_table_unless_said_otherwise():
    counts = UNITS["variant"].value_counts()
    plain = exp_jupyter.simulate(UNITS, metrics="paid", replications=10)
    assert plain.sizes == (counts["control"], counts["test"])
    planned = exp_jupyter.simulate(
        UNITS, metrics="paid", units=1000, split=(90, 10), replications=10
    )
    assert planned.sizes == (900, 100)
    alone = exp_jupyter.simulate(UNITS.drop(columns="variant"), metrics="paid", replications=10)
    assert alone.sizes == (N // 2, N // 2)


def test_a_covariate_from_before_raises_the_power():
    asked = {"metrics": "spent:mean", "mde": 15, "replications": 300}
    plain = exp_jupyter.simulate(UNITS, **asked).results[0].lifted.significant
    cuped = exp_jupyter.simulate(UNITS, covariate="before", **asked).results[0].lifted.significant
    assert cuped > plain + 0.05


def test_winners_of_a_small_experiment_exaggerate():
    found = exp_jupyter.simulate(UNITS, metrics="spent:mean", mde=5, units=400, replications=600)
    lifted = found.results[0].lifted
    assert lifted.exaggeration > 2
    assert lifted.wrong_sign > 0


def test_the_seed_and_not_the_order_of_rows_decides_what_is_drawn():
    asked = {"metrics": "spent:mean", "replications": 50}
    runs = [
        exp_jupyter.simulate(table, seed=seed, **asked).results[0].null
        for table, seed in ((UNITS, 1), (UNITS.iloc[::-1], 1), (UNITS, 2))
    ]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_progress_rises_to_one():
    told = []
    exp_jupyter.simulate(
        UNITS, metrics=FORMS[:2], mde=5, replications=50, progress=lambda *part: told.append(part)
    )
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert "paid" in told[-1][1]


def test_the_call_can_be_made_again():
    found = exp_jupyter.simulate(UNITS, metrics="spent:mean", mde=5.0, replications=50, seed=3)
    again = eval(found.code(), {"exp_jupyter": exp_jupyter, "data": UNITS})
    assert again.results == found.results


def test_a_frame_has_a_row_a_metric():
    frame = exp_jupyter.simulate(UNITS, metrics=FORMS, mde=5, replications=50).to_frame()
    assert list(frame["metric"]) == [*FORMS[:3], "seconds:quantile(0.5)"]
    assert {"false_positives", "coverage", "power", "wrong_sign", "exaggeration"} <= set(frame)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": "spend:mean"}, "no column 'spend'"),
        ({"control": "ctrl"}, "No unit has the control 'ctrl'"),
        ({"variant": "arm"}, "no column 'arm'"),
        ({"mde": -150}, "more than -100"),
        ({"mde": "5"}, "expected a number in percent"),
        ({"units": 2}, "4 or more"),
        ({"split": (1, 0)}, "shares of control and treatment"),
        ({"replications": 0}, "replications"),
        ({"metrics": "paid", "mde": 900}, "above 1"),
        ({"metrics": "seconds:median", "looks": 5}, "looked at once"),
        ({"metrics": "seconds:median", "method": "bayesian"}, "only the frequentist"),
        ({"metrics": "variant:mean"}, "no column 'variant'"),
        ({"method": Frequentist, "alpha": 0.05}, "method"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(change, message):
    with pytest.raises(InputError, match=message):
        exp_jupyter.simulate(UNITS, **({"metrics": "spent:mean", "replications": 10} | change))


def test_missing_values_need_a_meaning():
    holed = UNITS.assign(spent=UNITS["spent"].where(UNITS["spent"] > 0))
    with pytest.raises(InputError, match="is missing for"):
        exp_jupyter.simulate(holed, metrics="spent:mean")
    found = exp_jupyter.simulate(holed, metrics="spent:mean", missing="zero", replications=20)
    assert found.results[0].units == (UNITS["variant"] == "control").sum()


def test_too_few_units_are_refused():
    with pytest.raises(InputError, match="8 units to draw from"):
        exp_jupyter.simulate({"spent": list(range(8))}, metrics="spent:mean")
