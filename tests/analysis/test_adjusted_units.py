"""Covariates, strata, models and clusters of a table of units, against other packages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.linear_model import Ridge

import exp_jupyter
from exp_jupyter.engine.comparison.estimates.from_estimate import Rule
from exp_jupyter.errors import InputError


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 1200
    country = rng.choice(["DE", "FR", "NL"], n)
    plan = rng.choice(["free", "paid"], n)
    visits, age = rng.gamma(2, 3, n), rng.normal(40, 10, n)
    test = rng.random(n) < 0.5
    spent = 5 + visits + 0.1 * age + 3 * (country == "DE") + 0.4 * test + rng.normal(0, 2, n)
    return pd.DataFrame(
        {
            "variant": np.where(test, "test", "control"),
            "spent": spent,
            "bought": spent > 14,
            "sessions": 1 + rng.poisson(3, n),
            "visits": visits,
            "age": age,
            "country": country,
            "plan": plan,
        }
    )


@pytest.fixture(scope="module")
def shops() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    size = rng.integers(15, 60, 50)
    store = np.repeat(np.arange(50), size)
    test = store % 2 == 1
    before = rng.normal(size=store.size) + rng.normal(size=50)[store]
    spent = 10 + 0.6 * rng.normal(size=50)[store] + before + 0.5 * test
    return pd.DataFrame(
        {
            "variant": np.where(test, "test", "control"),
            "store": store,
            "spent": spent + rng.normal(0, 2, store.size),
            "visits": 1.0 + rng.poisson(2, store.size),
            "before": before,
        }
    )


def lin_of_statsmodels(table: pd.DataFrame, names: list[str], cov: str):
    treated = (table["variant"] == "test").to_numpy(float)
    x = table[names].to_numpy(float)
    x = x - x.mean(axis=0)
    design = np.column_stack([np.ones(len(x)), treated, x, x * treated[:, None]])
    return sm.OLS(table["spent"].to_numpy(float), design).fit(cov_type=cov)


@pytest.mark.parametrize("covariance", ["HC2", "HC3"])
def test_several_covariates_are_the_regression_of_statsmodels(people, covariance):
    names = ["visits", "age"]
    peer = lin_of_statsmodels(people, names, covariance)
    effect = exp_jupyter.analyze(
        people,
        metrics="spent:mean",
        covariates=names,
        covariance=covariance,
        difference="absolute",
    ).effect()
    assert effect.estimate == pytest.approx(peer.params[1], rel=1e-9)
    assert effect.standard_error == pytest.approx(peer.bse[1], rel=1e-9)


def test_a_single_covariate_by_regression_is_told_from_cuped(people):
    peer = lin_of_statsmodels(people, ["visits"], "HC2")
    settings = {"metrics": "spent:mean", "covariate": "visits", "difference": "absolute"}
    by_regression = exp_jupyter.analyze(people, adjust="lin", **settings)
    by_sums = exp_jupyter.analyze(people, **settings)
    assert by_regression.effect().standard_error == pytest.approx(peer.bse[1], rel=1e-9)
    assert by_regression.effect().method == "regression"
    assert by_sums.effect().theta is not None
    assert by_sums.effect().estimate == pytest.approx(by_regression.effect().estimate, abs=0.02)


def test_the_gain_is_what_the_covariates_removed(people):
    settings = {"metrics": "spent:mean", "difference": "absolute"}
    plain = exp_jupyter.analyze(people, **settings).effect()
    found = exp_jupyter.analyze(people, covariates=["visits", "age"], **settings)
    control, treatment = found.effect().variance_reduction
    gain = 1 - (found.effect().standard_error / plain.standard_error) ** 2
    assert min(control, treatment) <= gain <= max(control, treatment)
    assert "adjusted for visits, age by Lin's regression, HC2, variance -" in " ".join(
        repr(found).split()
    )


def test_strata_weigh_each_group_by_its_share(people):
    found = exp_jupyter.analyze(
        people, metrics="spent:mean", strata=["country", "plan"], difference="absolute"
    )
    groups = people.groupby(["country", "plan"])
    means = people.groupby(["country", "plan", "variant"])["spent"].mean().unstack()
    share = groups.size() / len(people)
    assert found.effect().estimate == pytest.approx(
        float(((means["test"] - means["control"]) * share).sum()), rel=1e-12
    )
    assert found.results[0].adjusted_for == ("country", "plan")


def test_strata_and_covariates_go_into_one_regression(people):
    dummies = people.assign(FR=people["country"] == "FR", NL=people["country"] == "NL")
    peer = lin_of_statsmodels(dummies, ["visits", "FR", "NL"], "HC2")
    effect = exp_jupyter.analyze(
        people, metrics="spent:mean", covariates="visits", strata="country", difference="absolute"
    ).effect()
    assert effect.estimate == pytest.approx(peer.params[1], rel=1e-9)
    assert effect.standard_error == pytest.approx(peer.bse[1], rel=1e-9)


def test_a_stratum_of_one_arm_is_left_out_aloud(people):
    odd = people.assign(country=people["country"].where(people.index != 3, "LU"))
    found = exp_jupyter.analyze(odd, metrics="spent:mean", strata="country", covariates="age")
    assert "1 strata with fewer than 2 units in an arm are left out" in found.effect().warnings[0]


class Trees:
    """A model a person brings: the mean of what is alike."""

    def fit(self, features, values):
        self.cuts = np.quantile(features[:, 0], np.linspace(0, 1, 21)[1:-1])
        place = np.digitize(features[:, 0], self.cuts)
        self.means = np.array(
            [values[place == i].mean() if (place == i).any() else values.mean() for i in range(20)]
        )
        return self

    def predict(self, features):
        return self.means[np.digitize(features[:, 0], self.cuts)]

    def __repr__(self):
        return "Trees()"


def test_a_model_removes_variance_whatever_the_order_of_rows(people):
    settings = {
        "metrics": "spent:mean",
        "covariates": ["visits", "age"],
        "model": Trees(),
        "difference": "absolute",
    }
    found = exp_jupyter.analyze(people, **settings)
    turned = exp_jupyter.analyze(people.iloc[::-1], **settings)
    assert found.effect().estimate == pytest.approx(turned.effect().estimate, rel=1e-12)
    assert found.effect().variance_reduction[1] > 0.5
    assert "by Trees, cross-fitted in 5 parts" in " ".join(repr(found).split())
    assert "model=Trees()" in found.code()


def test_a_model_of_scikit_learn_serves(people):

    found = exp_jupyter.analyze(
        people,
        metrics=["spent:mean", "bought:proportion"],
        covariates=["visits", "age"],
        strata="country",
        model=Ridge(),
        difference="absolute",
    )
    several = exp_jupyter.analyze(
        people,
        metrics="spent:mean",
        covariates=["visits", "age"],
        strata="country",
        difference="absolute",
    )
    assert found.effect("spent:mean").standard_error == pytest.approx(
        several.effect().standard_error, rel=0.03
    )


def test_clusters_are_the_clustered_errors_of_statsmodels(shops):
    treated = (shops["variant"] == "test").to_numpy(float)
    design = np.column_stack([np.ones(len(shops)), treated])
    peer = sm.OLS(shops["spent"].to_numpy(), design).fit(
        cov_type="cluster", cov_kwds={"groups": shops["store"].to_numpy()}
    )
    one = exp_jupyter.engine.cluster_robust(
        shops["spent"], treated, shops["store"], correction="CR1"
    )
    assert one.estimate == pytest.approx(peer.params[1], rel=1e-9)
    assert one.standard_error == pytest.approx(peer.bse[1], rel=1e-9)
    found = exp_jupyter.analyze(shops, metrics="spent:mean", cluster="store", difference="absolute")
    assert found.effect().estimate == pytest.approx(peer.params[1], rel=1e-9)
    assert found.effect().standard_error == pytest.approx(peer.bse[1], rel=0.05)
    assert found.clusters == {"control": 25, "test": 25}
    assert found.results[0].clusters.design_effect > 2


def test_clusters_with_a_covariate_are_the_clustered_regression(shops):
    treated = (shops["variant"] == "test").to_numpy(float)
    x = (shops["before"] - shops["before"].mean()).to_numpy()
    design = np.column_stack([np.ones(len(shops)), treated, x, x * treated])
    peer = sm.OLS(shops["spent"].to_numpy(), design).fit(
        cov_type="cluster", cov_kwds={"groups": shops["store"].to_numpy()}
    )
    one = exp_jupyter.engine.cluster_robust(
        shops["spent"], treated, shops["store"], covariates=shops["before"], correction="CR1"
    )
    assert one.standard_error == pytest.approx(peer.bse[1], rel=1e-9)
    found = exp_jupyter.analyze(
        shops, metrics="spent:mean", cluster="store", covariate="before", difference="absolute"
    )
    assert found.effect().estimate == pytest.approx(peer.params[1], rel=1e-9)
    assert found.effect().variance_reduction[0] > 0.3


def test_cr2_is_bell_and_mccaffreys_written_out(shops):
    """The whole matrices, where the package keeps one small matrix a cluster."""
    some = shops[shops["store"] < 14]
    y, store = some["spent"].to_numpy(), some["store"].to_numpy()
    treated = (some["variant"] == "test").to_numpy(float)
    x = (some["before"] - some["before"].mean()).to_numpy()
    design = np.column_stack([np.ones(len(some)), treated, x, x * treated])
    inverse = np.linalg.inv(design.T @ design)
    hat = design @ inverse @ design.T
    residuals = y - hat @ y
    meat, columns = np.zeros((4, 4)), []
    for g in np.unique(store):
        own = store == g
        values, vectors = np.linalg.eigh(np.eye(own.sum()) - hat[np.ix_(own, own)])
        root = vectors @ np.diag(1 / np.sqrt(values)) @ vectors.T
        score = design[own].T @ root @ residuals[own]
        meat += np.outer(score, score)
        columns.append((np.eye(len(some)) - hat)[:, own] @ root @ design[own] @ inverse[:, 1])
    products = np.array(columns) @ np.array(columns).T
    df = np.trace(products) ** 2 / (products**2).sum()
    found = exp_jupyter.analyze(
        some,
        metrics="spent:mean",
        cluster="store",
        covariate="before",
        difference="absolute",
        bootstrap="none",
    ).effect()
    assert found.standard_error == pytest.approx(
        np.sqrt((inverse @ meat @ inverse)[1, 1]), rel=1e-9
    )
    assert found.df == pytest.approx(df, rel=1e-9)


def test_few_clusters_are_judged_by_the_wild_bootstrap(shops):
    few = shops[shops["store"] < 20]
    settings = {"metrics": "spent:mean", "cluster": "store", "difference": "absolute"}
    wild = exp_jupyter.analyze(few, **settings)
    again = exp_jupyter.analyze(few, **settings)
    plain = exp_jupyter.analyze(few, bootstrap="none", **settings)
    assert wild.effect().interval_kind == "wild_bootstrap"
    assert plain.effect().interval_kind == "welch"
    assert wild.effect().p_value == again.effect().p_value
    assert wild.effect().interval == pytest.approx(plain.effect().interval, abs=0.5)
    assert "wild cluster bootstrap" in " ".join(repr(wild).split())
    assert exp_jupyter.analyze(shops, **settings).effect().interval_kind == "welch"


def test_the_bootstraps_interval_holds_what_its_test_does_not_reject(shops):
    few = shops[shops["store"] < 16]
    treated = (few["variant"] == "test").to_numpy(float)

    def tested(null, difference):
        rule = Rule(difference=difference, null=null)
        return exp_jupyter.engine.cluster_robust(
            few["spent"], treated, few["store"], bootstrap="wild", draws=999, rule=rule
        )

    for difference in ("absolute", "relative"):
        low, high = tested(0.0, difference).interval
        width = high - low
        assert tested(low + 0.02 * width, difference).p_value >= 0.05
        assert tested(low - 0.02 * width, difference).p_value < 0.05
        assert tested(high + 0.02 * width, difference).p_value < 0.05


def test_a_ratio_in_clusters_is_the_ratio_of_their_sums(shops):
    effect = exp_jupyter.analyze(
        shops, metrics="spent/visits:ratio", cluster="store", difference="absolute"
    ).effect()
    sums = shops.groupby(["variant", "store"])[["spent", "visits"]].sum().reset_index()
    arms = {}
    for key, own in sums.groupby("variant"):
        arms[key] = exp_jupyter.engine.Ratio.of(own["spent"].to_numpy(), own["visits"].to_numpy())
    delta = exp_jupyter.engine.compare(
        arms["control"],
        arms["test"],
        exp_jupyter.engine.Frequentist(difference="absolute"),
    )
    assert effect.estimate == pytest.approx(delta.estimate, rel=1e-12)
    assert effect.standard_error == pytest.approx(delta.standard_error, rel=0.03)


def test_a_switchbacks_clusters_are_places_at_times(shops):
    rng = np.random.default_rng(2)
    rows = pd.DataFrame({"city": rng.integers(0, 4, 4000), "block": rng.integers(0, 15, 4000)})
    test = (rows["city"] + rows["block"]) % 2 == 1
    noise = rng.normal(size=(4, 15))[rows["city"], rows["block"]]
    rows["variant"] = np.where(test, "test", "control")
    rows["waited"] = 8 + noise + rng.normal(size=4000)
    found = exp_jupyter.analyze(rows, metrics="waited:mean", cluster=["city", "block"])
    assert sum(found.clusters.values()) == 60
    with pytest.raises(InputError, match="has units in control and in test") as refused:
        exp_jupyter.analyze(rows, metrics="waited:mean", cluster="city")
    assert "the block of time, too" in refused.value.hint


def test_the_sample_ratio_counts_what_was_randomised(shops):
    lopsided = shops[(shops["variant"] == "test") | (shops.index % 3 == 0)]
    by_units = exp_jupyter.analyze(lopsided, metrics="spent:mean", split="equal")
    by_stores = exp_jupyter.analyze(lopsided, metrics="spent:mean", split="equal", cluster="store")
    assert by_units.sample_ratio.mismatch
    assert not by_stores.sample_ratio.mismatch


def test_segments_are_adjusted_each_on_its_own(people):
    found = exp_jupyter.analyze(
        people,
        metrics="spent:mean",
        covariates=["visits", "age"],
        breakdown="plan",
        difference="absolute",
    )
    free = exp_jupyter.analyze(
        people[people["plan"] == "free"],
        metrics="spent:mean",
        covariates=["visits", "age"],
        difference="absolute",
    )
    (segment,) = (part for part in found.segments if part.segment == ("free",))
    assert segment.arms[1].effect.estimate == pytest.approx(free.effect().estimate, rel=1e-12)


def test_a_covariate_that_the_treatment_moved_is_doubted(people):
    moved = people.assign(later=people["spent"] + 3 * (people["variant"] == "test"))
    found = exp_jupyter.analyze(moved, metrics="spent:mean", covariates=["visits", "later"])
    (doubt,) = (word for word in found.warnings if "more than chance" in word)
    assert doubt.startswith("covariate 'later' differs between control and test")


def test_missing_covariates_stand_at_the_mean(people):
    holes = people.assign(age=people["age"].where(people.index % 10 != 0))
    found = exp_jupyter.analyze(holes, metrics="spent:mean", covariates=["visits", "age"])
    assert "covariate 'age' is missing for 120 units, which stand at its mean" in found.warnings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"covariates": "nothing"}, "no column 'nothing' for a covariate"),
        ({"covariates": "country"}, "holds text, not numbers"),
        ({"covariates": "spent"}, "both metric 'spent:mean' and a covariate"),
        ({"covariate": ["visits", "age"]}, "expected one column"),
        ({"covariates": ["age", "age"]}, "names column 'age' 2 times"),
        ({"strata": "variant"}, "both the variant and a stratum"),
        ({"strata": 3}, "expected a column's name"),
        ({"cluster": "variant"}, "both the variant and the cluster"),
        ({"cluster": "country"}, "a cluster was randomised as a whole"),
        ({"adjust": "lasso"}, "adjust is 'lasso'"),
        ({"adjust": "lin"}, "without covariates"),
        ({"adjust": "cuped", "covariates": ["age", "visits"]}, "takes one covariate"),
        ({"covariates": "age", "covariance": "HC9"}, "covariance is 'HC9'"),
        ({"bootstrap": "wild"}, "without clusters"),
        ({"model": Trees()}, "without covariates to predict from"),
        ({"covariates": "age", "model": "ridge"}, "expected an object with fit"),
        ({"covariates": "age", "method": "bayesian"}, "frequentist method"),
        ({"strata": "plan", "mode": "compat"}, "recommended mode"),
        ({"covariates": "age", "model": Trees(), "folds": 1}, "folds"),
        ({"metrics": "spent/sessions:ratio", "strata": "plan"}, "No metric here can be adjusted"),
        ({"metrics": "spent:median", "covariates": ["age"]}, "No metric here can be adjusted"),
    ],
)
def test_what_cannot_be_adjusted_is_refused(people, settings, message):
    with pytest.raises(InputError, match=message):
        exp_jupyter.analyze(people, **{"metrics": "spent:mean", **settings})


def test_a_model_that_fails_says_so(people):
    class Broken(Trees):
        def predict(self, features):
            return np.zeros(3)

    class Failing(Trees):
        def fit(self, features, values):
            raise RuntimeError("no memory")

    for model, message in ((Broken(), "shape"), (Failing(), "RuntimeError: no memory")):
        with pytest.raises(InputError, match=message):
            exp_jupyter.analyze(people, metrics="spent:mean", covariates="age", model=model)


def test_a_metric_that_cannot_be_adjusted_is_said_beside_one_that_can(people):
    found = exp_jupyter.analyze(
        people, metrics=["spent:mean", "spent/sessions:ratio"], covariates=["visits", "age"]
    )
    assert (
        "'spent/sessions:ratio' is a ratio, which is not adjusted for covariates and strata"
        in found.warnings
    )
    assert found.results[1].adjusted_for == ()


def test_the_call_is_made_again_by_its_code(people, shops):
    for table, settings in (
        (people, {"covariates": ["visits", "age"], "strata": ["country"], "covariance": "HC3"}),
        (shops, {"cluster": "store", "bootstrap": "wild", "seed": 3}),
    ):
        found = exp_jupyter.analyze(table, metrics="spent:mean", **settings)
        again = eval(found.code(), {"exp_jupyter": exp_jupyter, "data": table})
        assert repr(again) == repr(found)
