"""The series as one pass: DuckDB scans slices of days, and a number per unit is kept between them.

While the engine reads a slice, the one before is taken in on as many threads as the engine has:
parts of it are sorted by unit and day, then shards of units are taken in, each by itself. Parts and
shards depend on the events alone, and what shards change is added up in their order, so the sums
are the same to the bit on any number of threads.

It serves means, ratios, ordered funnels without a window and retention from the first start, all of
events; the statement of ``exp_jupyter.warehouse.events.statements`` serves the rest, and
every other engine. Both answer alike; the pass is faster and smaller because no unit's day is
written down.
"""

# ruff: noqa: S608 - names are quoted and every value is bound; see `Parameters`
from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import cached_property, partial
from typing import Any

import numpy as np

from exp_jupyter.schema.metrics.metric import (
    DataWarehouseNode,
    ExposureNode,
    FunnelMetric,
    MeanMetric,
    Metric,
    RatioMetric,
    RetentionMetric,
)
from exp_jupyter.warehouse.events.fold import DailySums
from exp_jupyter.warehouse.events.funnel import LONGEST, matches, walks
from exp_jupyter.warehouse.events.matching import Node
from exp_jupyter.warehouse.events.measures import additive
from exp_jupyter.warehouse.events.scan import Scan
from exp_jupyter.warehouse.events.statements import SUMS, label, takes_covariate, winsorized
from exp_jupyter.warehouse.request.days import UNKNOWN, microseconds
from exp_jupyter.warehouse.request.population import Request
from exp_jupyter.warehouse.sql.event_source import EventSource
from exp_jupyter.warehouse.stream.accumulators import (
    FunnelTally,
    MeanTally,
    RatioTally,
    RetentionTally,
    Tally,
)
from exp_jupyter.warehouse.stream.event_batches import (
    AFTER,
    BEFORE,
    PART,
    BatchSorter,
    EventBatch,
    merged,
    shards,
)
from exp_jupyter.warehouse.stream.exposed_units import Units
from exp_jupyter.warehouse.stream.prefetch import (
    Ahead,
    Joined,
    Rows,
    engine_settings,
    read,
)
from exp_jupyter.warehouse.stream.unit_arrays import Cells, Clock, Dense, Ints
from exp_jupyter.warehouse.stream.unit_values import Held, Value

ROWS = 1 << 21
"""How many events a slice should have: enough for many cores, few enough to stay small."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_BITS = 60


def streams(source: EventSource, request: Request, metric: Metric) -> bool:
    """Whether a metric can be had from the pass."""
    if not source.streams or metric.breakdowns or winsorized(metric):
        return False
    scan = Scan(source, replace(request, metrics=(metric,)))
    if isinstance(metric, MeanMetric):
        return _value(scan, metric.source, 0, label(metric)) is not None
    if isinstance(metric, RatioMetric):
        nodes = (metric.numerator, metric.denominator)
        return all(_value(scan, node, 0, label(metric)) is not None for node in nodes)
    if isinstance(metric, FunnelMetric):
        days = request.days
        return (
            not metric.window_seconds
            and days.stop_us - days.start_us < LONGEST
            and metric.funnel_order_type != "strict"
            and not walks(scan, metric)
        )
    return isinstance(metric, RetentionMetric) and _retains(scan, metric)


def _retains(scan: Scan, metric: RetentionMetric) -> bool:
    if metric.window_seconds or metric.start_handling == "last_seen":
        return False
    nodes = (metric.start_event, metric.completion_event)
    if metric.retention_window_unit == "month" or any(
        isinstance(node, DataWarehouseNode) for node in nodes
    ):
        return False
    if metric.retention_window_start > 0:
        return True
    # The start itself is no return; where both can be one event, its id is needed.
    back = scan.events_of(metric.completion_event)
    if isinstance(metric.start_event, ExposureNode):
        start = scan.exposure.events()
    else:
        start = scan.events_of(metric.start_event)
    return start is not None and back is not None and not start & back


def _value(scan: Scan, node: Node, window: int, where: str) -> Value | None:
    found = additive(scan, node, where)
    if found is None:
        return None
    match, column, math = found
    return Value(match, column, math, window)


class Stream:
    """One pass over the events of a request whose metrics all can be had from it.

    Parameters
    ----------
    source
        The events.
    request
        What to compute.
    """

    def __init__(self, source: EventSource, request: Request) -> None:
        self.source = source
        self.request = request
        self.exclude = request.population.criteria.handling == "exclude"
        self.scan = Scan(source, request)
        self.tallies = [self._tally(i, metric) for i, metric in enumerate(request.metrics)]
        days = request.days
        self.low = days.start_us - self.scan.lookback
        self.high = days.stop_us + self.scan.horizon + 1
        self.clock = Clock(days, self.low, self.high)
        number = len(request.population.variants)
        self.cells = [Cells(tally.names, number, len(days.dates)) for tally in self.tallies]
        none = np.zeros((0, number), np.int64)
        activated = request.population.criteria.activation is not None
        self.units = Units(np.zeros(0), none, np.zeros(0, np.int64) if activated else None)
        self.dense = Dense(0)
        for tally in self.tallies:
            tally.prepare(self.dense)

    @property
    def held(self) -> Held:
        """What the tallies share."""
        return Held(self.units, self.dense, self.clock)

    @cached_property
    def settings(self) -> tuple[int, bool]:
        """How many threads the engine has, and whether it keeps the order of rows."""
        return engine_settings(self.source)

    # ------------------------------------------------------------ the metrics

    def _tally(self, position: int, metric: Metric) -> Tally:
        where, name = label(metric), f"metric {position}"
        request, scan = self.request, self.scan
        window = metric.window_seconds * 1_000_000
        matured = request.population.matured_only
        ripe = request.clock - window if matured and window else None
        covers = request.covariates is not None and takes_covariate(metric)
        if isinstance(metric, MeanMetric):
            value = _value(scan, metric.source, window, where)
            assert value is not None  # noqa: S101 - the caller has asked `streams`
            return MeanTally(value, metric.threshold, value if covers else None, ripe)
        if isinstance(metric, RatioMetric):
            above = _value(scan, metric.numerator, window, where)
            below = _value(scan, metric.denominator, window, where)
            assert above is not None  # noqa: S101
            assert below is not None  # noqa: S101
            return RatioTally(above, below, ripe)
        if isinstance(metric, FunnelMetric):
            steps = matches(scan, metric, where)
            did = Value(steps[-1], None, "max", 0)
            return FunnelTally(name, steps, did if covers else None)
        back = scan.match(metric.completion_event, where)
        start = metric.start_event
        first = None if isinstance(start, ExposureNode) else scan.match(start, where)
        return RetentionTally(name, metric, first, back, request.clock if matured else None)

    # ------------------------------------------------------------ the pass

    def run(self) -> list[DailySums]:
        """Return every metric's cumulative sums per variant and day, in the request's order."""
        self.expose(self.request.days.start_us)
        self.advance(self.low, self.high)
        return self.finished()

    @property
    def reads_persons(self) -> bool:
        """Whether something depends on what persons are like now."""
        exposures = Scan(self.source, replace(self.request, metrics=(), covariates=None))
        return self.scan.reader.reads_present or exposures.reader.reads_present

    def expose(self, since: int) -> None:
        """Read the exposures from an instant on."""
        scan = Scan(self.source, replace(self.request, metrics=(), covariates=None))
        number = len(self.request.population.variants)
        sql, parameters = scan.exposures(since)
        rows = self._rows(sql, parameters)
        names = np.ma.getdata(rows["unit"])
        firsts = [np.ma.getdata(rows[f"t{i}"]) for i in range(number)]
        if not scan.whole_units:
            names = names.astype(np.str_)
        self.units.merge(names, np.stack(firsts, axis=1))
        if self.units.active is not None and self.units.size:
            everyone = np.arange(self.units.size)
            with Joined(self.source, self.units, everyone, self.units.shown) as joined:
                sql, parameters = scan.activations(since, str(joined))
                rows = self._rows(sql, parameters)
            self.units.activate(np.ma.getdata(rows["u"]), np.ma.getdata(rows["us"]))
        self.units.place(self.clock, exclude=self.exclude)
        self.dense.grow(self.units.size)

    def advance(
        self,
        low: int,
        high: int,
        begun: Callable[[int], None] | None = None,
        marked: int | None = None,
    ) -> None:
        """Take in the events from ``low`` to before ``high``, in order of time.

        Parameters
        ----------
        low, high
            Instants in microseconds.
        begun
            Called with a day's first instant before the day is taken in.
        marked
            The instant from which on every day is begun; those before are taken in together.
        """
        whole = high if marked is None else max(low, marked)
        with ThreadPoolExecutor(self.settings[0], thread_name_prefix="exp_jupyter shards") as pool:
            waiting: list[Future[list[Cells]]] = []
            with closing(self._slices(low, high, pool, whole)) as slices:
                for parts in slices:
                    self._add(waiting)
                    if begun is not None and parts[0].low >= whole:
                        begun(parts[0].low)
                    gone = self.units.leaving(parts[0].low, parts[0].high)
                    waiting = [pool.submit(self._taken, gone, of) for of in shards(parts)]
            self._add(waiting)

    def _add(self, taken: list[Future[list[Cells]]]) -> None:
        """Add what shards have changed, always in their order."""
        for future in taken:
            for cells, more in zip(self.cells, future.result(), strict=True):
                cells.add_all(more)

    def _taken(self, gone: Ints, parts: list[EventBatch]) -> list[Cells]:
        """Take in a shard, and return what it changes in every metric's sums."""
        events = merged(parts)
        held = self.held
        first, last = np.searchsorted(gone, events.units)
        changed = []
        for tally, whole in zip(self.tallies, self.cells, strict=True):
            cells = Cells(whole.names, whole.variants, whole.days)
            if first < last:
                tally.leave(held, gone[first:last], cells)
            changed.append(cells)
        for tally, cells in zip(self.tallies, changed, strict=True):
            tally.take(held, events, cells)
        return changed

    def look_back(self, since: int) -> None:
        """Read the covariates of the units whose first exposure is at ``since`` or later."""
        covariates = {t.covariate.covariate: t.covariate for t in self.tallies if t.covariate}
        first = self.units.first
        fresh = np.flatnonzero((first >= since) & (first < UNKNOWN))
        if not covariates or not fresh.size:
            return
        for value in covariates.values():
            value.forget(self.dense, fresh)
        low = max(self.low, since - self.scan.lookback)

        def taken(parts: list[EventBatch]) -> None:
            events = merged(parts)
            for value in covariates.values():
                value.take_before(self.held, events)

        with (
            ThreadPoolExecutor(self.settings[0], thread_name_prefix="exp_jupyter shards") as pool,
            closing(self._slices(low, since, pool, since, fresh)) as slices,
        ):
            for parts in slices:
                list(pool.map(taken, shards(parts)))

    def fingerprints(self, low: int, high: int) -> dict[int, str]:
        """Return for every day, by its first instant, what tells its events from others."""
        edges = self.midnights(low, high)
        sql, parameters = self.scan.fingerprints(edges)
        rows = self._rows(sql, parameters)
        found = dict.fromkeys(edges[:-1], "")
        for day, number, digest in zip(rows["d"], rows["n"], rows["h"], strict=True):
            found[edges[int(day)]] = f"{int(number)} {int(digest):x}"
        return found

    def finished(self) -> list[DailySums]:
        """Return the sums of what was taken in."""
        number, days = len(self.request.population.variants), self.clock.number
        held = self.held
        answers = []
        for metric, tally, cells in zip(
            self.request.metrics, self.tallies, self.cells, strict=True
        ):
            steps = len(metric.series) if isinstance(metric, FunnelMetric) else 0
            names = (*SUMS, *(f"k{i}" for i in range(1, steps + 1)))
            whole = Cells(names, number, days)
            for name, flat in cells.values.items():
                whole.values[name] += flat
            tally.counted(held, whole)
            flat = np.stack([whole.values[name] for name in names], axis=-1)
            values = np.cumsum(flat.reshape(number, days, len(names)), axis=1)
            heaviest = tally.heaviest(held, number)
            answers.append(DailySums(names, [()], values[None], heaviest))
        return answers

    # ------------------------------------------------------------ slices of events

    def midnights(self, low: int, high: int) -> list[int]:
        """Return ``low``, the local midnights after it and before ``high``, and ``high``."""
        zone = self.request.days.tz
        day = (_EPOCH + timedelta(microseconds=low)).astimezone(zone).date()
        edges = [low]
        while True:
            day += timedelta(days=1)
            edge = microseconds(datetime.combine(day, time(), tzinfo=zone))
            if edge >= high:
                return [*edges, high]
            if edge > low:
                edges.append(edge)

    def _slices(
        self,
        low: int,
        high: int,
        pool: ThreadPoolExecutor,
        whole: int,
        only: Ints | None = None,
    ) -> Generator[list[EventBatch], None, None]:
        """Yield the events of the units, or of only some of them, slice by slice, in parts.

        A slice has one day or several; from ``whole`` on it has one.
        """
        if not self.units.size or low >= high:
            return
        wanted = only
        if only is None and not self.units.whole:
            wanted = np.flatnonzero(self.units.first < UNKNOWN)
        edges = self.midnights(low, high)
        at, stop = 0, 0

        def end(number: int) -> int:
            last = min(at + number, len(edges) - 1)
            while last > at + 1 and edges[last] > whole:
                last -= 1
            return last

        with (
            Joined(self.source, self.units, wanted) as joined,
            Ahead(self.source) as ahead,
        ):
            stop = end(2)
            coming = ahead.start(self._read, joined, edges[at], edges[stop])
            while True:
                rows, sorter = coming()
                rate = max(1, rows.size // (stop - at))
                number = max(1, ROWS // rate)
                if joined:  # few are exposed at first, so the number of days grows with care
                    number = min(number, 2 * (stop - at))
                first, last, at = edges[at], edges[stop], stop
                stop = end(number)
                if at < stop:  # the engine reads the next days while these are taken in
                    more = edges[at], edges[stop]
                    many = rate * (stop - at) > ROWS // 2
                    coming = ahead.start(partial(self._read, many=many), joined, *more)
                sort = partial(_sorted_part, sorter, rows, first, last)
                yield list(pool.map(sort, range(0, max(1, rows.size), PART)))
                if at == len(edges) - 1:
                    return

    def _read(
        self, joined: str | None, low: int, high: int, *, many: bool = False
    ) -> tuple[Rows, BatchSorter]:
        """Return the events between two instants, and what sorts them."""
        bits = {name: i for i, name in enumerate((BEFORE, AFTER, *self.scan.match_columns))}
        mask = " + ".join(
            f"CASE WHEN {name} THEN {1 << bits[name]} ELSE 0 END"
            for name in self.scan.match_columns
        )
        kind = next(k for most, k in _WIDTHS if len(bits) <= most)
        columns = "".join(f", COALESCE({c}, 0e0) AS {c}" for c in self.scan.value_columns)
        unit = "u" if joined else "unit"
        inner, parameters = self.scan.events(low, high, joined)
        sql = f"SELECT {unit}, us, CAST({mask} AS {kind}) AS mask{columns} FROM ({inner}) AS r"
        rows = read(self.source, sql, _used(sql, parameters), many=many)
        sorter = BatchSorter(
            self.units,
            self.clock,
            self.scan.lookback,
            bits,
            self.scan.value_columns,
            ordered=joined is None and self.settings[1],
        )
        return rows, sorter

    def _rows(self, sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return self.source.rows(sql, _used(sql, parameters))


def _sorted_part(sorter: BatchSorter, rows: Rows, low: int, high: int, place: int) -> EventBatch:
    return sorter.batch(rows.part(place, place + PART), low, high)


def _used(sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that a statement names: an engine takes no others."""
    return {name: parameters[name] for name in set(re.findall(r"\$(p\d+)\b", sql))}


_WIDTHS = ((7, "TINYINT"), (15, "SMALLINT"), (31, "INTEGER"), (_MOST_BITS, "BIGINT"))
