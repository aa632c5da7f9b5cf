"""What exposes a unit: the conditions on rows, and the variant they name."""

from __future__ import annotations

from exp_jupyter.schema.metrics.exposure import ExposureConfig
from exp_jupyter.warehouse.events.matching import Matcher
from exp_jupyter.warehouse.request.population import Request
from exp_jupyter.warehouse.sql.conditions import all_of, one

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
        The position of the variant a row shows its unit, NULL where it shows none.
    activates
        Whether a row activates its unit if that was shown a variant before; empty where the
        first variant shown is the exposure itself.
    kept
        The end of a WHERE that keeps the rows of persons who stay; empty when all do.

    Notes
    -----
    Exclusions are judged on what persons are now: whoever matches any of them leaves with all
    events, also those from before it held. In an experiment on groups such a person's events
    count for no group, and a group stays as long as somebody else exposed it.
    """

    def __init__(self, request: Request, matcher: Matcher) -> None:
        self.request = request
        self.matcher = matcher
        self.reader = matcher.reader
        self.variant = self._variant()
        self.activates = self._activates()
        self.kept = self._kept()

    def events(self) -> set[str] | None:
        """Return the names of the events that can expose a unit; None for any."""
        population = self.request.population
        config = population.criteria.activation or population.criteria.exposure_config
        if config is not None and config.kind == "ActionsNode":
            return self.matcher.events_of_action(config.id or 0)
        return {population.exposure_event or ""} if config is None else {config.event or ""}

    @property
    def called(self) -> str:
        """The condition that a row is an exposure, whatever variant it names, or none."""
        called = "TRUE"
        for test in self._tests:
            called = f"CASE WHEN {test} THEN {called} ELSE FALSE END"
        return f"({called})"

    def _variant(self) -> str:
        population, bind = self.request.population, self.reader.parameters.bind
        choices = " ".join(
            f"WHEN {bind(key)} THEN {i}" for i, key in enumerate(population.variants)
        )
        if not choices:
            return "CAST(NULL AS INTEGER)"
        variant = f"CASE {self.reader.text(population.variant_property)} {choices} END"
        for test in self._tests:
            variant = f"CASE WHEN {test} THEN {variant} END"
        return variant

    @property
    def _tests(self) -> list[str]:
        """What must hold of an exposing row, the first to be asked last.

        Each is asked of the rows that passed those before, since what it reads is read for them.
        """
        population = self.request.population
        tests = self._no_test_account[::-1]
        if population.default_event:
            bind = self.reader.parameters.bind
            tests.append(f"{self.reader.text('$feature_flag')} = {bind(population.flag_key)}")
        return [*tests, self._matched(population.criteria.exposure_config), self._inside]

    def _activates(self) -> str:
        config = self.request.population.criteria.activation
        if config is None:
            return ""
        tests = " AND ".join([self._matched(config), *self._no_test_account])
        # CASE, as elsewhere: what a test reads is read for rows that passed the one before.
        return f"(CASE WHEN {self._inside} THEN {tests} ELSE FALSE END)"

    def _matched(self, config: ExposureConfig | None) -> str:
        filters = (config.properties if config else ()) or ()
        if config is not None and config.kind == "ActionsNode":
            return self.matcher.action(config.id or 0, filters, _WHERE)
        event = config.event if config else self.request.population.exposure_event
        return self.matcher.event(event, filters, _WHERE)

    @property
    def _no_test_account(self) -> list[str]:
        population = self.request.population
        if not population.criteria.filter_test_accounts or not population.test_account_filters:
            return []
        return [all_of(population.test_account_filters, self.reader, "The test account filters")]

    @property
    def _inside(self) -> str:
        days, at = self.request.days, self.reader.timestamp
        start, stop = self.reader.bound(days.start), self.reader.bound(days.stop)
        return f"{at} >= {start} AND {at} <= {stop}"

    def _kept(self) -> str:
        excluded = [
            one(item, self.reader, _WHERE)
            for item in self.request.population.criteria.exclusions or ()
        ]
        if not excluded:
            return ""
        person = self.reader.column(self.reader.source.person_id)
        return f" AND ({person} IS NULL OR NOT ({' OR '.join(excluded)}))"
