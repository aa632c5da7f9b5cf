"""What exposes a unit: the condition on rows, and the variant they name."""

from __future__ import annotations

from typing import Any

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.conditions import all_of
from exp_jupyter.warehouse.matching import Matcher
from exp_jupyter.warehouse.population import Request

_WHERE = "The exposure criteria"


class Exposure:
    """SQL over the scan's rows for the exposures of a request's population.

    Parameters
    ----------
    request
        Whose population and days count.
    matcher
        Writes conditions on the rows.

    Attributes
    ----------
    variant
        The position of the variant a row exposes its unit to, NULL where it does not.
    """

    def __init__(self, request: Request, matcher: Matcher) -> None:
        self.request = request
        self.matcher = matcher
        self.reader = matcher.reader
        self.variant = self._variant()

    def events(self) -> set[str] | None:
        """Return the names of the events that can expose a unit; None for any."""
        population = self.request.population
        config = population.criteria.exposure_config
        if config is not None and config.kind == "ActionsNode":
            return self.matcher.events_of_action(config.id or 0)
        return {population.exposure_event} if population.exposure_event else None

    def _variant(self) -> str:
        population = self.request.population
        refused = [k for k in ("activation_config", "exclusions") if _given(population.criteria, k)]
        if refused:
            raise InputError(
                f"The exposure criteria's {refused[0]} is not supported.",
                hint="Analyse this experiment with the default exposure or a custom event.",
            )
        config = population.criteria.exposure_config
        filters = (config.properties if config else ()) or ()
        if config is not None and config.kind == "ActionsNode":
            matched = self.matcher.action(config.id or 0, filters, _WHERE)
        else:
            matched = self.matcher.event(population.exposure_event, filters, _WHERE)
        bind = self.reader.parameters.bind
        tests = []
        if population.default_event:
            tests.append(f"{self.reader.text('$feature_flag')} = {bind(population.flag_key)}")
        if population.criteria.filter_test_accounts and population.test_account_filters:
            tests.append(
                all_of(population.test_account_filters, self.reader, "The test account filters")
            )
        days, at = self.request.days, self.reader.timestamp
        start, stop = self.reader.bound(days.start), self.reader.bound(days.stop)
        inside = f"{at} >= {start} AND {at} <= {stop}"
        choices = " ".join(
            f"WHEN {bind(key)} THEN {i}" for i, key in enumerate(population.variants)
        )
        variant = f"CASE {self.reader.text(population.variant_property)} {choices} END"
        for test in [*reversed(tests), matched, inside]:
            variant = f"CASE WHEN {test} THEN {variant} END"
        return variant


def _given(criteria: Any, key: str) -> bool:
    return bool((criteria.model_extra or {}).get(key))
