"""Options of a magic on units: covariates, strata and a model, and what was randomised."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError
from exp_jupyter.magics.line.arguments import Arguments, given, nearest, one_of, whole

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session

VARIANCE = "less variance"
CLUSTERS = "clusters and switchbacks"


def add_adjustment(it: Arguments) -> None:
    """Add the options, each under its heading."""
    it.add(
        "--strata",
        nargs="+",
        metavar="COLUMN",
        offers="column",
        group=VARIANCE,
        help="groups from before the experiment: compared inside each, averaged over all units",
    )
    it.add(
        "--adjust",
        type=one_of("cuped", "lin"),
        metavar="HOW",
        offers="cuped lin",
        group=VARIANCE,
        help="lin: a single covariate by regression too; cuped (default) by its sums",
    )
    it.add(
        "--covariance",
        type=lambda text: one_of("HC0", "HC1", "HC2", "HC3")(text.upper()),
        metavar="ERRORS",
        offers="HC0 HC1 HC2 HC3",
        group=VARIANCE,
        help="robust errors of the regression: HC2 (default), HC3 and others",
    )
    it.add(
        "--model",
        metavar="NAME",
        group=VARIANCE,
        help="a variable with fit and predict: its cross-fitted prediction is the covariate",
    )
    it.add("--folds", type=whole, metavar="N", group=VARIANCE, help="parts of it; default 5")
    it.add(
        "--cluster",
        nargs="+",
        metavar="COLUMN",
        offers="column",
        group=CLUSTERS,
        help="what was randomised: stores, schools; of a switchback also the block of time",
    )
    it.add(
        "--bootstrap",
        type=one_of("auto", "wild", "none"),
        metavar="WHICH",
        offers="auto wild none",
        group=CLUSTERS,
        help="wild cluster bootstrap: auto (default, below 40 clusters), wild or none",
    )
    it.add("--seed", type=whole, metavar="N", group=CLUSTERS, help="of all draws; default 0")


def adjustment_of(session: Session, options: Namespace) -> dict[str, Any]:
    """Return the arguments of the analysis that the options stand for.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no variable of the model's name.
    """
    settings = given(
        options, "strata", "adjust", "covariance", "folds", "cluster", "bootstrap", "seed"
    )
    if options.covariate:
        several = len(options.covariate) > 1 or options.model
        name, value = ("covariates", options.covariate) if several else ("covariate", None)
        settings[name] = value or options.covariate[0]
    if options.model:
        variables = session.variables
        if options.model not in variables:
            raise InputError(
                f"%exp_analyze: there is no variable {options.model!r} in this notebook.",
                hint=nearest(options.model, variables) or "Make the model in a cell before.",
            )
        settings["model"] = variables[options.model]
    return settings
