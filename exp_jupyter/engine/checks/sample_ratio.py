"""Were the units split as planned: sample ratio mismatch, and bias by units in two variants."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from exp_jupyter.engine.statistics.arguments import (
    by_name,
    choose,
    instance,
    number,
    switch,
    variant_names,
    whole,
)
from exp_jupyter.engine.statistics.arrays import Floats, Numbers, floats, numbers
from exp_jupyter.engine.statistics.quoting import described
from exp_jupyter.errors import InputError
from exp_jupyter.shown import Shown

MISMATCH_LEVEL = 0.001
FEWEST_EXPOSURES = 100
MULTIPLE = "$multiple"
TOLERATED_MULTIPLE_PERCENTAGE = 0.1
GREATEST_VARIANTS = 1000
"""More variants than this cannot be told apart in 100 percentages, let alone in an analysis."""

GREATEST_EXACT = 1000
"""Counts above this are tested with the normal distribution unless asked otherwise."""


@dataclass(frozen=True, repr=False)
class SampleRatioMismatch(Shown):
    """Whether the units were split as planned.

    Attributes
    ----------
    expected
        Units that each variant should have at the total seen.
    observed
        Units that each variant has.
    statistic
        Pearson's χ²; None for the anytime-valid test.
    p_value
        None when there were too few units to test.
    mismatch
        Whether the p-value is below ``threshold``.
    threshold
        The level of the test.
    method
        ``"chi_square"`` or ``"anytime"``.
    """

    expected: dict[str, float]
    observed: dict[str, float]
    statistic: float | None
    p_value: float | None
    mismatch: bool
    threshold: float = MISMATCH_LEVEL
    method: str = "chi_square"

    def wire(self) -> dict[str, object] | None:
        """Return the API's ``sample_ratio_mismatch`` object; None when it was not computed."""
        if self.p_value is None:
            return None
        return {"expected": dict(self.expected), "p_value": self.p_value}


def _planned(split: Mapping[str, float], excluded: Collection[str]) -> dict[str, float]:
    by_name("split", split)
    variant_names("excluded", excluded)
    shares = {key: number(f"the share of {key}", share) for key, share in split.items()}
    return {
        key: share
        for key, share in shares.items()
        if share > 0 and key not in excluded and key != MULTIPLE
    }


def _counted(counts: Mapping[str, object], key: str) -> float:
    """Return a variant's units: 0 where it is not counted."""
    hint = "Pass the number of units per variant."
    return number(f"the count of {key}", counts.get(key, 0), 0, closed=True, hint=hint)


def _unplanned(
    counts: Mapping[str, object], split: Mapping[str, float], excluded: Collection[str]
) -> list[str]:
    """Return the variants that have units although none were planned for them."""
    return [
        key
        for key, share in split.items()
        if share == 0 and key not in excluded and key != MULTIPLE
        if (floats(counts.get(key, 0)) > 0).any()
    ]


def sample_ratio_mismatch(
    counts: Mapping[str, float],
    split: Mapping[str, float],
    *,
    excluded: Collection[str] = (),
    least: float = FEWEST_EXPOSURES,
    threshold: float = MISMATCH_LEVEL,
) -> SampleRatioMismatch:
    """Test with Pearson's χ² whether the units were split as planned.

    Parameters
    ----------
    counts
        Units of each variant; ``$multiple`` and variants that the split does not name are left out.
    split
        Planned share of each variant, in any unit; a holdout rescales all and cancels. Units of a
        variant whose share is 0 are a mismatch with p-value 0: the plan has none.
    excluded
        Variants left out of the analysis.
    least
        With fewer units in total, or fewer than two variants, nothing is tested.
    threshold
        Below this p-value there is a mismatch.

    Notes
    -----
    For one look. Checked day after day the test errs more often than ``threshold``; use
    ``anytime_sample_ratio_mismatch`` there.

    Examples
    --------
    >>> found = sample_ratio_mismatch({"control": 5100, "test": 4900}, {"control": 50, "test": 50})
    >>> round(found.p_value, 4), found.mismatch
    (0.0455, False)
    """
    by_name("counts", counts)
    least = number("least", least, 0, closed=True)
    threshold = number("threshold", threshold, 0, 1)
    planned = _planned(split, excluded)
    observed = {key: _counted(counts, key) for key in planned}
    unplanned = {key: _counted(counts, key) for key in _unplanned(counts, split, excluded)}
    whole = sum(planned.values())
    total = sum(observed.values()) + sum(unplanned.values())
    if len(planned) < 2 or total < least or total <= 0:
        return SampleRatioMismatch({}, observed, None, None, mismatch=False, threshold=threshold)
    expected = {key: share / whole * total for key, share in planned.items()}
    if unplanned:
        expected |= dict.fromkeys(unplanned, 0.0)
        observed |= unplanned
        return SampleRatioMismatch(
            expected, observed, math.inf, 0.0, mismatch=True, threshold=threshold
        )
    from scipy import special

    statistic = sum((observed[key] - expected[key]) ** 2 / expected[key] for key in planned)
    p = float(special.chdtrc(len(planned) - 1, statistic))
    return SampleRatioMismatch(
        expected, observed, statistic, p, mismatch=p < threshold, threshold=threshold
    )


def binomial_mismatch_p_value(
    control: int,
    treatment: int,
    *,
    share: float = 0.5,
    method: Literal["auto", "exact", "normal"] = "auto",
) -> float:
    """Return the two-sided p-value that two arms were split as planned.

    Parameters
    ----------
    control, treatment
        Units of the arms.
    share
        The treatment's planned share of both.
    method
        ``"exact"`` sums the probabilities of all splits that are at most as likely as the one
        seen; ``"normal"`` uses the normal distribution with a continuity correction; ``"auto"``
        is exact up to 1,000 units.

    Examples
    --------
    >>> round(binomial_mismatch_p_value(60, 40), 4)
    0.0569
    """
    choose("method", method, ("auto", "exact", "normal"))
    share = number("share", share, 0, 1)
    control, treatment = whole("control", control, 0), whole("treatment", treatment, 0)
    n = control + treatment
    if n == 0:
        raise InputError("control and treatment are both 0; expected at least one unit.")
    if method == "exact" or (method == "auto" and n < GREATEST_EXACT):
        return _binomial_p_value(treatment, n, share)
    from scipy import special

    gap = abs(treatment - n * share)
    z = max(gap - 0.5, 0.0) / math.sqrt(n * share * (1 - share))
    return float(2 * special.ndtr(-z))


def _binomial_p_value(successes: int, n: int, share: float) -> float:
    from scipy import special

    k = np.arange(n + 1)
    log_p = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    log_p = log_p + k * math.log(share) + (n - k) * math.log1p(-share)
    # Splits exactly as likely as the one seen may differ from it in the last digits.
    likely = log_p <= log_p[successes] + 1e-7
    return float(min(1.0, np.exp(log_p[likely]).sum()))


@dataclass(frozen=True, eq=False, repr=False)
class AnytimeSampleRatio(Shown):
    """Evidence, look after look, that the units were not split as planned.

    Attributes
    ----------
    log_bayes_factor
        The logarithm of the Bayes factor against the planned split, at every look.
    p_value
        The smallest 1/BF so far, at most 1: valid however often one looks.
    mismatch
        Whether the last p-value is below ``threshold``.
    first_mismatch
        Position of the first look below ``threshold``; None when there is none.
    threshold
        The level of the test.
    """

    log_bayes_factor: Numbers
    p_value: Numbers
    mismatch: bool
    first_mismatch: int | None
    threshold: float = MISMATCH_LEVEL


CONCENTRATIONS = (1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0)
"""How closely alternatives to the planned split keep to it, from broken altogether to a trace."""


def anytime_sample_ratio_mismatch(
    counts: Mapping[str, object],
    split: Mapping[str, float],
    *,
    excluded: Collection[str] = (),
    concentration: float | Sequence[float] = CONCENTRATIONS,
    threshold: float = MISMATCH_LEVEL,
) -> AnytimeSampleRatio:
    """Test at any number of looks whether the units were split as planned.

    Parameters
    ----------
    counts
        For each variant its units so far: one number, or one per look in order of time
        (cumulative).
    split
        Planned share of each variant, in any unit.
    excluded
        Variants left out of the analysis.
    concentration
        How closely the alternative keeps to the planned split: about 10,000 finds deviations of
        a percent or so, 1 a split that is broken altogether after a dozen units. Several, in
        equal shares by default, find both.
    threshold
        Below this p-value there is a mismatch.

    Notes
    -----
    The Bayes factor of a Dirichlet(κπ) prior against the planned π (Lindon and Malek,
    *Anytime-Valid Inference for Multinomial Count Data*), averaged over the κ; under the planned
    split it is a martingale of mean 1, and so is the average.

    Examples
    --------
    >>> looks = {"control": [500, 5000, 50000], "test": [510, 5300, 52500]}
    >>> found = anytime_sample_ratio_mismatch(looks, {"control": 1, "test": 1})
    >>> found.mismatch, found.first_mismatch
    (True, 2)
    """
    mixed = np.atleast_1d(floats(concentration, "concentration"))
    usable = (mixed >= 1e-6) & (mixed <= 1e12)
    if mixed.ndim != 1 or not mixed.size or not usable.all():
        raise InputError(
            f"concentration is {described(concentration)}; expected one number or several, from "
            "1e-6 to 1e12",
            hint="10,000 finds deviations of a percent or so.",
        )
    by_name("counts", counts)
    threshold = number("threshold", threshold, 0, 1)
    planned = _planned(split, excluded)
    if len(planned) < 2:
        raise InputError(
            "a sample ratio needs at least two variants with a share above 0",
            hint="Pass the planned split of all variants.",
        )
    from scipy import special

    shares = np.array(list(planned.values()))
    shares = shares / shares.sum()
    looks = {key: floats(counts.get(key, 0), f"the count of {key}") for key in planned}
    try:
        seen = np.stack(np.broadcast_arrays(*looks.values()), axis=-1)
    except ValueError:
        listed = ", ".join(f"{key} {units.shape}" for key, units in looks.items())
        raise InputError(
            f"the variants have different numbers of looks: {listed}",
            hint="Give every variant its units at the same looks.",
        ) from None
    if not seen.size:
        raise InputError("counts hold no look", hint="Give the units of at least one look.")
    if (seen < 0).any() or not np.isfinite(seen).all():
        raise InputError("counts must be finite and at least 0")
    factors = []
    for total in mixed:
        prior = total * shares
        each = special.gammaln(prior + seen) - special.gammaln(prior) - seen * np.log(shares)
        whole = special.gammaln(total) - special.gammaln(total + seen.sum(-1))
        factors.append(each.sum(-1) + whole)
    log_factor = special.logsumexp(np.stack(factors), axis=0) - math.log(mixed.size)
    for key in _unplanned(counts, split, excluded):  # no plan without them gives any
        log_factor = np.where(floats(counts[key]) > 0, np.inf, log_factor)
    p: Floats = np.exp(-np.maximum(log_factor, 0.0))
    if p.ndim:
        p = np.minimum.accumulate(p, axis=-1)
    below = np.atleast_1d(p) < threshold
    hits = np.nonzero(below.reshape(-1))[0]
    return AnytimeSampleRatio(
        numbers(np.asarray(log_factor)),
        numbers(np.asarray(p)),
        mismatch=bool(below[..., -1].any()),
        first_mismatch=int(hits[0]) if hits.size and p.ndim == 1 else None,
        threshold=threshold,
    )


def even_split(variants: int) -> list[int]:
    """Return the rollout percentages of an even split: 100 shared out, the rest from the first.

    Examples
    --------
    >>> even_split(3)
    [34, 33, 33]
    """
    variants = whole("variants", variants, 0)
    if variants == 0:
        return []
    if variants > GREATEST_VARIANTS:
        raise InputError(f"variants is {variants}; expected at most {GREATEST_VARIANTS}.")
    share, rest = divmod(100, variants)
    return [share + (position < rest) for position in range(variants)]


def multiple_variant_bias(
    counts: Mapping[str, float],
    rollout: Sequence[float],
    *,
    handling: str = "exclude",
    ended: bool = False,
) -> float | None:
    """Return the percentage of units seen with several variants where leaving them out biases.

    Parameters
    ----------
    counts
        Units of each variant, and of ``$multiple``.
    rollout
        Rollout percentages in the order of the variants.
    handling
        What happens to such units: ``"exclude"`` or ``"first_seen"``.
    ended
        Whether the experiment has ended.

    Returns
    -------
    float or None
        The percentage, when it is above 0.1 %, the units are excluded and the split is uneven;
        else None. With an uneven split, leaving out units that changed sides removes more of the
        smaller variant.

    Examples
    --------
    >>> multiple_variant_bias({"control": 500, "test": 496, "$multiple": 4}, [90, 10])
    0.4
    """
    by_name("counts", counts)
    instance("handling", handling, str, "'exclude' or 'first_seen'")
    switch("ended", ended)
    percentages = floats(rollout, "rollout")
    if percentages.ndim != 1:
        raise InputError(f"rollout is {described(rollout)}; expected a percentage per variant.")
    total = sum(_counted(counts, key) for key in counts)
    if (
        ended
        or handling != "exclude"
        or total <= 0
        or percentages.tolist() == even_split(percentages.size)
    ):
        return None
    percentage = _counted(counts, MULTIPLE) / total * 100
    return percentage if percentage > TOLERATED_MULTIPLE_PERCENTAGE else None
