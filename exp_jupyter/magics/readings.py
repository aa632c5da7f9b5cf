"""What a running experiment says at a glance: its day, its split and its main metric."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from exp_jupyter.display.content import numbers
from exp_jupyter.errors import ExpError
from exp_jupyter.sanitize import sanitize

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.series import Series
    from exp_jupyter.client import Project
    from exp_jupyter.display.content.blocks import Reading
    from exp_jupyter.magics.names import ExperimentName
    from exp_jupyter.magics.session import Session
    from exp_jupyter.schema.experiments.experiment import Experiment

_READABLE = frozenset({"running", "paused", "exposure_frozen"})
_OPEN = "open"
BROKEN, WORSE, DECIDED, DUE, WAITING, UNREADABLE = 0, 10, 20, 30, 40, 60
"""How soon somebody wants to look, the smallest first: a broken split, a metric that got worse,
one that is decided, a plan that is over, an open question, and one nobody could read."""


def can_be_read(known: ExperimentName) -> bool:
    """Whether the experiment is one that says something new with every day."""
    return known.status in _READABLE and not known.archived


class Readings:
    """What experiments said when they were last asked; each is asked once until ``forget``.

    The answer is the project's stored daily series of the first metric: one small request, and no
    computation. An experiment that was changed since is asked again.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], dict[str, Any]] = {}
        self._project: Project | None = None

    def forget(self) -> None:
        """Ask everything anew from now on."""
        self._known.clear()

    def known(self, experiment: ExperimentName) -> dict[str, Any] | None:
        """Return what the experiment said, JSON-ready, or None if it was not asked."""
        return self._known.get((experiment.id, experiment.updated))

    def read(self, session: Session, asked: object) -> dict[str, Any] | None:
        """Return what one experiment says, JSON-ready.

        Parameters
        ----------
        session
            The notebook's state.
        asked
            The experiment's id, as a panel sent it.

        Returns
        -------
        dict or None
            ``id``, ``day``, ``words``, ``sentence``, ``tone``, ``trouble`` and ``attention``; None
            where there is no such experiment to be asked.
        """
        project = session.project
        if project is not self._project:  # another project has other experiments of that id
            self._project = project
            self.forget()
        known = session.names.experiments.get(asked) if isinstance(asked, int) else None
        if project is None or known is None or not can_be_read(known):
            return None
        key = (known.id, known.updated)
        if key not in self._known:
            self._known[key] = {"id": known.id, **_read(project, known.id)}
        return self._known[key]


def _read(project: Project, experiment_id: int) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(("day", "words", "sentence", "tone", "trouble"), "")
    found["attention"] = UNREADABLE
    # A key without the scope, a recording without the answer: then the row shows its dates.
    try:
        experiment = project.experiments.get(experiment_id)
        found["day"], due = _day(experiment, project)
        found["attention"] = DUE if due else WAITING
        if experiment.metric_entries:
            found |= _said(project.experiments.timeseries(experiment), due=due)
    except ExpError as error:
        found["sentence"] = sanitize(error.message)
    return found


def _day(experiment: Experiment, project: Project) -> tuple[str, bool]:
    """Return the day the experiment is in, of how many where it has a plan; whether it is over."""
    if experiment.start_date is None:
        return "", False
    zone = ZoneInfo(project.timezone)
    first, today = (at.astimezone(zone).date() for at in (experiment.start_date, project.now))
    day = (today - first).days + 1
    planned = (experiment.running_time_calculation or {}).get("recommended_running_time")
    if isinstance(planned, (int, float)) and planned > 0:
        return f"day {day} of {numbers.count(planned)}", day >= planned
    return f"day {day}", False


def _said(series: Series, *, due: bool) -> dict[str, Any]:
    from exp_jupyter.display.pages.results import readings

    latest = series.latest
    if latest is None:
        return {"words": "no result yet", "sentence": f"{series.metric_name}: no result yet"}
    arms = {
        key: readings.reading(effect, series.goal, latest.arms[key].failures)
        for key, effect in latest.effects.items()
    }
    tones = [reading.tone for reading in arms.values()]
    mismatch = series.sample_ratio
    broken = mismatch is not None and mismatch.mismatch
    attention = WORSE if "bad" in tones else DECIDED if "good" in tones else WAITING
    if due:
        attention = min(attention, DUE)
    return {
        "words": sanitize(_words(series, arms)),
        "sentence": sanitize(f"{series.metric_name}: {'; '.join(_sentences(series, arms))}"),
        "tone": next((tone for tone in ("bad", "good", "notice") if tone in tones), "quiet"),
        "trouble": "split is broken" if broken else "",
        "attention": BROKEN if broken else attention,
    }


def _words(series: Series, arms: dict[str, Reading]) -> str:
    """Return the shortest true thing: the lift of one decided arm, else how many say what."""
    from exp_jupyter.display.pages.results import readings

    if len(arms) == 1:
        ((key, reading),) = arms.items()
        effect = series.latest.effects[key] if series.latest else None
        if effect is None:
            return "too little data"
        if not reading.mark:
            return _OPEN
        return f"{reading.mark} {reading.text} {readings.written_estimate(effect)}"
    counts = Counter(reading.text if reading.mark else _OPEN for reading in arms.values())
    return ", ".join(f"{number} {word}" for word, number in counts.items())


def _sentences(series: Series, arms: dict[str, Reading]) -> list[str]:
    from exp_jupyter.display.pages.results import readings

    said = []
    for key, reading in arms.items():
        effect = series.latest.effects[key] if series.latest else None
        lift = f", {readings.written_estimate(effect)}" if effect is not None else ""
        said.append(f"{key} {reading.text}{lift}")
    return said
