"""Who saw which variant, day by day, and whether the split is the one that was asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from exp_jupyter.analysis.definition.experiment import ExperimentSpec
from exp_jupyter.analysis.posthog.compute import population_of, window_of
from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.exposure import FLAG_CALLED
from exp_jupyter.warehouse.daily import daily_exposures, exposed_units
from exp_jupyter.warehouse.request.days import Days
from exp_jupyter.warehouse.request.population import Population, Request
from exp_jupyter.warehouse.surveys.coverage import flag_coverage

if TYPE_CHECKING:
    from exp_jupyter.warehouse.sql.event_source import EventSource

MULTIPLE = "$multiple"


FEWEST_CALLERS = 100
"""Units that must have called the flag before its coverage is told."""

LEAST_ERRORED = 1.0
"""The percentage of units without a variant above which the coverage is told."""

MOST_DAYS = 5_000


def compute_exposures(source: EventSource, spec: ExperimentSpec, as_of: datetime) -> dict[str, Any]:
    """Compute the exposures of an experiment, as the API's exposure query answers.

    Parameters
    ----------
    source
        The events.
    spec
        The experiment.
    as_of
        The moment of the analysis, with its time zone.

    Returns
    -------
    dict
        ``timeseries`` (per variant the cumulative units by local day of their first exposure, to
        the end's day), ``total_exposures``, ``date_range`` and, where they apply,
        ``sample_ratio_mismatch``, ``bias_risk`` and ``exposure_coverage``. Units seen under
        several variants are the variant ``$multiple`` when they are left out. Without a start,
        without variants and before the start there is nothing: the answer is empty.

    Raises
    ------
    exp_jupyter.errors.InputError
        The window has more than 5,000 days, or the events cannot be read.
    """
    population = population_of(spec)
    answer: dict[str, Any] = {
        "kind": "ExperimentExposureQuery",
        "timeseries": [],
        "total_exposures": {},
        "date_range": {
            "date_from": _zulu(spec.start),
            "date_to": None if spec.start is None else _zulu(spec.end),
            "explicitDate": True,
        },
        "timezone": spec.timezone,
    }
    if spec.start is None or not population.variants or min(as_of, spec.end or as_of) < spec.start:
        return answer
    request = Request(population, (), window_of(spec, as_of))
    days = _days(spec, request)
    counts, multiple = daily_exposures(source, request)
    lines = {key: counts[i].tolist() for i, key in enumerate(population.variants)}
    if multiple[-1]:
        lines[MULTIPLE] = multiple.tolist()
    for key, line in lines.items():
        line += [line[-1]] * (len(days) - len(line))
        answer["timeseries"].append({"variant": key, "days": days, "exposure_counts": line})
    answer["total_exposures"] = {key: int(line[-1]) for key, line in lines.items()}
    return (
        answer
        | _checks(answer["total_exposures"], spec, population)
        | _coverage(source, spec, request)
    )


def _days(spec: ExperimentSpec, request: Request) -> list[str]:
    """Return the local days of the answer: to the end that is stated, also where it is to come."""
    start = request.days.start
    whole = Days(start, max(request.days.stop, spec.end or start), spec.timezone)
    if whole.stop - start > timedelta(days=MOST_DAYS):
        raise InputError(
            f"The exposures of at most {MOST_DAYS:,} days can be counted.",
            hint="Ask for a shorter time.",
        )
    return [day.isoformat() for day in whole.dates]


def _checks(totals: dict[str, int], spec: ExperimentSpec, population: Population) -> dict[str, Any]:
    from exp_jupyter.engine.checks.sample_ratio import multiple_variant_bias, sample_ratio_mismatch

    told: dict[str, Any] = {}
    # The project tests the arms that have a share; units where none was planned are ours to say.
    shares = {key: spec.split.get(key, 0) for key in population.variants}
    found = sample_ratio_mismatch(totals, {k: share for k, share in shares.items() if share > 0})
    if (mismatch := found.wire()) is not None:
        told["sample_ratio_mismatch"] = mismatch
    share = multiple_variant_bias(
        totals,
        [float(spec.split.get(key, 0)) for key in spec.variants],
        handling=population.criteria.handling,
        ended=spec.end is not None,
    )
    if share is not None:
        told["bias_risk"] = {"multiple_variant_percentage": share}
    return told


def _coverage(source: EventSource, spec: ExperimentSpec, request: Request) -> dict[str, Any]:
    """Tell what share of those who called the flag only got errors; nothing where it is small."""
    if spec.end is not None or request.population.exposure_event != FLAG_CALLED:
        return {}
    found = flag_coverage(source, request, spec.variants)
    callers = found.evaluated + found.errored
    if callers < FEWEST_CALLERS or found.errored_percentage <= LEAST_ERRORED:
        return {}
    return {
        "exposure_coverage": {
            "evaluated_entities": found.evaluated,
            "errored_entities": found.errored,
            "errored_percentage": found.errored_percentage,
            "error_reasons": found.errors,
        }
    }


def exposed_persons(source: EventSource, spec: ExperimentSpec, as_of: datetime) -> list[Any]:
    """Return the persons who have been exposed to an experiment, sorted.

    Parameters
    ----------
    source
        The events.
    spec
        The experiment. In one on groups the persons are those whose own events expose.
    as_of
        The moment, with its time zone.

    Raises
    ------
    exp_jupyter.errors.InputError
        The experiment has not started, or the events cannot be read.
    """
    population = replace(population_of(spec), group_index=None)
    found = exposed_units(source, Request(population, (), window_of(spec, as_of)))
    return sorted(found.tolist())


def _zulu(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
