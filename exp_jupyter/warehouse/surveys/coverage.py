"""Exposure coverage: how many units called the flag, and how many of them only got errors."""

# ruff: noqa: S608 - names are quoted and every value is bound; see `Parameters`
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from exp_jupyter.warehouse.events.scan import Scan
from exp_jupyter.warehouse.request.population import Request
from exp_jupyter.warehouse.sql.event_source import EventSource

ERROR = "$feature_flag_error"
"""The property of a flag call that names what went wrong."""


@dataclass(frozen=True)
class Coverage:
    """Units that called a flag.

    Parameters
    ----------
    evaluated
        Those that got a variant at least once.
    errors
        Those that never did and got an error, by its text, the most frequent first.
    """

    evaluated: int
    errors: dict[str, int]

    @property
    def errored(self) -> int:
        """The units that only got errors."""
        return sum(self.errors.values())

    @property
    def errored_percentage(self) -> float:
        """Their share of those that called the flag, in percent; 0 where nobody did."""
        callers = self.evaluated + self.errored
        return self.errored / callers * 100 if callers else 0.0


def flag_coverage(source: EventSource, request: Request, variants: Sequence[str]) -> Coverage:
    """Return how far a flag's calls in the window gave their units a variant.

    Parameters
    ----------
    source
        The events.
    request
        The population, whose exposures are flag calls, and the days; its metrics do not matter.
    variants
        The variants that a call can give, those left out of the analysis included.

    Returns
    -------
    Coverage
        A call that has both a variant and an error gave the variant. A unit with several errors
        counts under its first one.
    """
    population = replace(request.population, variants=tuple(variants))
    scan = Scan(source, replace(request, population=population, metrics=(), covariates=None))
    calls, parameters = scan.calls(ERROR)
    ranked = (
        "SELECT unit, error, MAX(got) OVER (PARTITION BY unit) AS got, "
        "ROW_NUMBER() OVER (PARTITION BY unit ORDER BY got, us, error) AS rn FROM "
        f"(SELECT unit, us, error, CASE WHEN bv IS NULL THEN 0 ELSE 1 END AS got FROM ({calls}) "
        "AS r WHERE bv IS NOT NULL OR error IS NOT NULL) AS c"
    )
    units = f"SELECT CASE WHEN got = 0 THEN error END AS error FROM ({ranked}) AS q WHERE rn = 1"
    rows = source.rows(
        f"SELECT error, COUNT(*) AS n FROM ({units}) AS u GROUP BY error", parameters
    )
    errors: dict[str, int] = {}
    evaluated = 0
    hidden = np.ma.getmaskarray(rows["error"])
    for error, none, n in zip(np.ma.getdata(rows["error"]), hidden, rows["n"], strict=True):
        if none:
            evaluated = int(n)
        else:
            errors[str(error)] = int(n)
    return Coverage(evaluated, dict(sorted(errors.items(), key=lambda item: (-item[1], item[0]))))
