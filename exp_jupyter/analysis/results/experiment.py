"""The results of an experiment at one moment: every metric, every arm, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from exp_jupyter.analysis.definition.experiment import as_mapping, instant
from exp_jupyter.analysis.definition.methods import InferenceOptions
from exp_jupyter.analysis.results.decision import Decision, Finding, Role, decide, finding
from exp_jupyter.analysis.results.progress import PlanProgress
from exp_jupyter.analysis.results.segments import ResultSegment, value_words
from exp_jupyter.analysis.results.series import Series
from exp_jupyter.errors import InputError
from exp_jupyter.shown import Shown

if TYPE_CHECKING:
    from exp_jupyter.engine.checks.sample_ratio import SampleRatioMismatch


@dataclass(frozen=True, repr=False)
class Results(Shown):
    """The latest analysis of an experiment's metrics. Read like a list of series of one day.

    Parameters
    ----------
    experiment_id, experiment_name, status
        The experiment.
    primary, secondary
        One entry per metric, each a :class:`~exp_jupyter.analysis.Series` with a single day.
    failed
        The metrics that could not be analysed, by name, with the reason.
    guardrails
        The metrics that must not get worse, by name, each with how much worse it may get as a
        fraction of the baseline; None where only a shown harm counts.
    progress
        How far the experiment is in its plan; None where that is not known.
    address
        The experiment's page in the project; empty where it has none.
    by
        The properties that the metrics are broken down by; empty where they are not.
    segments
        Every metric in every combination of their values; see :meth:`of` for one of them.
    segment
        The values that these are the results of, where :meth:`of` has chosen some.

    Examples
    --------
    >>> from exp_jupyter.analysis import Results
    >>> len(Results(7, "Checkout", "running", ()))
    0
    """

    experiment_id: int
    experiment_name: str
    status: str
    primary: tuple[Series, ...]
    secondary: tuple[Series, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    guardrails: Mapping[str, float | None] = field(default_factory=dict)
    progress: PlanProgress | None = None
    address: str = ""
    by: tuple[str, ...] = ()
    segments: tuple[ResultSegment, ...] = ()
    segment: tuple[str, ...] = ()

    def of(self, *values: str) -> Results:
        """Return the results of the units with these values alone.

        Parameters
        ----------
        *values
            One for each property of ``by``, as the table shows them.

        Raises
        ------
        exp_jupyter.errors.InputError
            The results are not broken down, or no unit has these values.

        Examples
        --------
        >>> from exp_jupyter import connect
        >>> found = connect("demo").experiments.results(4, 0, by="$device_type")
        >>> found.of("Mobile")[0].latest.baseline.n
        1115
        """
        if not self.by:
            raise InputError(
                "These results are not broken down.", hint='Ask for them with by="$browser".'
            )
        chosen = {
            one.series.metric_name: one.series for one in self.segments if one.values == values
        }
        if not chosen:
            known = [", ".join(each) for each in dict.fromkeys(s.values for s in self.segments)]
            more = f" and {len(known) - 8} more" if len(known) > 8 else ""
            raise InputError(
                f"No unit has {', '.join(map(repr, values)) or 'no value'}.",
                hint=f"There are: {'; '.join(known[:8])}{more}.",
            )
        return replace(
            self,
            primary=tuple(chosen[s.metric_name] for s in self.primary if s.metric_name in chosen),
            secondary=tuple(
                chosen[s.metric_name] for s in self.secondary if s.metric_name in chosen
            ),
            progress=None,
            segments=(),
            segment=values,
        ).coded(f"{self.code()}.of({', '.join(map(repr, values))})" if self.code() else "")

    @property
    def ended(self) -> bool:
        """Whether the experiment is over, so that no more data comes."""
        return self.status == "stopped"

    @property
    def groups(self) -> dict[Role, tuple[Series, ...]]:
        """The results by what they are for: primary, secondary, then guardrails."""
        by_role: dict[Role, tuple[Series, ...]] = {
            "primary": tuple(s for s in self.primary if s.metric_name not in self.guardrails),
            "secondary": tuple(s for s in self.secondary if s.metric_name not in self.guardrails),
            "guardrail": tuple(s for s in self.series if s.metric_name in self.guardrails),
        }
        return {role: found for role, found in by_role.items() if found}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What every comparison says, by group, as the decision reads it."""
        return tuple(
            finding(
                series.latest.effects.get(arm) if series.latest is not None else None,
                metric=series.metric_name,
                arm=arm,
                role=role,
                goal=series.goal,
                margin=self.guardrails.get(series.metric_name),
            )
            for role, group in self.groups.items()
            for series in group
            for arm in series.variants
            if arm != series.baseline_key
        )

    @property
    def decision(self) -> Decision:
        """What the rule of :func:`exp_jupyter.analysis.results.decision.decide` says, and why."""
        ratio = self.sample_ratio
        return decide(
            self.findings,
            control=self.series[0].baseline_key if self.series else "control",
            split_as_planned=None if ratio is None else not ratio.mismatch,
            progress=self.progress,
            any_time=bool(self.series) and all(s.method == "sequential" for s in self.series),
            ended=self.ended,
            paused=self.status == "paused",
        )

    @property
    def series(self) -> tuple[Series, ...]:
        """Every metric's result, primary before secondary."""
        return (*self.primary, *self.secondary)

    @property
    def as_of(self) -> datetime | None:
        """When the oldest of the results was computed; None when none says so."""
        return min((one.as_of for one in self.series if one.as_of is not None), default=None)

    @property
    def sample_ratio(self) -> SampleRatioMismatch | None:
        """Whether the units are split as planned; None where no metric can tell."""
        told = (one.sample_ratio for one in self.series)
        return next((found for found in told if found is not None), None)

    def __len__(self) -> int:
        return len(self.series)

    def __iter__(self) -> Iterator[Series]:
        return iter(self.series)

    def __getitem__(self, which: int | str) -> Series:
        """Return the result of a metric by its index, name or uuid."""
        if isinstance(which, int):
            return self.series[which]
        for one in self.series:
            if which in (one.metric_name, one.metric_uuid):
                return one
        names = ", ".join(one.metric_name for one in self.series) or "none"
        raise InputError(f"There is no result of {which!r}.", hint=f"There are {names}.")


def result_series(
    result: Any,
    *,
    experiment: Any,
    metric: Any,
    day: date,
    as_of: datetime | None = None,
    method: str | None = None,
    mode: Literal["compat", "recommended"] = "compat",
    interval: str | None = None,
    tuning_n: float | None = None,
    alpha: float | None = None,
    source: str | None = None,
) -> Series:
    """Return one analysis of a metric as a series of a single day.

    Parameters
    ----------
    result
        An answer of the results query, typed or as a dictionary.
    experiment, metric
        The experiment and the metric's definition, typed or as dictionaries.
    day
        The day whose data is the last in it.
    as_of
        When it was computed.
    method, mode, interval, tuning_n, alpha
        As :meth:`Series.from_wire` takes them.
    source
        Where the numbers come from, in words.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such method.
    """
    body = as_mapping(result)
    return Series.from_results(
        {day: body if body.get("baseline") else None},
        experiment=experiment,
        metric=metric,
        inference=InferenceOptions(method, alpha, mode=mode, interval=interval, tuning_n=tuning_n),
        as_of=instant(body.get("last_refresh") if as_of is None else as_of),
        source=source,
    )


def segment_series(result: Any, **how: Any) -> tuple[ResultSegment, ...]:
    """Return the combinations of values that an answer tells apart, each a series of one day.

    Parameters
    ----------
    result
        An answer of the results query, typed or as a dictionary.
    **how
        As :func:`result_series` takes it.
    """
    told = [as_mapping(one) for one in as_mapping(result).get("breakdown_results") or ()]
    return tuple(
        ResultSegment(
            tuple(map(value_words, one.get("breakdown_value") or ())),
            result_series(
                {"baseline": one.get("baseline"), "variant_results": one.get("variants")}, **how
            ),
        )
        for one in told
    )
