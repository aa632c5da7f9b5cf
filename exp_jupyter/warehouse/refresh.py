"""Yesterday's state kept: one more day costs one day, and late events are still counted.

What is kept belongs to one experiment and set of metrics and reaches up to its last closed day.
The days before that are looked at again; from the first whose events have changed on they are
taken back and read anew.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from exp_jupyter.warehouse.daily import daily_sums
from exp_jupyter.warehouse.days import DAY, microseconds
from exp_jupyter.warehouse.dense import Dense, Floats, Units
from exp_jupyter.warehouse.fold import DailySums
from exp_jupyter.warehouse.population import Request
from exp_jupyter.warehouse.source import EventSource
from exp_jupyter.warehouse.stream import Stream, streams

LATE_DAYS = 4
"""Closed days that are looked at again for late events."""

_FORM = 1  # of what is kept; another form is not read


@dataclass
class Kept:
    """The state of a series at the end of its last closed day.

    Parameters
    ----------
    key
        What it belongs to; see ``key_of``.
    closed
        The instant it reaches up to, in microseconds.
    """

    key: str
    closed: int
    units: Units
    dense: Dense
    begun: list[tuple[int, list[dict[str, Floats]]]] = field(default_factory=list)
    digests: dict[int, str] = field(default_factory=dict)

    def save(self, folder: Path) -> Path:
        """Write it to ``folder`` as NumPy arrays; what was there of the same key is replaced."""
        arrays: dict[str, Any] = {"names": self.units.names, "seen": self.units.seen}
        if self.units.active is not None:
            arrays["active"] = self.units.active
        for name, array in self.dense.arrays.items():
            arrays[f"array {name}"] = array
        notes = []
        for i, (instant, written) in enumerate(self.dense.notes):
            notes.append([instant, [name for name, _, _ in written]])
            for j, (_, index, old) in enumerate(written):
                arrays[f"index {i} {j}"], arrays[f"old {i} {j}"] = index, old
        begun = []
        for i, (instant, cells) in enumerate(self.begun):
            begun.append([instant, [list(values) for values in cells]])
            for j, values in enumerate(cells):
                for name, flat in values.items():
                    arrays[f"cell {i} {j} {name}"] = flat
        told = {
            "form": _FORM,
            "key": self.key,
            "closed": self.closed,
            "blanks": self.dense.blanks,
            "notes": notes,
            "begun": begun,
            "digests": list(self.digests.items()),
        }
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.key}.npz"
        fresh = path.with_suffix(".new.npz")
        np.savez(fresh, told=np.array(json.dumps(told)), **arrays)
        fresh.replace(path)
        return path

    @classmethod
    def load(cls, folder: Path, key: str) -> Kept | None:
        """Read what ``save`` wrote; None when there is nothing of the key that can be used."""
        path = folder / f"{key}.npz"
        try:
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                told = json.loads(str(file["told"]))
                if told["form"] != _FORM or told["key"] != key:
                    return None
                return cls._read(told, file)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    @classmethod
    def _read(cls, told: dict[str, Any], file: Any) -> Kept:
        units = Units(
            file["names"], file["seen"], file["active"] if "active" in file.files else None
        )
        dense = Dense(units.size)
        dense.blanks = told["blanks"]
        dense.arrays = {name: file[f"array {name}"] for name in dense.blanks}
        dense.notes = [
            (
                instant,
                [(name, file[f"index {i} {j}"], file[f"old {i} {j}"]) for j, name in enumerate(of)],
            )
            for i, (instant, of) in enumerate(told["notes"])
        ]
        begun = [
            (
                instant,
                [{n: file[f"cell {i} {j} {n}"] for n in names} for j, names in enumerate(cells)],
            )
            for i, (instant, cells) in enumerate(told["begun"])
        ]
        return cls(told["key"], told["closed"], units, dense, begun, dict(told["digests"]))


def key_of(request: Request) -> str:
    """Return what a kept state belongs to: all of a request but the moment it is made at."""
    population = request.population
    said = [
        population.flag_key,
        population.variants,
        population.criteria.model_dump(mode="json"),
        population.test_account_filters,
        population.group_index,
        sorted(population.actions.items()),
        [metric.model_dump(mode="json") for metric in request.metrics],
        request.days.start_us,
        request.days.zone,
        request.covariates.lookback_days if request.covariates else None,
    ]
    text = json.dumps(said, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def refresh(
    source: EventSource, request: Request, kept: Kept | None = None, *, late_days: int = LATE_DAYS
) -> tuple[list[DailySums], Kept | None]:
    """Return every metric's cumulative sums, reading only what the kept state does not know.

    Parameters
    ----------
    source
        The events.
    request
        What to compute, up to its window's stop.
    kept
        What the last refresh returned; ignored when it belongs to something else or reaches
        beyond the stop.
    late_days
        How many closed days are looked at again for late events. Events that arrive later than
        that are not seen; a refresh without ``kept`` sees them.

    Returns
    -------
    sums : list of DailySums
        One per metric, in the request's order: what ``daily_sums`` returns.
    kept : Kept or None
        To give to the next refresh. None when nothing can be kept: where a condition reads
        persons as they are now, or only matured units count, yesterday's answer may change.

    Notes
    -----
    Metrics that one pass does not serve are computed in full. Covariates of units that appear on
    the new day are read from the lookback before it, for these units alone.
    """
    places = [i for i, m in enumerate(request.metrics) if streams(source, request, m)]
    rest = [i for i in range(len(request.metrics)) if i not in places]
    part = replace(request, metrics=tuple(request.metrics[i] for i in places))
    stream = Stream(source, part) if places else None
    if stream is None or request.population.matured_only or stream.reads_persons:
        return daily_sums(source, request), None
    answers, state = _advanced(stream, key_of(part), kept, late_days)
    results = dict(zip(places, answers, strict=True))
    if rest:
        others = replace(request, metrics=tuple(request.metrics[i] for i in rest))
        results |= zip(rest, daily_sums(source, others), strict=True)
    return [results[i] for i in range(len(request.metrics))], state


def _advanced(
    stream: Stream, key: str, kept: Kept | None, late_days: int
) -> tuple[list[DailySums], Kept]:
    days = stream.request.days
    dates = days.dates
    # The last day is closed only when the window reaches its end.
    today = dates[-1]
    closed = max(stream.low, microseconds(days.midnight(today)))
    if kept is None or kept.key != key or kept.closed > closed:
        kept = Kept(key, stream.low, stream.units, stream.dense)
        start = stream.low
        since = days.start_us
    else:
        start = since = _changed_from(stream, kept)
        stream.units, stream.dense = kept.units, kept.dense
        _back_to(stream, kept, start)
        stream.units.forget_from(start)
    stream.expose(since)

    def begun(instant: int) -> None:
        if instant < closed - (late_days + 1) * DAY:
            return  # too old to be taken back
        stream.dense.mark(instant)
        kept.begun.append((instant, [cells.copied() for cells in stream.cells]))

    if start > stream.low:
        begun(start)
        stream.look_back(start)
    stream.advance(start, closed, begun)
    fence = sorted({at for at, _ in kept.begun if at < closed})[-late_days:] if late_days else []
    oldest = fence[0] if fence else closed
    stream.dense.forget_before(oldest)
    kept.begun = [item for item in kept.begun if item[0] >= oldest]
    kept.closed = closed
    kept.digests = stream.fingerprints(oldest, closed) if oldest < closed else {}
    # The open day and what lies beyond it is read on top, and taken back.
    begun(closed)
    stream.advance(closed, stream.high, begun)
    answers = stream.finished()
    _back_to(stream, kept, closed)
    kept.units, kept.dense = stream.units, stream.dense
    if not kept.begun or kept.begun[-1][0] < closed:
        kept.begun.append((closed, [cells.copied() for cells in stream.cells]))
    return answers, kept


def _changed_from(stream: Stream, kept: Kept) -> int:
    """Return the first instant from which the kept days must be read again."""
    if not kept.digests:
        return kept.closed
    now = stream.fingerprints(min(kept.digests), kept.closed)
    changed = [at for at, digest in kept.digests.items() if now.get(at) != digest]
    return min(changed, default=kept.closed)


def _back_to(stream: Stream, kept: Kept, instant: int) -> None:
    """Take back what was read from an instant on."""
    stream.dense.back_to(instant)
    held = next((cells for at, cells in kept.begun if at == instant), None)
    if held is not None:
        for cells, values in zip(stream.cells, held, strict=True):
            cells.restore(values)
    kept.begun = [item for item in kept.begun if item[0] < instant]
