"""The exposures by day as a result: who saw which variant, and whether the split holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from exp_jupyter._version import __version__
from exp_jupyter.analysis.definition.experiment import as_mapping, planned_split
from exp_jupyter.analysis.results.exposures import MULTIPLE
from exp_jupyter.shown import Shown

if TYPE_CHECKING:
    from exp_jupyter.engine.checks.sample_ratio import SampleRatioMismatch


@dataclass(frozen=True)
class ExposureDay:
    """Who had been exposed by the end of a day.

    Attributes
    ----------
    date
        The day in the project's time zone.
    units
        Units per variant so far.
    multiple
        Units seen under several variants so far; they are in none of ``units``.
    p_value
        Of the sample ratio so far, valid however often it is looked at; None where no split was
        stated.
    """

    date: date
    units: dict[str, int]
    multiple: int = 0
    p_value: float | None = None

    @property
    def total(self) -> int:
        """Units in some variant."""
        return sum(self.units.values())


@dataclass(frozen=True, repr=False)
class DailyExposures(Shown):
    """Who saw which variant, day by day, and whether the split is the one that was planned.

    Attributes
    ----------
    flag
        The feature flag.
    days
        One per day, oldest first; all counts are cumulative. Empty where nobody was exposed.
    split
        The planned share of each variant; empty where none was stated.
    sample_ratio
        The check of the last day against the split; None where none was stated.
    first_mismatch
        The first day on which the daily check found the split broken, or None.
    timezone
        Where the days begin.
    source
        Where the numbers come from, in words.
    name
        What the experiment is called; empty where it has no other name than the flag's.
    ended
        Whether the experiment is over, so that nobody else is exposed.

    Examples
    --------
    >>> from exp_jupyter import connect
    >>> found = connect("demo").experiments.daily_exposures(4)
    >>> found.units, found.multiple, found.mismatch
    ({'control': 1941, 'test': 1968}, 17, False)
    """

    flag: str
    days: tuple[ExposureDay, ...]
    split: Mapping[str, float]
    sample_ratio: SampleRatioMismatch | None
    first_mismatch: date | None = None
    timezone: str = "UTC"
    source: str = ""
    version: str = __version__
    name: str = ""
    ended: bool = False

    @property
    def units(self) -> dict[str, int]:
        """Units per variant in all."""
        return dict(self.days[-1].units) if self.days else {}

    @property
    def multiple(self) -> int:
        """Units seen under several variants in all."""
        return self.days[-1].multiple if self.days else 0

    @property
    def mismatch(self) -> bool:
        """Whether the units are not split as planned."""
        return self.sample_ratio is not None and bool(self.sample_ratio.mismatch)

    @classmethod
    def from_counts(
        cls,
        counts: Mapping[str, Sequence[int]],
        dates: Sequence[date],
        *,
        flag: str,
        split: Mapping[str, float],
        multiple: Sequence[int] = (),
        **about: Any,
    ) -> DailyExposures:
        """Return the exposures of cumulative counts, every day checked against the split.

        Parameters
        ----------
        counts
            Per variant its units by the end of each of ``dates``.
        dates
            The days, oldest first.
        flag
            The feature flag.
        split
            The planned share of each variant; it is checked where two have one.
        multiple
            Units seen under several variants, by the end of each day; by default none.
        **about
            ``timezone``, ``source``, ``name`` and ``ended``, as the class has them.

        Examples
        --------
        >>> found = DailyExposures.from_counts(
        ...     {"control": [90, 900], "test": [80, 600]},
        ...     [date(2026, 3, 2), date(2026, 3, 3)],
        ...     flag="checkout",
        ...     split={"control": 50, "test": 50},
        ... )
        >>> found.first_mismatch
        datetime.date(2026, 3, 3)
        """
        from exp_jupyter.engine.checks.sample_ratio import (
            anytime_sample_ratio_mismatch,
            sample_ratio_mismatch,
        )

        planned = {key: float(split.get(key) or 0.0) for key in counts}
        stated = bool(dates) and sum(share > 0 for share in planned.values()) > 1
        daily = anytime_sample_ratio_mismatch(counts, planned) if stated else None
        several = multiple or [0] * len(dates)
        rows = [
            ExposureDay(
                day,
                {key: int(line[place]) for key, line in counts.items()},
                int(several[place]),
                None if daily is None else float(_nth(daily.p_value, place)),
            )
            for place, day in enumerate(dates)
        ]
        hit = None if daily is None else daily.first_mismatch
        return cls(
            flag=flag,
            days=tuple(rows),
            split=planned if stated else {},
            sample_ratio=sample_ratio_mismatch(rows[-1].units, planned) if stated else None,
            first_mismatch=None if hit is None else dates[hit],
            **about,
        )

    @classmethod
    def from_wire(
        cls, exposures: Any, *, experiment: Any, as_of: datetime, source: str = ""
    ) -> DailyExposures:
        """Read the answer of a project's exposures query.

        Parameters
        ----------
        exposures, experiment
            The answer and the experiment, typed or as dictionaries.
        as_of
            The moment of the answer, with its time zone: the answer goes on to the end that is
            stated, which may be to come.
        source
            Where the numbers come from, in words.
        """
        answer, body = as_mapping(exposures), as_mapping(experiment)
        timezone = str(answer.get("timezone") or "UTC")
        today = as_of.astimezone(ZoneInfo(timezone)).date()
        lines = {
            str(line["variant"]): {
                date.fromisoformat(str(day)[:10]): int(units)
                for day, units in zip(line["days"], line["exposure_counts"], strict=False)
            }
            for line in map(as_mapping, answer.get("timeseries") or ())
            if not str(line["variant"]).startswith("holdout-")  # they are in no variant
        }
        dates = sorted({day for line in lines.values() for day in line if day <= today})
        counts = {key: _cumulative(line, dates) for key, line in lines.items()}
        multiple = counts.pop(MULTIPLE, [])
        split = planned_split(body)
        keys = dict.fromkeys([*split, *counts]) if counts else {}
        return cls.from_counts(
            {key: counts.get(key, [0] * len(dates)) for key in keys},
            dates if any(any(line) for line in counts.values()) else [],
            flag=str(body.get("feature_flag_key") or ""),
            split=split,
            multiple=multiple,
            timezone=timezone,
            source=source,
            name=str(body.get("name") or ""),
            ended=bool(body.get("end_date")),
        )


def _cumulative(line: Mapping[date, int], dates: Sequence[date]) -> list[int]:
    """Return a variant's units by day; a day that is not told has those of the day before."""
    found, so_far = [], 0
    for day in dates:
        so_far = line.get(day, so_far)
        found.append(so_far)
    return found


def _nth(values: Any, place: int) -> Any:
    return values[place] if getattr(values, "ndim", 1) else values
