"""Yesterday's state kept: one more day costs one day, and late events are still counted.

What is kept belongs to one experiment and set of metrics and reaches up to its last closed day.
The days before that are looked at again; from the first whose events have changed on they are
taken back and read anew.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.daily import daily_sums
from exp_jupyter.warehouse.events.fold import DailySums
from exp_jupyter.warehouse.request.days import DAY, EPOCH, UNKNOWN, microseconds
from exp_jupyter.warehouse.request.population import Request
from exp_jupyter.warehouse.sql.event_source import EventSource
from exp_jupyter.warehouse.stream.checkpoint_file import packed, unpacked
from exp_jupyter.warehouse.stream.exposed_units import Units
from exp_jupyter.warehouse.stream.one_pass import Stream, streams
from exp_jupyter.warehouse.stream.sealed_arrays import (
    NoArrays,
    NotWhole,
    read_sealed,
    told_of_unsealed,
    write_sealed,
)
from exp_jupyter.warehouse.stream.unit_arrays import Dense, Floats

LATE_DAYS = 4
"""Closed days that are looked at again for late events."""

_FORM = 5  # of what is kept; another form is not read
_MOST_VARIANTS = 1000  # before a forged number takes memory
_LONGEST = 10_000 * DAY  # how far back digests may reach
_COUNT = re.compile(r"\d+ -?[0-9a-f]+\Z|\Z")


@dataclass
class Kept:
    """The state of a series at the end of its last closed day.

    Parameters
    ----------
    key
        What it belongs to; see ``key_of``.
    closed
        The instant it reaches up to, in microseconds.
    file
        Where it was read from; empty for nowhere.
    """

    key: str
    closed: int
    units: Units
    dense: Dense
    begun: list[tuple[int, list[dict[str, Floats]]]] = field(default_factory=list)
    digests: dict[int, str] = field(default_factory=dict)
    file: str = ""

    def save(self, folder: Path) -> Path:
        """Write it to ``folder``; what was there of the same key is replaced."""
        folder.mkdir(parents=True, exist_ok=True)
        return self.write(folder / f"{self.key}.npz")

    def write(self, path: Path, about: Mapping[str, Any] | None = None) -> Path:
        """Write it to a file as NumPy arrays: the whole of it, or nothing.

        Parameters
        ----------
        path
            The file; what it held before is replaced in one step.
        about
            What it belongs to in words, for whoever reads it; see ``read``.
        """
        arrays: dict[str, Any] = {"names": self.units.names}
        arrays |= packed("seen", self.units.seen, UNKNOWN)
        if self.units.active is not None:
            arrays |= packed("active", self.units.active, UNKNOWN)
        for name, array in self.dense.arrays.items():
            arrays |= packed(f"array {name}", array, self.dense.blanks[name])
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
            "seen": self.units.seen.shape,
            "active": self.units.active is not None,
            "blanks": self.dense.blanks,
            "notes": notes,
            "begun": begun,
            "digests": list(self.digests.items()),
            "about": dict(about or {}),
        }
        write_sealed(path, told, arrays)
        return path

    @classmethod
    def read(cls, path: Path) -> tuple[Kept, dict[str, Any]]:
        """Read what ``write`` wrote, and what it was said to belong to.

        Raises
        ------
        exp_jupyter.errors.InputError
            The file cannot be read, is something else, or of another version's form.
        """
        try:
            told, arrays = read_sealed(path)
            if told.get("form") == _FORM:
                kept = cls._read(told, arrays)
                kept.file = str(path)
                return kept, dict(told["about"])
        except OSError as error:
            raise InputError(
                f"The state {str(path)!r} cannot be read: {error.strerror or error}.",
                hint="Name another file, or delete it to begin anew.",
            ) from error
        except NotWhole as error:
            if told_of_unsealed(path).get("form", _FORM) == _FORM:
                raise damaged(str(path)) from error
        except NoArrays as error:
            raise InputError(
                f"The file {str(path)!r} holds no state of an analysis.",
                hint="Name another file, or delete it to begin anew.",
            ) from error
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise damaged(str(path)) from error
        raise InputError(
            f"The state {str(path)!r} was written by another version of exp_jupyter.",
            hint="Delete it to begin anew; the next analysis reads all days.",
        )

    @classmethod
    def load(cls, folder: Path, key: str) -> Kept | None:
        """Read what ``save`` wrote; None when there is nothing of the key that can be used."""
        try:
            kept, _ = cls.read(folder / f"{key}.npz")
        except InputError:
            return None
        return kept if kept.key == key else None

    @classmethod
    def _read(cls, told: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Kept:
        """Return the state that arrays hold; any error says that they hold none."""
        size = arrays["names"].size
        if told["seen"][0] != size or not 0 < told["seen"][1] <= _MOST_VARIANTS:
            raise ValueError(size)
        seen = unpacked(arrays, "seen", (size, int(told["seen"][1])), UNKNOWN, np.int64)
        active = None
        if told["active"]:
            active = unpacked(arrays, "active", (size,), UNKNOWN, np.int64)
        dense = Dense(size)
        dense.blanks = {str(name): blank for name, blank in told["blanks"].items()}
        dense.arrays = {
            name: unpacked(arrays, f"array {name}", (size,), blank, np.array(blank).dtype)
            for name, blank in dense.blanks.items()
        }
        dense.notes = [
            (
                _instant(instant),
                [
                    (name, arrays[f"index {i} {j}"], arrays[f"old {i} {j}"])
                    for j, name in enumerate(of)
                ],
            )
            for i, (instant, of) in enumerate(told["notes"])
        ]
        begun = [
            (
                _instant(instant),
                [{n: arrays[f"cell {i} {j} {n}"] for n in names} for j, names in enumerate(cells)],
            )
            for i, (instant, cells) in enumerate(told["begun"])
        ]
        digests = {_instant(at): str(digest) for at, digest in told["digests"]}
        kept = cls(
            str(told["key"]),
            _instant(told["closed"]),
            Units(arrays["names"], seen, active),
            dense,
            begun,
            digests,
        )
        kept.check()
        return kept

    def check(self) -> None:
        """Raise ValueError where the parts of a state do not belong together."""
        names, size = self.units.names, self.units.size
        whole = [names.ndim == 1 and (not size or names.dtype.kind in "iU")]
        for _, written in self.dense.notes:
            for name, index, old in written:
                whole += [
                    index.dtype == np.int32 and index.ndim == 1,
                    old.dtype == self.dense.arrays[name].dtype and old.shape == index.shape,
                    not index.size or (index.min() >= 0 and index.max() < size),
                ]
        for _, cells in self.begun:
            for values in cells:
                whole += [
                    flat.dtype == np.float64 and flat.size % self.units.seen.shape[1] == 0
                    for flat in values.values()
                ]
        begun = {at for at, _ in self.begun}
        whole += [
            at in begun and self.closed - _LONGEST <= at < self.closed and bool(_COUNT.match(text))
            for at, text in self.digests.items()
        ]
        if not all(whole) or self.closed not in begun:
            raise ValueError(self.key)

    def fits(self, stream: Stream) -> bool:
        """Whether it holds what a pass keeps."""
        return (
            self.units.seen.shape[1] == stream.units.seen.shape[1]
            and (self.units.active is None) == (stream.units.active is None)
            and {name: array.dtype for name, array in self.dense.arrays.items()}
            == {name: array.dtype for name, array in stream.dense.arrays.items()}
            and repr(sorted(self.dense.blanks.items())) == repr(sorted(stream.dense.blanks.items()))
            and self.closed >= stream.low
            and all(
                [list(values) for values in cells] == [list(own.values) for own in stream.cells]
                for _, cells in self.begun
            )
        )


def _instant(value: Any) -> int:
    """Return an instant of a file, which a calendar knows."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(value)
    EPOCH + timedelta(microseconds=value)
    return value


def damaged(path: str) -> InputError:
    """Return the error of a state that does not hold what was written to it."""
    return InputError(
        f"The state {path!r} is damaged: it does not hold what was written to it.",
        hint="Put it back from a copy, or delete it to begin anew: the next analysis reads all "
        "days.",
    )


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
        population.variant_from,
        *([request.reading] if request.reading else []),
    ]
    text = json.dumps(said, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def key_for(source: EventSource, request: Request) -> str | None:
    """Return what a state of these metrics belongs to; None when nothing of them can be kept."""
    _, stream = _passed(source, request)
    return None if stream is None else key_of(stream.request)


def _passed(source: EventSource, request: Request) -> tuple[list[int], Stream | None]:
    """Return the places of the metrics that one pass serves, and the pass if it can be kept."""
    places = [i for i, m in enumerate(request.metrics) if streams(source, request, m)]
    if not places or request.population.matured_only:
        return places, None
    stream = Stream(source, replace(request, metrics=tuple(request.metrics[i] for i in places)))
    return places, None if stream.reads_persons else stream


def refresh(
    source: EventSource,
    request: Request,
    kept: Kept | None = None,
    *,
    late_days: int = LATE_DAYS,
    growing: bool = False,
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
        that are not seen, nor are changes of an event's properties alone; a refresh without
        ``kept`` sees them.
    growing
        Refuse a day that has fewer events than it had: somebody gave only the new ones.

    Returns
    -------
    sums : list of DailySums
        One per metric, in the request's order: what ``daily_sums`` returns.
    kept : Kept or None
        To give to the next refresh. None when nothing can be kept: where a condition reads
        persons as they are now, or only matured units count, yesterday's answer may change.

    Raises
    ------
    exp_jupyter.errors.InputError
        As ``daily_sums``; with ``growing`` also when a day has lost events.

    Notes
    -----
    Metrics that one pass does not serve are computed in full. Covariates of units that appear on
    the new day are read from the lookback before it, for these units alone.
    """
    places, stream = _passed(source, request)
    if stream is None:
        return daily_sums(source, request), None
    rest = [i for i in range(len(request.metrics)) if i not in places]
    key = key_of(stream.request)
    answers, state = _advanced(stream, key, kept, late_days, growing=growing)
    results = dict(zip(places, answers, strict=True))
    if rest:
        others = replace(request, metrics=tuple(request.metrics[i] for i in rest))
        results |= zip(rest, daily_sums(source, others), strict=True)
    return [results[i] for i in range(len(request.metrics))], state


def _advanced(
    stream: Stream, key: str, kept: Kept | None, late_days: int, *, growing: bool
) -> tuple[list[DailySums], Kept]:
    days = stream.request.days
    dates = days.dates
    # The last day is closed only when the window reaches its end.
    today = dates[-1]
    closed = max(stream.low, microseconds(days.midnight(today)))
    if kept is None or kept.key != key or kept.closed > closed or _otherwise_named(stream, kept):
        kept = Kept(key, stream.low, stream.units, stream.dense)
        now: dict[int, str] = {}
        start = stream.low
        since = days.start_us
    else:
        if kept.file and not kept.fits(stream):
            raise damaged(kept.file)
        # Before the events are read: what arrives in between is then looked at once more. What is
        # never looked at again needs no digest.
        until = closed if late_days else kept.closed
        now = _digests(stream, {}, min(kept.digests, default=until), until)
        start = since = _changed_from(stream, kept, now, growing=growing)
        stream.units, stream.dense = kept.units, kept.dense
        _back_to(stream, kept, start)
        stream.units.forget_from(start)
    stream.expose(since)

    def begun(instant: int) -> None:
        stream.dense.mark(instant)
        kept.begun.append((instant, [cells.copied() for cells in stream.cells]))

    if start > stream.low:
        begun(start)
        stream.look_back(start)
    # Days before are too old to be taken back.
    stream.advance(start, closed, begun, closed - (late_days + 1) * DAY)
    fence = sorted({at for at, _ in kept.begun if at < closed})[-late_days:] if late_days else []
    oldest = fence[0] if fence else closed
    stream.dense.forget_before(oldest)
    kept.begun = [item for item in kept.begun if item[0] >= oldest]
    kept.closed = closed
    kept.digests = _digests(stream, now, oldest, closed)
    # The open day and what lies beyond it is read on top, and taken back.
    begun(closed)
    stream.advance(closed, stream.high)
    answers = stream.finished()
    _back_to(stream, kept, closed)
    kept.units, kept.dense = stream.units, stream.dense
    if not kept.begun or kept.begun[-1][0] < closed:
        kept.begun.append((closed, [cells.copied() for cells in stream.cells]))
    return answers, kept


def _otherwise_named(stream: Stream, kept: Kept) -> bool:
    """Whether the units' ids were numbers and are text now, or the other way round."""
    return bool(kept.units.size) and (kept.units.names.dtype.kind == "U") == stream.scan.whole_units


def _digests(stream: Stream, known: Mapping[int, str], oldest: int, closed: int) -> dict[int, str]:
    """Return the fingerprints of the days between two instants, reading those not known."""
    found = {at: digest for at, digest in known.items() if at >= oldest}
    first = min(found, default=closed)
    return found | (stream.fingerprints(oldest, first) if oldest < first else {})


def _changed_from(stream: Stream, kept: Kept, now: Mapping[int, str], *, growing: bool) -> int:
    """Return the first instant from which the kept days must be read again."""
    changed = [at for at, digest in kept.digests.items() if now.get(at) != digest]
    for at in changed if growing else ():
        before, after = _number(kept.digests[at]), _number(now.get(at, ""))
        if after < before:
            day = (EPOCH + timedelta(microseconds=at)).astimezone(stream.request.days.tz).date()
            raise InputError(
                f"The events of {day} are {after:,} now and were {before:,} when they were read.",
                hint="Give all events, not only the new ones; or begin anew without the state.",
            )
    return min(changed, default=kept.closed)


def _number(digest: str) -> int:
    return int(digest.split()[0]) if digest else 0


def _back_to(stream: Stream, kept: Kept, instant: int) -> None:
    """Take back what was read from an instant on."""
    stream.dense.back_to(instant)
    held = next((cells for at, cells in kept.begun if at == instant), None)
    if held is not None:
        for cells, values in zip(stream.cells, held, strict=True):
            cells.restore(values)
    kept.begun = [item for item in kept.begun if item[0] < instant]
