"""Who saw which variant, day by day, and whether the split is the one that was asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from exp_jupyter.analysis.compute import population_of, window_of
from exp_jupyter.analysis.spec import ExperimentSpec
from exp_jupyter.warehouse.daily import daily_exposures, exposed_units
from exp_jupyter.warehouse.population import Request

if TYPE_CHECKING:
    from exp_jupyter.warehouse.source import EventSource

MULTIPLE = "$multiple"


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
        ``timeseries`` (per variant the cumulative units by day), ``total_exposures``,
        ``date_range`` and, where they apply, ``sample_ratio_mismatch`` and ``bias_risk``. Units
        seen under several variants are the variant ``$multiple`` when they are left out.

    Raises
    ------
    exp_jupyter.errors.InputError
        The experiment has not started, or the events cannot be read.
    """
    from exp_jupyter.engine.quality import multiple_variant_bias, sample_ratio_mismatch

    window = window_of(spec, as_of)
    population = population_of(spec)
    counts, multiple = daily_exposures(source, Request(population, (), window))
    days = [day.isoformat() for day in window.dates]
    lines = {key: counts[i].tolist() for i, key in enumerate(population.variants)}
    if multiple[-1]:
        lines[MULTIPLE] = multiple.tolist()
    totals = {key: int(line[-1]) for key, line in lines.items()}
    answer: dict[str, Any] = {
        "kind": "ExperimentExposureQuery",
        "timeseries": [
            {"variant": key, "days": days, "exposure_counts": line} for key, line in lines.items()
        ],
        "total_exposures": totals,
        "date_range": {
            "date_from": _zulu(spec.start),
            "date_to": _zulu(spec.end),
            "explicitDate": True,
        },
        "timezone": spec.timezone,
    }
    found = sample_ratio_mismatch(totals, {k: spec.split.get(k, 0) for k in population.variants})
    if (told := found.wire()) is not None:
        answer["sample_ratio_mismatch"] = told
    share = multiple_variant_bias(
        totals,
        [float(spec.split.get(key, 0)) for key in population.variants],
        handling=population.criteria.handling,
        ended=spec.end is not None and spec.end <= window.stop,
    )
    if share is not None:
        answer["bias_risk"] = {"multiple_variant_percentage": share}
    return answer


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
