"""Whether an experiment can be believed: is it running, exposed, split and assigned as planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from exp_jupyter._version import __version__
from exp_jupyter.analysis.definition.experiment import as_mapping, instant, planned_split
from exp_jupyter.analysis.results.verdicts import activation_words, exclusion_words, exposure_words
from exp_jupyter.shown import Shown

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.series import Series
    from exp_jupyter.engine.checks.sample_ratio import SampleRatioMismatch

Verdict = Literal["ok", "warn", "fail", "unknown"]

MULTIPLE = "$multiple"


@dataclass(frozen=True)
class HealthCheck:
    """One question and its answer.

    Parameters
    ----------
    name
        What was looked at.
    verdict
        ``ok``, ``warn``, ``fail`` or ``unknown``.
    sentence
        What was found.
    next_step
        What to do about it; empty when nothing.
    """

    name: str
    verdict: Verdict
    sentence: str
    next_step: str = ""


@dataclass(frozen=True, repr=False)
class Health(Shown):
    """The checks of one experiment.

    Parameters
    ----------
    experiment_id, experiment_name, status
        The experiment.
    checks
        The questions asked, the most important first.
    exposures
        Units per variant, without ``$multiple``.
    split
        Rollout percentage per variant.
    srm
        The sample ratio test, or None when there were too few exposures.
    multiple_variant_share
        Share of units seen under several variants, between 0 and 1; None without exposures.
    days
        Per variant ``[(day, cumulative units)]``, as the project counted them.
    """

    experiment_id: int
    experiment_name: str
    status: str
    checks: tuple[HealthCheck, ...]
    exposures: dict[str, int]
    split: dict[str, float]
    srm: SampleRatioMismatch | None = None
    multiple_variant_share: float | None = None
    days: dict[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    version: str = __version__

    @property
    def verdict(self) -> Verdict:
        """The worst of the checks."""
        worst: tuple[Verdict, ...] = ("fail", "warn", "unknown", "ok")
        return next((v for v in worst if any(c.verdict == v for c in self.checks)), "unknown")

    @classmethod
    def assemble(
        cls,
        experiment: Any,
        exposures_response: Any,
        requires_flag_implementation: bool | None,
        series: Series | None = None,
        now: datetime | None = None,
    ) -> Health:
        """Put the checks together from what the project answered.

        Parameters
        ----------
        experiment
            The experiment, typed or as a dictionary.
        exposures_response
            The answer of the exposures query, or None when it could not be had.
        requires_flag_implementation
            The project's answer to the question whether the flag still has to be implemented.
        series
            A metric's daily series, for the check that its results are fresh.
        now
            The moment; in the first hour after the launch nobody needs to have been exposed.
        """
        body = as_mapping(experiment)
        seen = as_mapping(exposures_response) if exposures_response is not None else None
        split = planned_split(body)
        counts, multiple = _counts(seen)
        srm = _mismatch(counts, split, body)
        everyone = multiple + sum(counts.values())
        share = multiple / everyone if everyone else None
        checks = [
            _status(body),
            _implementation(requires_flag_implementation, fresh=_fresh(body, now)),
            _arrivals(seen, counts, split, body, fresh=_fresh(body, now)),
            _ratio(srm, counts, body),
            _assignment(share, body, split, seen),
        ]
        if series is not None:
            checks.append(_freshness(series))
        checks += _findings(body)
        return cls(
            experiment_id=int(body.get("id") or 0),
            experiment_name=str(body.get("name") or ""),
            status=str(body.get("status") or "draft"),
            checks=tuple(checks),
            exposures=counts,
            split=split,
            srm=srm,
            multiple_variant_share=share,
            days=_days(seen),
        )


_VERDICTS: dict[str, Verdict] = {"critical": "fail", "warning": "warn", "info": "ok"}
_STEPS = {
    "open_feature_flag": "Look at its feature flag.",
    "adjust_distribution": "Adjust the split of its variants.",
    "use_first_seen_variant": "Count units under the variant they saw first.",
}


def _findings(body: Mapping[str, Any]) -> list[HealthCheck]:
    """Return what the project itself found; nothing where it does not look."""
    told = as_mapping(body.get("health") or {}).get("findings") or ()
    found = [as_mapping(one) for one in told]
    return [
        HealthCheck(
            str(one.get("title") or one.get("code") or "Finding"),
            _VERDICTS.get(str(one.get("severity")), "warn"),
            str(one.get("detail") or one.get("title") or ""),
            " ".join(_STEPS[step] for step in one.get("actions") or () if step in _STEPS),
        )
        for one in found
    ]


def _counts(seen: Mapping[str, Any] | None) -> tuple[dict[str, int], int]:
    totals = dict((seen or {}).get("total_exposures") or {})
    multiple = int(totals.pop(MULTIPLE, 0))
    return {
        str(k): int(v) for k, v in totals.items() if not str(k).startswith("holdout-")
    }, multiple


def _days(seen: Mapping[str, Any] | None) -> dict[str, tuple[tuple[str, int], ...]]:
    lines = [as_mapping(line) for line in (seen or {}).get("timeseries") or ()]
    return {
        str(line["variant"]): tuple(
            (str(day), int(count))
            for day, count in zip(line["days"], line["exposure_counts"], strict=False)
        )
        for line in lines
    }


def _mismatch(
    counts: dict[str, int], split: dict[str, float], body: Mapping[str, Any]
) -> SampleRatioMismatch | None:
    from exp_jupyter.engine.checks.sample_ratio import sample_ratio_mismatch

    if not body.get("start_date"):
        return None
    found = sample_ratio_mismatch(counts, split)
    return None if found.p_value is None else found


def _status(body: Mapping[str, Any]) -> HealthCheck:
    status = str(body.get("status") or "draft")
    words: dict[str, tuple[Verdict, str, str]] = {
        "draft": ("unknown", "The experiment has not been started.", "Launch it when it is ready."),
        "running": ("ok", "The experiment is running.", ""),
        "paused": (
            "warn",
            "The flag is switched off: nobody new is exposed.",
            "Resume the experiment, or end it.",
        ),
        "stopped": ("ok", "The experiment has ended; its numbers are final.", ""),
        "exposure_frozen": ("ok", "Enrolment is frozen: nobody new is exposed.", ""),
    }
    verdict, sentence, step = words.get(status, ("unknown", f"The status is {status}.", ""))
    return HealthCheck("Status", verdict, sentence, step)


FIRST_LOOK = timedelta(hours=1)
"""After a launch: so long nothing that has not arrived is held against an experiment."""


def _fresh(body: Mapping[str, Any], now: datetime | None) -> bool:
    """Return whether an experiment was launched only just now."""
    start = instant(body.get("start_date"))
    return now is not None and start is not None and now - start < FIRST_LOOK


def _implementation(required: bool | None, *, fresh: bool) -> HealthCheck:
    name = "Flag implementation"
    if required is None:
        return HealthCheck(
            name,
            "unknown",
            "The project did not say whether it still waits for its first flag call.",
            "",
        )
    if required:
        return HealthCheck(
            name,
            "unknown" if fresh else "fail",
            "The project has seen no call of a feature flag yet.",
            "Put the flag into the product's code, then look again.",
        )
    return HealthCheck(name, "ok", "The project receives flag calls.", "")


def _arrivals(
    seen: Mapping[str, Any] | None,
    counts: dict[str, int],
    split: dict[str, float],
    body: Mapping[str, Any],
    *,
    fresh: bool,
) -> HealthCheck:
    name = "Exposures"
    if seen is None:
        return HealthCheck(name, "unknown", "The exposures could not be read.", "Try again later.")
    if not body.get("start_date"):
        return HealthCheck(name, "unknown", "A draft has no exposures.", "")
    silent = [key for key, share in split.items() if share > 0 and not counts.get(key)]
    if fresh and silent:
        return HealthCheck(
            name,
            "unknown",
            "It was launched less than an hour ago: not every variant has been seen yet.",
            "Look again in a while.",
        )
    if not sum(counts.values()):
        return HealthCheck(
            name,
            "fail",
            "Nobody has been exposed.",
            f"Check that the flag is on and that the code asks for it{_after_that(body)}.",
        )
    if silent:
        return HealthCheck(
            name,
            "fail",
            f"Nobody has been exposed to {', '.join(silent)}.",
            f"Check that the code handles every variant of the flag{_after_that(body)}.",
        )
    few = [key for key in split if counts.get(key, 0) < 50]
    total = f"{sum(counts.values()):,} units are exposed{_counted_from(body)}"
    if few:
        return HealthCheck(
            name,
            "warn",
            f"{total}, but fewer than 50 in {', '.join(few)}.",
            "Wait: an arm needs 50 units before it is compared.",
        )
    return HealthCheck(name, "ok", f"{total}.", "")


def _counted_from(body: Mapping[str, Any]) -> str:
    """Return how units are counted where it is not from the flag call on, for a sentence."""
    by, without = _criteria_words(body)
    return (f" by {by}" if by else "") + (f", without those of {without}" if without else "")


def _after_that(body: Mapping[str, Any]) -> str:
    by, without = _criteria_words(body)
    seen = f", and that {by} arrives" if by else ""
    return seen + (f", and who is excluded ({without})" if without else "")


def _criteria_words(body: Mapping[str, Any]) -> tuple[str, str]:
    criteria = body.get("exposure_criteria")
    return exposure_words(criteria), exclusion_words(criteria)


def _ratio(
    srm: SampleRatioMismatch | None, counts: dict[str, int], body: Mapping[str, Any]
) -> HealthCheck:
    name = "Sample ratio"
    if srm is None:
        return HealthCheck(
            name,
            "unknown",
            "The split is tested from 100 exposures in two arms on; "
            f"there are {sum(counts.values())}.",
            "",
        )
    strays = [key for key, expected in srm.expected.items() if not expected]
    if strays:
        units = sum(srm.observed[key] for key in strays)
        return HealthCheck(
            name,
            "fail",
            f"{units:,.0f} units are in {', '.join(strays)}, for which the split plans none.",
            "Look for code that overrides the flag, or a split that was changed on the way.",
        )
    if srm.mismatch:
        return HealthCheck(
            name,
            "fail",
            f"The arms are not split as planned (p = {srm.p_value:.2g}): "
            "the comparison may be biased.",
            "Look for a variant that loses exposures: redirects, crashes, bots, late calls"
            f"{_by_activation(body)}.",
        )
    return HealthCheck(name, "ok", f"The arms are split as planned (p = {srm.p_value:.2g}).", "")


def _by_activation(body: Mapping[str, Any]) -> str:
    by = activation_words(body.get("exposure_criteria"))
    return f"; or one that makes its units likelier to do {by}" if by else ""


def _assignment(
    share: float | None,
    body: Mapping[str, Any],
    split: dict[str, float],
    seen: Mapping[str, Any] | None,
) -> HealthCheck:
    name = "Assignment"
    if share is None:
        return HealthCheck(name, "unknown", "There are no units to look at.", "")
    sentence = f"{100 * share:.2g} % of the units saw more than one variant"
    handling = (body.get("exposure_criteria") or {}).get("multiple_variant_handling") or "exclude"
    left_out = "they are left out" if handling == "exclude" else "their first variant counts"
    risk = bool((seen or {}).get("bias_risk"))
    if not risk:
        from exp_jupyter.engine.checks.sample_ratio import multiple_variant_bias

        ended = bool(body.get("end_date"))
        counts = {"": 1 - share, MULTIPLE: share}
        found = multiple_variant_bias(counts, list(split.values()), handling=handling, ended=ended)
        risk = found is not None
    if risk:
        return HealthCheck(
            name,
            "warn",
            f"{sentence} and {left_out}; with an uneven split that can bias the comparison.",
            "Count their first variant instead, or split the arms evenly.",
        )
    return HealthCheck(name, "ok", f"{sentence}; {left_out}.", "")


def _freshness(series: Series) -> HealthCheck:
    name = "Daily results"
    failed = [day for day in series.days if day.error]
    if series.latest is None:
        return HealthCheck(name, "unknown", "No daily result has been computed yet.", "")
    if failed:
        return HealthCheck(
            name,
            "warn",
            f"{len(failed)} of {len(series.days)} days of {series.metric_name} failed: "
            f"{failed[-1].error}",
            "Ask the project to compute the series again.",
        )
    return HealthCheck(
        name, "ok", f"{series.metric_name} has results up to {series.latest.date}.", ""
    )
