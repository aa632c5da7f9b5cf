"""The names Tab may offer: what this notebook has already seen of its project, never asked anew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from exp_jupyter.magic_line import MetricName

if TYPE_CHECKING:
    from exp_jupyter.schema.approvals.approval import ChangeRequest
    from exp_jupyter.schema.experiments.experiment import Experiment


@dataclass(frozen=True)
class ExperimentName:
    """An experiment as Tab and the panel name it; ``metrics`` is None until it was read."""

    id: int
    name: str
    status: str
    flag_key: str
    updated: str = ""
    archived: bool = False
    started: date | None = None
    ended: date | None = None
    variants: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    metrics: tuple[MetricName, ...] | None = None


@dataclass
class Names:
    """What is known of one project's names."""

    experiments: dict[int, ExperimentName] = field(default_factory=dict)
    flags: dict[str, None] = field(default_factory=dict)
    prompts: dict[str, None] = field(default_factory=dict)
    requests: dict[str, None] = field(default_factory=dict)

    def see_experiments(self, experiments: Iterable[Experiment]) -> None:
        """Remember experiments; metrics once read are kept while the experiment is unchanged."""
        for experiment in experiments:
            fresh = _name_of(experiment)
            known = self.experiments.get(fresh.id)
            if fresh.metrics is None and known and known.updated == fresh.updated:
                fresh = replace(fresh, metrics=known.metrics)
            self.experiments[fresh.id] = fresh
            self.see_flags([fresh.flag_key])
            self.see_prompts([str((experiment.prompt_metadata or {}).get("name") or "")])

    def see_flags(self, keys: Iterable[str]) -> None:
        """Remember flag keys."""
        self.flags.update(dict.fromkeys(key for key in keys if key))

    def see_prompts(self, names: Iterable[str]) -> None:
        """Remember prompt names."""
        self.prompts.update(dict.fromkeys(name for name in names if name))

    def see_requests(self, requests: Iterable[ChangeRequest]) -> None:
        """Remember the change requests that are open, and forget those that are not any more."""
        for request in requests:
            if request.is_open:
                self.requests[request.id] = None
            else:
                self.requests.pop(request.id, None)

    def experiment(self, ref: str) -> ExperimentName | None:
        """Return the experiment that ``ref`` names, by id, flag key or name."""
        for known in self.experiments.values():
            if ref in (str(known.id), known.flag_key, known.name):
                return known
        return None

    def metrics(self, ref: str) -> list[str]:
        """Return the metrics of one experiment, or of all when it is not known.

        A name that two of its metrics have means neither of them; their uuids do.
        """
        known = self.experiment(ref)
        chosen = [known] if known and known.metrics is not None else self.experiments.values()
        return list(dict.fromkeys(called for entry in chosen for called in _called(entry)))

    def variants(self, ref: str) -> list[str]:
        """Return the variant keys of one experiment, or of all when it is not known."""
        known = self.experiment(ref)
        chosen = [known] if known else self.experiments.values()
        return list(dict.fromkeys(key for entry in chosen for key in entry.variants))


def _called(entry: ExperimentName) -> list[str]:
    metrics = entry.metrics or ()
    names = [metric.name for metric in metrics]
    return [m.name if names.count(m.name) == 1 else m.uuid for m in metrics]


def _name_of(experiment: Experiment) -> ExperimentName:
    # A list holds basic objects: without the metrics field, not with an empty one.
    whole = bool({"metrics", "saved_metrics"} & experiment.model_fields_set)
    metrics = tuple(MetricName(e.name, e.uuid) for e in experiment.metric_entries if e.uuid)
    return ExperimentName(
        id=experiment.id,
        name=experiment.name,
        status=experiment.status,
        flag_key=experiment.feature_flag_key,
        updated=str(experiment.updated_at or ""),
        archived=experiment.archived,
        started=experiment.start_date.date() if experiment.start_date else None,
        ended=experiment.end_date.date() if experiment.end_date else None,
        variants=experiment.variants,
        tags=tuple(experiment.tags),
        metrics=metrics if whole else None,
    )
