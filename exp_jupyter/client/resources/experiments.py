"""Experiments: find, read, size, and the writes that begin from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from exp_jupyter.client.calls import call
from exp_jupyter.client.http.concurrency import side_by_side
from exp_jupyter.client.lookup.experiments import (
    experiment_called,
    experiment_of_id,
    experiments_of,
    missing_experiment,
    named_experiment,
)
from exp_jupyter.client.lookup.metrics import (
    earlier_fingerprint,
    find_metric,
    nothing_stored,
    require_stored,
)
from exp_jupyter.client.lookup.names import as_id
from exp_jupyter.client.resources.experiment_actions import ExperimentWrites, Ref
from exp_jupyter.client.resources.questions import ExperimentQuestions
from exp_jupyter.client.resources.recomputation import Recomputation
from exp_jupyter.errors import (
    ApiError,
    InputError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
    ValidationFailedError,
)
from exp_jupyter.schema.experiments.experiment import Experiment, ExperimentList, MetricEntry

if TYPE_CHECKING:
    from exp_jupyter.analysis.report import Report
    from exp_jupyter.analysis.results.daily_exposures import DailyExposures
    from exp_jupyter.analysis.results.experiment import Results
    from exp_jupyter.analysis.results.health import Health
    from exp_jupyter.analysis.results.segments import ResultSegment
    from exp_jupyter.analysis.results.series import Series
    from exp_jupyter.analysis.results.series_list import SeriesList
    from exp_jupyter.engine.planning.sample_size import SizePlan
    from exp_jupyter.schema.approvals.approval import ChangeRequest
    from exp_jupyter.schema.approvals.writes import Evidence
    from exp_jupyter.schema.experiments.recalculation import MetricsRecalculation
    from exp_jupyter.schema.experiments.series import Exposures, TimeseriesResults


class Experiments(ExperimentQuestions, ExperimentWrites):
    """The experiments of a project.

    Wherever a method takes ``ref`` it takes the experiment's id, its flag's key, its exact name,
    or the object itself.
    """

    def list(
        self,
        status: str | None = None,
        archived: bool | None = None,
        search: str | None = None,
        order: str | None = None,
        *,
        prompt_name: str | None = None,
        event: str | None = None,
        tag: str | None = None,
    ) -> ExperimentList:
        """Return experiments with their basic fields.

        Parameters
        ----------
        status
            ``draft``, ``running``, ``paused``, ``stopped`` or ``all``.
        archived
            True for archived ones; by default those that are not.
        search
            Part of the name.
        order
            ``created_at``, ``updated_at``, ``name``, ``start_date``, ``end_date``, ``duration``,
            ``status`` or ``created_by``, with ``-`` for descending; by default the newest first.
        prompt_name, event
            Only those made from this prompt, or with a metric that counts this event.
        tag
            Only those with this tag. A project that has no tags lists all, and the list says so.
        """
        given = {"status": status, "archived": archived, "search": search, "order": order}
        given |= {"prompt_name": prompt_name, "event": event, "tag": tag}
        found = [*self.iterate(**given)]  # type: ignore[arg-type]
        shown = call("experiments.list", **given)
        if tag is not None and found:
            if not any("tags" in one.model_fields_set for one in found):
                note = "This project has no tags, so all experiments are listed."
                return ExperimentList(count=len(found), results=found, note=note).coded(shown)
            # A project that leaves an unknown filter aside lists the others too.
            wanted = tag.strip().lower()
            found = [one for one in found if wanted in one.tags]
        return ExperimentList(count=len(found), results=found).coded(shown)

    def iterate(
        self,
        status: str | None = None,
        archived: bool | None = None,
        search: str | None = None,
        order: str | None = None,
        *,
        prompt_name: str | None = None,
        event: str | None = None,
        tag: str | None = None,
    ) -> Iterator[Experiment]:
        """Yield what ``list`` would return, one page of requests at a time."""
        return experiments_of(
            self._api,
            status=status,
            archived=archived,
            search=search,
            order=order,
            prompt_name=prompt_name,
            event=event,
            tag=tag,
        )

    def get(self, ref: Ref) -> Experiment:
        """Return one experiment with all its fields.

        Raises
        ------
        exp_jupyter.errors.NotFoundError
            No experiment has this id.
        exp_jupyter.errors.InputError
            No experiment, or several, answer to this name or key; the hint names the nearest.
        """
        if isinstance(ref, Experiment):
            return self._by_id(ref.id)
        known = as_id(ref)
        if known is None:
            return self._by_id(named_experiment(self._api, str(ref).strip()).id)
        try:
            return self._by_id(known)
        except NotFoundError as miss:
            named = experiment_called(self._api, ref.strip()) if isinstance(ref, str) else None
            if named is None:
                raise missing_experiment(self._api, known, miss) from None
            return self._by_id(named.id)

    def series_data(self, ref: Ref, metric: str | int | None = None) -> TimeseriesResults:
        """Return the stored daily results of a metric just as the project has them."""
        experiment = self.get(ref)
        return self._data_of(experiment, find_metric(experiment, metric))

    def timeseries(
        self,
        ref: Ref,
        metric: str | int | None = None,
        *,
        method: str | None = None,
        mode: Literal["compat", "recommended"] | None = None,
        interval: str | None = None,
        tuning_n: float | None = None,
        alpha: float | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        fingerprint: str | None = None,
    ) -> Series:
        """Return the daily series of a metric.

        Parameters
        ----------
        ref
            The experiment.
        metric
            Its uuid, name or index from 0; by default the first.
        method
            None keeps the project's own numbers; ``frequentist``, ``sequential`` or ``bayesian``
            computes every day again from its sums.
        mode
            The formulas of that recomputation: ``compat`` (default) or ``recommended``.
        interval
            How its intervals are formed: ``test``, ``delta``, ``fieller`` or ``log``.
        tuning_n
            With ``sequential``: total units of two arms at which the interval is narrowest. By
            default those of the experiment's saved plan (recommended), else its own setting.
        alpha
            Its false-positive rate, between 0 and 1; by default the experiment's own.
        since, until
            First and last day to return, as dates or as 2026-03-20; each day still holds all data
            from the start.
        fingerprint
            Of an earlier definition of the metric, 64 hexadecimal digits: its stored series
            instead of that of the definition in force.

        Raises
        ------
        exp_jupyter.errors.InputError
            The experiment has not been launched, or has no such metric; there is no day between
            ``since`` and ``until``; or nothing is stored under the fingerprint.
        """
        experiment = self.get(ref)
        how = Recomputation(method, mode, interval, tuning_n, alpha)
        window = _Window(since, until)
        return self._series_of(
            experiment, find_metric(experiment, metric), how, window, fingerprint
        )

    def all_timeseries(
        self,
        ref: Ref,
        metrics: Iterable[str | int] | str | int | None = None,
        *,
        method: str | None = None,
        mode: Literal["compat", "recommended"] | None = None,
        interval: str | None = None,
        tuning_n: float | None = None,
        alpha: float | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> SeriesList:
        """Return the daily series of several metrics, asked for side by side.

        Parameters
        ----------
        ref
            The experiment.
        metrics
            Which, as ``timeseries`` takes one; by default all of them.
        method, mode, interval, tuning_n, alpha, since, until
            As ``timeseries`` takes them.
        progress
            Called with how many are there and how many there will be, after each one.

        Raises
        ------
        exp_jupyter.errors.InputError
            As ``timeseries``.

        Notes
        -----
        At most eight requests are under way at once. An interrupt begins no further one.
        """
        from exp_jupyter.analysis.results.series_list import SeriesList

        experiment = self.get(ref)
        how = Recomputation(method, mode, interval, tuning_n, alpha)
        window = _Window(since, until)
        wanted = [metrics] if isinstance(metrics, (str, int)) else metrics
        wanted = None if wanted is None else [*wanted]
        entries = experiment.metric_entries
        if wanted is not None:
            named = [find_metric(experiment, one) for one in wanted]
            entries = tuple(one for place, one in enumerate(named) if one not in named[:place])
        self._api.source  # noqa: B018 - read once here rather than once in every thread
        found = side_by_side(
            lambda entry: self._series_of(experiment, entry, how, window), entries, progress
        )
        shown = {"metrics": wanted, **asdict(how), **window.shown()}
        return SeriesList(experiment.id, experiment.name, tuple(found)).coded(
            call("experiments.all_timeseries", experiment.id, **shown)
        )

    def results(
        self,
        ref: Ref,
        metric: str | int | None = None,
        *,
        method: str | None = None,
        mode: Literal["compat", "recommended"] | None = None,
        interval: str | None = None,
        tuning_n: float | None = None,
        alpha: float | None = None,
        guardrails: Mapping[str, float | None] | Iterable[str] | None = None,
        by: str | Iterable[str] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Results:
        """Return the results as they are now: of every metric, or of one.

        Parameters
        ----------
        ref
            The experiment.
        metric
            Its uuid, name or index from 0; by default all of them, asked for side by side.
        method, mode, interval, tuning_n, alpha
            As ``timeseries`` takes them.
        guardrails
            Metrics that must not get worse, by name, uuid or index; as a mapping each with how
            much worse it may get in percent of the baseline.
        by
            One to three properties to break every metric down by: ``$browser`` of the event that
            exposed a unit, ``person:country`` of its person.
        progress
            Called with how many are there and how many there will be, after each one.

        Raises
        ------
        exp_jupyter.errors.InputError
            The experiment has not been launched, or has no such metric; a margin is not above
            0 and at most 100; or ``by`` names no property, or too many.

        Notes
        -----
        At most eight requests are under way at once. With several metrics, one that the project
        cannot analyse is named in ``failed`` and the others are there all the same.
        """
        from exp_jupyter.analysis.results.experiment import Results
        from exp_jupyter.analysis.results.progress import PlanProgress
        from exp_jupyter.analysis.results.segments import properties_of

        by = [by] if isinstance(by, str) else None if by is None else [*by]
        properties = properties_of(by)
        experiment = self._launched(self.get(ref))
        margins = _margins(experiment, guardrails)
        entries = experiment.metric_entries
        if metric is not None or not entries:
            entries = (find_metric(experiment, metric),)
        self._api.source  # noqa: B018 - read once here rather than once in every thread
        failed: dict[str, str] = {}
        how = Recomputation(method, mode, interval, tuning_n, alpha)

        def ask(entry: MetricEntry) -> _Answer | None:
            try:
                return self._result_of(experiment, entry, how, properties)
            except (ValidationFailedError, ServerError) as refusal:
                if metric is not None:
                    raise
                failed[entry.name] = refusal.message
                return None

        found = list(zip(entries, side_by_side(ask, entries, progress), strict=True))
        by_role: dict[str, Any] = {
            role: tuple(one.series for entry, one in found if one and entry.role == role)
            for role in ("primary", "secondary")
        }
        named = None if metric is None else entries[0].name
        shown = {"metric": named, **asdict(how), "guardrails": _shown_guardrails(guardrails)}
        shown["by"] = by[0] if by and len(by) == 1 else by or None
        answers = [one for _, one in found if one is not None]
        read = [one.series for one in answers]
        units = max((one.latest.exposures for one in read if one.latest is not None), default=0)
        return Results(
            experiment.id,
            experiment.name,
            experiment.status,
            **by_role,
            failed=failed,
            guardrails=margins,
            progress=PlanProgress.of(
                experiment,
                units,
                min((one.as_of for one in read if one.as_of is not None), default=None),
            ),
            address=self._address(experiment.id),
            by=tuple(name if kind == "event" else f"{kind}:{name}" for kind, name in properties),
            segments=tuple(segment for one in answers for segment in one.segments),
        ).coded(call("experiments.results", experiment.id, **shown))

    def report(
        self,
        ref: Ref,
        metric: str | int | None = None,
        *,
        method: str | None = None,
        mode: Literal["compat", "recommended"] | None = None,
        interval: str | None = None,
        tuning_n: float | None = None,
        alpha: float | None = None,
        guardrails: Mapping[str, float | None] | Iterable[str] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Report:
        """Return one page about an experiment for those who decide; ``save`` writes it to a file.

        Parameters
        ----------
        ref, metric, method, mode, interval, tuning_n, alpha, guardrails, progress
            As ``results`` takes them.

        Raises
        ------
        exp_jupyter.errors.InputError
            As ``results``.

        Examples
        --------
        ::

            project.experiments.report(4, guardrails={"Refund rate": 5}).save("checkout.html")
        """
        from exp_jupyter.client.resources.reporting import report_of

        how = Recomputation(method, mode, interval, tuning_n, alpha)
        report = report_of(self, ref, metric, guardrails, progress, **asdict(how))
        shown = {"metric": metric, **asdict(how), "guardrails": _shown_guardrails(guardrails)}
        known = report.experiment.id if report.experiment is not None else ref
        return report.coded(call("experiments.report", known, **shown))

    def metrics_recalculation(self, ref: Ref, job: str | None = None) -> MetricsRecalculation:
        """Return how far a recalculation of all metrics is, with the results that are there.

        Parameters
        ----------
        ref
            The experiment.
        job
            The recalculation's id; by default the newest.

        Raises
        ------
        exp_jupyter.errors.NotFoundError
            There is no such recalculation.
        """
        from exp_jupyter.schema.experiments.recalculation import MetricsRecalculation

        one = self.get(ref)
        path = self._api.path("experiments", one.id, "metrics_recalculation", job or "latest")
        shown = call("experiments.metrics_recalculation", one.id, job=job)
        return self._api.read(MetricsRecalculation, path).coded(shown)

    def exposures(self, ref: Ref) -> Exposures:
        """Return who saw which variant.

        Raises
        ------
        exp_jupyter.errors.InputError
            The experiment has not been launched.
        """
        from exp_jupyter.client.resources import queries

        experiment = self._launched(self.get(ref))
        found = queries.exposures(self._api, experiment)
        return found.coded(call("experiments.exposures", experiment.id))

    def daily_exposures(self, ref: Ref) -> DailyExposures:
        """Return who saw which variant day by day, every day checked against the split.

        Parameters
        ----------
        ref
            The experiment.

        Raises
        ------
        exp_jupyter.errors.InputError
            The experiment has not been launched.

        Examples
        --------
        >>> from exp_jupyter import connect
        >>> connect("demo").experiments.daily_exposures(4).days[0].units
        {'control': 104, 'test': 95}
        """
        from exp_jupyter.analysis.results.daily_exposures import DailyExposures
        from exp_jupyter.client.resources import queries

        experiment = self._launched(self.get(ref))
        found = queries.exposures(self._api, experiment)
        daily = DailyExposures.from_wire(
            found,
            experiment=experiment,
            as_of=found.last_refresh or self._api.now,
            source=self._api.source,
        )
        return daily.coded(call("experiments.daily_exposures", experiment.id))

    def health(self, ref: Ref) -> Health:
        """Return whether the experiment's data can be trusted.

        What the key may not ask is left unknown rather than refused.
        """
        from exp_jupyter.analysis.results.health import Health
        from exp_jupyter.client.resources import queries

        experiment = self.get(ref)
        found: Exposures | None = None
        required: bool | None = None
        try:
            if experiment.start_date is not None:
                found = queries.exposures(self._api, experiment)
        except PermissionDeniedError:
            found = None
        events, actions = queries.targets(experiment)
        try:
            required = self.requires_flag_implementation(events, actions).required
        except (PermissionDeniedError, NotFoundError):
            required = None
        health = Health.assemble(
            experiment,
            found,
            required,
            series=self._first_series(experiment),
            now=self._api.now,
        )
        return health.coded(call("experiments.health", experiment.id))

    def size(
        self,
        ref: Ref,
        metric: str | int | None = None,
        *,
        mde: float,
        variants: int | None = None,
        rate: float | None = None,
        **options: Any,
    ) -> SizePlan:
        """Plan from what the experiment has shown so far.

        Parameters
        ----------
        ref, metric
            The experiment and its metric; the newest day's baseline is the plan's.
        mde
            Minimum detectable effect in percent of the baseline.
        variants
            By default those of the experiment.
        rate
            New units per day; by default the last week's.
        **options
            As ``exp_jupyter.engine.planning.sample_size.sample_size`` takes them.

        Raises
        ------
        exp_jupyter.errors.InputError
            There is no result yet.
        """
        from exp_jupyter.client.resources.sizing import observed
        from exp_jupyter.engine.planning.sample_size import sample_size

        experiment = self.get(ref)
        entry = find_metric(experiment, metric)
        seen = observed(experiment, entry, self._data_of(experiment, entry))
        plan = sample_size(
            seen.kind,
            stats=seen.stats,
            mde=mde,
            variants=variants or seen.variants,
            rate=seen.rate if rate is None else rate,
            **options,
        )
        shown = {"mde": mde, "variants": variants, "rate": rate, **options}
        return plan.coded(call("experiments.size", experiment.id, entry.name, **shown))

    def _launched(self, experiment: Experiment) -> Experiment:
        if experiment.start_date is None:
            raise InputError(
                f'"{experiment.name}" has not been launched, so nobody was exposed to it.',
                hint=f"It is a draft. Launch it first: %exp_launch {experiment.id}, or "
                f"project.experiments.launch({experiment.id}).",
            )
        return experiment

    def _result_of(
        self,
        experiment: Experiment,
        entry: MetricEntry,
        how: Recomputation,
        by: tuple[tuple[str, str], ...] = (),
    ) -> _Answer:
        from zoneinfo import ZoneInfo

        from exp_jupyter.analysis.results.experiment import result_series, segment_series
        from exp_jupyter.analysis.results.segments import broken_down
        from exp_jupyter.client.resources import queries

        metric = broken_down(entry.definition, by)
        found = queries.result(self._api, experiment, entry.name, metric)
        as_of = found.last_refresh or self._api.now
        last = min(as_of, experiment.end_date) if experiment.end_date else as_of
        told = {
            "experiment": experiment,
            "metric": {**entry.definition, "name": entry.name},
            "day": last.astimezone(ZoneInfo(self._api.timezone)).date(),
            "as_of": as_of,
            **how.settings(),
            "source": self._api.source,
        }
        shown = call("experiments.results", experiment.id, entry.name, **asdict(how))
        series = result_series(found, **told).coded(f"{shown}[0]")
        return _Answer(series, segment_series(found, **told) if by else ())

    def _evidence(self, experiment: Experiment, variant: str | None = None) -> Evidence | None:
        from exp_jupyter.analysis.results.evidence import evidence_of

        if experiment.start_date is None or not experiment.metric_entries:
            return None
        return evidence_of(self.results(experiment), variant)

    def evidence_for(self, request: ChangeRequest) -> Evidence | None:
        """Return what is known where a change request decides about an experiment.

        Parameters
        ----------
        request
            A request to change a flag.

        Returns
        -------
        Evidence or None
            None where no launched experiment uses the flag.
        """
        from exp_jupyter.schema.approvals.intent import shipped_variant

        found = experiment_called(self._api, request.flag_key) if request.flag_key else None
        if found is None:
            return None
        return self._evidence(self.get(found), shipped_variant(request) or None)

    def _address(self, known: int) -> str:
        """Return an experiment's page in the project; empty where nothing serves one."""
        if self._api.kind != "remote":
            return ""
        return f"{self._api.origin}/project/{self._api.id}/experiments/{known}"

    def _by_id(self, known: int) -> Experiment:
        return experiment_of_id(self._api, known).coded(call("experiments.get", known))

    def _data_of(
        self, experiment: Experiment, entry: MetricEntry, fingerprint: str | None = None
    ) -> TimeseriesResults:
        from exp_jupyter.schema.experiments.series import TimeseriesResults

        require_stored(entry)
        path = self._api.path("experiments", experiment.id, "timeseries_results")
        params = {"metric_uuid": entry.uuid, "fingerprint": fingerprint or entry.fingerprint}
        shown = call("experiments.series_data", experiment.id, entry.name)
        try:
            return self._api.read(TimeseriesResults, path, params).coded(shown)
        except ValidationFailedError:
            self._launched(experiment)  # says what to do where that is the reason
            raise

    def _series_of(
        self,
        experiment: Experiment,
        entry: MetricEntry,
        how: Recomputation,
        window: _Window,
        fingerprint: str | None = None,
    ) -> Series:
        from exp_jupyter.analysis.results.series import Series

        earlier = earlier_fingerprint(entry, fingerprint)
        data = self._data_of(experiment, entry, earlier)
        stored = next((day.metric for day in data.timeseries.values() if day and day.metric), None)
        definition = {**entry.definition, **(stored or {})} if earlier else entry.definition
        series = Series.from_wire(
            data,
            experiment=experiment,
            metric={**definition, "name": entry.name, "fingerprint": earlier or entry.fingerprint},
            **how.settings(),
            source=self._api.source,
        )
        if earlier:
            if series.latest is None and not data.errors:
                raise nothing_stored(entry, earlier)
            series = replace(series, _current_fingerprint=entry.fingerprint or "")
        shown = {**asdict(how), **window.shown(), "fingerprint": earlier}
        cut = series.between(window.since, window.until) if series.days else series
        return cut.coded(call("experiments.timeseries", experiment.id, entry.name, **shown))

    def _first_series(self, experiment: Experiment) -> Series | None:
        if experiment.start_date is None or not experiment.metric_entries:
            return None
        try:
            return self.timeseries(experiment)
        except (ApiError, InputError):
            return None


@dataclass(frozen=True)
class _Answer:
    """What the project answered of one metric."""

    series: Series
    segments: tuple[ResultSegment, ...]


@dataclass(frozen=True)
class _Window:
    """The days of a series that a call asks for."""

    since: date | str | None
    until: date | str | None

    def shown(self) -> dict[str, str | None]:
        """Return the arguments as the reproducing call writes them."""
        days = (("since", self.since), ("until", self.until))
        return {name: None if day is None else str(day)[:10] for name, day in days}


def _margins(
    experiment: Experiment, guardrails: Mapping[str, float | None] | Iterable[str] | None
) -> dict[str, float | None]:
    """Return each guardrail's name and margin, as a fraction."""
    found: dict[str, float | None] = {}
    for wanted, percent in _percents(guardrails).items():
        name = find_metric(experiment, wanted).name
        if percent is not None and not 0 < percent <= 100:
            raise InputError(
                f'The margin of the guardrail "{name}" is {percent:g} %.',
                hint="Give a number above 0 and at most 100: how much worse it may get, in percent "
                "of the baseline.",
            )
        found[name] = None if percent is None else percent / 100
    return found


def _percents(
    guardrails: Mapping[str, float | None] | Iterable[str] | None,
) -> dict[str, float | None]:
    if guardrails is None:
        return {}
    if isinstance(guardrails, Mapping):
        return dict(guardrails)
    names = [guardrails] if isinstance(guardrails, str) else [*guardrails]
    return dict.fromkeys(names)


def _shown_guardrails(guardrails: Any) -> Any:
    """Return the guardrails as the reproducing call writes them."""
    return dict(guardrails) if isinstance(guardrails, Mapping) else guardrails
