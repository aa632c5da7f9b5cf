"""``%exp_size``: sample size and running time."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError
from exp_jupyter.magic_line import magic_line, word
from exp_jupyter.magics.line.arguments import Arguments, given, number, one_of, percent, whole

if TYPE_CHECKING:
    from exp_jupyter.engine.planning.sample_size import SizePlan
    from exp_jupyter.magics.session import Session

KINDS = ("funnel", "mean_count", "mean_sum_or_avg", "ratio", "retention", "mean")
ALTERNATIVES = ("two-sided", "greater", "less")
_SHARED = (
    *("mde", "variants", "rate", "alpha", "power", "alternative", "margin"),
    *("correlation", "split", "sequential", "comparisons", "effect", "icc", "cluster_size", "mode"),
)


def kind_name(text: str) -> str:
    """Read a metric kind; a hyphen may stand for an underscore."""
    return one_of(*KINDS)(text.replace("-", "_"))


def shares(text: str) -> tuple[float, ...]:
    """Read the variants' shares, control first.

    Examples
    --------
    >>> shares("50/25/25"), shares("0.9,0.1")
    ((50.0, 25.0, 25.0), (0.9, 0.1))
    """
    parts = re.split(r"[/,]", text)
    if len(parts) < 2:
        raise ArgumentTypeError(f"{text!r} is no split; expected shares such as 50/50")
    return tuple(number(part) for part in parts)


def arguments() -> Arguments:
    """Return the arguments of ``%exp_size``."""
    it = Arguments(
        "exp_size",
        """
        Plan the sample size and the running time of an experiment.

        The plan is for the test that %exp_compare makes: so many units find the effect with the
        power asked for. What the project's own calculator would say stands beside it, with the
        power that it really has; --mode compat gives the project's number to the unit.
        """,
        [
            "%exp_size funnel --baseline 0.12 --mde 5 --rate 1800",
            "%exp_size mean_count --baseline 3.2 --mde 4 --variants 3",
            "%exp_size mean --baseline 41 --variance 900 --mde 3 --power 0.9",
            "%exp_size funnel --baseline 12% --margin 2 --one-sided",
            '%exp_size --from 42 "Checkout conversion" --mde 3',
        ],
    )
    it.add(
        "kind",
        nargs="?",
        type=kind_name,
        metavar="KIND",
        offers=" ".join(KINDS),
        help="funnel, mean_count, mean_sum_or_avg, ratio, retention, or mean with its --variance",
    )
    it.add(
        "--from",
        dest="source",
        nargs=2,
        metavar=("REF", "METRIC"),
        offers="experiment",
        help="take kind and baseline from this live experiment's metric instead",
    )
    it.add(
        "--baseline",
        type=number,
        metavar="VALUE",
        help="control's value: a fraction for a funnel (0.12 or 12%%), else the metric's mean",
    )
    it.add("--variance", type=number, metavar="VALUE", help="variance per unit, for mean and ratio")
    it.add(
        "--mde",
        type=percent,
        metavar="PERCENT",
        help="minimum detectable effect, in percent of the baseline",
    )
    it.add("--rate", type=number, metavar="UNITS", help="new units (users) per day; gives the days")
    it.add("--variants", type=whole, metavar="N", help="number of variants with control; default 2")
    it.add("--alpha", type=number, metavar="RATE", help="false-positive rate; default 0.05")
    it.add("--power", type=number, metavar="RATE", help="power; default 0.8")
    it.add(
        "--alternative",
        type=one_of(*ALTERNATIVES),
        metavar="SIDE",
        offers=" ".join(ALTERNATIVES),
        help="two-sided (default), greater or less",
    )
    it.add("--one-sided", action="store_true", help="the same as --alternative greater")
    it.add(
        "--margin",
        type=percent,
        metavar="PERCENT",
        help="non-inferiority margin, in percent of the baseline",
    )
    it.add(
        "--correlation",
        type=number,
        metavar="R",
        help="correlation with the pre-experiment covariate (CUPED), -1 to 1",
    )
    it.add(
        "--icc",
        type=number,
        metavar="R",
        group="clusters",
        help="intraclass correlation, where whole clusters are randomised",
    )
    it.add(
        "--cluster-size",
        type=number,
        metavar="UNITS",
        group="clusters",
        help="units of a cluster; %%exp_analyze --cluster states both of past data",
    )
    it.add("--split", type=shares, metavar="SHARES", help="shares, control first, such as 90/10")
    it.add(
        "--sequential",
        action="store_true",
        help="plan for results that are looked at every day",
    )
    it.add(
        "--comparisons",
        type=whole,
        metavar="N",
        help="comparisons that share the false-positive rate (Bonferroni)",
    )
    it.add(
        "--mode",
        type=one_of("compat", "recommended"),
        metavar="MODE",
        offers="compat recommended",
        help="recommended (default): for the test that is made; compat: the project's formula",
    )
    it.add(
        "--effect",
        type=one_of("additive", "multiplicative"),
        metavar="KIND",
        offers="additive multiplicative",
        help="of a mean: additive (default) leaves its variance alone, multiplicative scales it",
    )
    it.add("--form", action="store_true", help="open a form to try values in")
    return it


def run(session: Session, options: Namespace) -> Any:
    """Plan a sample size."""
    settings = _settings(session, options)
    if options.form:
        from exp_jupyter.widgets.size import SizeForm

        own = given(options, "baseline", "variance")
        return SizeForm(**({"kind": options.kind} if options.kind else {}), **own, **settings)
    if options.source is not None:
        return _from_experiment(session, options, settings)
    if options.kind is None:
        raise InputError(
            "%exp_size needs the kind of the metric, or --from REF METRIC.",
            hint="For example: %exp_size funnel --baseline 0.12 --mde 5 --rate 1800",
        )
    from exp_jupyter.engine.planning.sample_size import sample_size

    return sample_size(options.kind, **given(options, "baseline", "variance"), **settings)


def _settings(session: Session, options: Namespace) -> dict[str, Any]:
    if options.one_sided:
        if options.alternative not in (None, "greater"):
            raise InputError(
                f"--one-sided asks for greater and --alternative for {options.alternative}.",
                hint="Leave one of them out.",
            )
        options.alternative = "greater"
    options.sequential = options.sequential or None
    options.mode = options.mode or session.settings.mode
    if options.mode != "compat":
        # The project's formula has no alpha of its own to set.
        options.alpha = session.settings.alpha if options.alpha is None else options.alpha
    return given(options, *_SHARED)


def _from_experiment(session: Session, options: Namespace, settings: dict[str, Any]) -> SizePlan:
    for name in ("kind", "baseline", "variance"):
        if getattr(options, name) is not None:
            raise InputError(
                f"--from takes the {name} from the experiment; it was also given here.",
                hint="Leave one of them out.",
            )
    if options.mde is None and options.margin is None:
        line = magic_line("%exp_size", "--from", *map(word, options.source), "--mde", "3")
        raise InputError(
            "--from needs --mde, the minimum detectable effect in percent of the baseline.",
            hint=f"For example: {line}" if line else "Add --mde 3, for 3 percent.",
        )
    ref, metric = options.source
    # With a margin the effect to assume is 0 unless it is given.
    mde = settings.pop("mde", 0.0)
    return session.connected().experiments.size(ref, metric, mde=mde, **settings)
