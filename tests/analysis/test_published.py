"""Published randomised experiments with real people, from the data to the published numbers."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from causaldata import nsw_mixtape

import exp_jupyter
from exp_jupyter.engine import Frequentist

PUBLISHED = Path(__file__).parent / "published"


def test_the_national_supported_work_demonstration():
    """Training for disadvantaged workers raised their earnings of 1978 by $1,794 (SE $633).

    The experimental benchmark of Dehejia and Wahba, *Causal Effects in Nonexperimental Studies:
    Reevaluating the Evaluation of Training Programs*, Journal of the American Statistical
    Association 94 (1999), 1053-1062: the difference in mean earnings between 185 treated and 260
    control units of LaLonde's randomised sample (LaLonde, *Evaluating the Econometric Evaluations
    of Training Programs with Experimental Data*, American Economic Review 76 (1986), 604-620).
    Its standard error is the classical one of a regression, with one variance for both arms.
    """
    trial = nsw_mixtape.load_pandas().data
    pooled = Frequentist(difference="absolute", equal_variances=True)
    found = exp_jupyter.analyze(
        trial, variant="treat", control=0, metrics="re78:mean", method=pooled
    )
    assert found.units == {"0": 260, "1": 185}
    assert round(found.effect().estimate) == 1794
    assert round(found.effect().standard_error) == 633


def test_the_same_without_assuming_one_variance():
    """The usual heteroskedasticity-robust standard error of the same difference is $671."""
    trial = nsw_mixtape.load_pandas().data
    found = exp_jupyter.analyze(
        trial, variant="treat", control=0, metrics="re78:mean", difference="absolute"
    )
    assert found.effect().estimate == pytest.approx(1794.34, abs=0.01)
    assert round(found.effect().standard_error) == 671
    assert found.effect().significant


def test_earlier_earnings_reduce_the_variance_a_little():
    """Earnings of 1975 explain little of those of 1978, so the adjusted effect is close."""
    trial = nsw_mixtape.load_pandas().data
    found = exp_jupyter.analyze(
        trial,
        variant="treat",
        control=0,
        metrics="re78:mean",
        covariate="re75",
        difference="absolute",
    )
    assert found.effect().estimate == pytest.approx(1794, abs=100)
    assert found.effect().standard_error < 671


def test_the_same_from_raw_events():
    """Each person's assignment and, later, the earnings as an event: the same benchmark."""
    trial = nsw_mixtape.load_pandas().data.reset_index(names="person_id")
    earned = trial.assign(event="earned", timestamp=pd.Timestamp("1978-12-31"))
    assigned = trial[["person_id"]].assign(
        variant=trial["treat"].map({0.0: "control", 1.0: "training"}),
        timestamp=pd.Timestamp("1976-01-01"),
    )
    found = exp_jupyter.analyze_events(
        earned[["person_id", "event", "timestamp", "re78"]],
        flag="nsw",
        start="1976-01-01",
        metrics="earned:sum(re78)",
        exposure=assigned,
        method=Frequentist(difference="absolute", equal_variances=True),
        as_of="1978-12-31",
    )
    assert found.exposures.units == {"control": 260, "training": 185}
    assert round(found.effect().estimate) == 1794
    assert round(found.effect().standard_error) == 633


def test_lins_men_of_the_college_trial():
    """Support and money for first-year men: -0.081 grade points (SE 0.146), adjusted for school.

    Table 2, the regression with interactions, of Lin, *Agnostic notes on regression adjustments to
    experimental data: Reexamining Freedman's critique*, Annals of Applied Statistics 7 (2013),
    295-318, with the sandwich errors without a correction that it uses. The data are of Angrist,
    Lang and Oreopoulos, *Incentives and Services for College Achievement: Evidence from a
    Randomized Trial*, American Economic Journal: Applied Economics 1 (2009), 136-163: the 157 men
    offered both or money alone who showed up and have grades.
    """
    found = exp_jupyter.analyze(
        str(PUBLISHED / "college_men.csv"),
        variant="sfsp",
        control=0,
        metrics="GPA_year1:mean",
        covariate="gpa0",
        adjust="lin",
        covariance="HC0",
        difference="absolute",
    )
    assert sum(found.units.values()) == 157
    assert round(found.effect().estimate, 3) == -0.081
    assert round(found.effect().standard_error, 3) == 0.146


def test_the_michigan_letters_on_voting():
    """Four letters to households raised their members' turnout by 1.8 to 8.1 points (SE 0.3).

    Table 3, column (a), of Gerber, Green and Larimer, *Social Pressure and Voter Turnout: Evidence
    from a Large-Scale Field Experiment*, American Political Science Review 102 (2008), 33-48: a
    regression on the letters with errors clustered by household, which was what was randomised. The
    file counts the 180,002 households by letter, size and how many of them voted.
    """
    counted = pd.read_csv(PUBLISHED / "michigan_households.csv")
    homes = counted.loc[counted.index.repeat(counted["households"])].reset_index(drop=True)
    people = homes.loc[homes.index.repeat(homes["persons"])].rename_axis("household").reset_index()
    place = people.groupby("household").cumcount()
    people["turnout"] = (place < people["voted"]).astype(int)
    found = exp_jupyter.analyze(
        people[["treatment", "household", "turnout"]],
        variant="treatment",
        control="No Postcard",
        metrics="turnout:proportion",
        cluster="household",
        difference="absolute",
    )
    assert sum(found.units.values()) == 344_084
    assert sum(found.clusters.values()) == 180_002
    published = {"Civic Duty": 0.018, "Hawthorne": 0.026, "Self": 0.049, "Neighbors": 0.081}
    for letter, effect in published.items():
        assert round(found.effect(arm=letter).estimate, 3) == effect
        assert round(found.effect(arm=letter).standard_error, 3) == 0.003
        assert found.effect(arm=letter).p_value < 0.001
