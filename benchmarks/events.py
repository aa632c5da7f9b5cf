"""Seeded events of one experiment for the benchmarks: the same bytes for the same number.

Run with ``python -m benchmarks.events 1M FOLDER``. Forty-five days, fourteen of them before the
start; activity that falls off like a power law; persons of whom four in five are exposed to three
variants over thirty days, 0.6 % to two of them; six kinds of events, four in a hundred a purchase
with a log-normal revenue. Rows are in order of time, as an event store writes them.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np

START = datetime(2026, 1, 15, tzinfo=UTC)
DAYS, BEFORE, AFTER = 30, 14, 1
STOP = START + timedelta(days=DAYS, microseconds=-1)
VARIANTS = ("control", "blue", "green")
FLAG = "benchmark"
NAMES = ("$pageview", "session_start", "add_to_cart", "search", "purchase", "signup")
SHARES = (0.70, 0.12, 0.08, 0.04, 0.04, 0.02)
SIZES = {
    "100k": 100_000,
    "1M": 1_000_000,
    "10M": 10_000_000,
    "100M": 100_000_000,
    "1B": 1_000_000_000,
}
_DAY = 86_400_000_000
_EXPOSURE = len(NAMES)


def persons_of(rows: int) -> int:
    """Return how many persons there are: at first more events mean more of each."""
    return max(min(1_250_000, rows // 8), rows // 100)


def files(size: str, folder: Path) -> str:
    """Return a pattern for the events' files, writing them if they are not there yet.

    Parameters
    ----------
    size
        ``100k``, ``1M``, ``10M``, ``100M`` or ``1B``: events besides the exposures.
    folder
        Where they are kept.
    """
    target = folder / f"events-{size}"
    if not (target / "complete").exists():
        target.mkdir(parents=True, exist_ok=True)
        write(SIZES[size], target)
        (target / "complete").touch()
    return str(target / "*.parquet")


def write(rows: int, target: Path, seed: int = 5) -> None:
    rng = np.random.default_rng(seed)
    connection = duckdb.connect()
    persons = persons_of(rows)
    # Ids as a hash gives them: spread over sixty bits, in no order.
    ids = np.unique(rng.integers(1 << 59, 1 << 60, persons + persons // 100 + 8))
    ids = rng.permutation(ids)[:persons]
    exposures = _exposures(rng, persons)
    per_day = rows // (BEFORE + DAYS + AFTER)
    cut = np.cumsum(SHARES)
    # A day at a time, so that a hundred million rows need little memory.
    for day in range(-BEFORE, DAYS + AFTER):
        number = per_day if day < DAYS + AFTER - 1 else rows - per_day * (BEFORE + DAYS)
        who = (persons * rng.random(number) ** 2).astype(np.int64)
        at = day * _DAY + rng.integers(0, _DAY, number)
        what = np.minimum(np.searchsorted(cut, rng.random(number)), _EXPOSURE - 1).astype(np.int8)
        revenue = np.where(what == NAMES.index("purchase"), rng.lognormal(3, 1, number), 0.0)
        chosen = exposures[2] // _DAY == day
        seen = [column[chosen] for column in exposures]
        none = np.full(number, -1, np.int8)
        table = {
            "who": ids[np.r_[who, seen[0]]],
            "moment": np.r_[at, seen[2]],
            "kind": np.r_[what, np.full(seen[0].size, _EXPOSURE, np.int8)],
            "variant": np.r_[none, seen[1].astype(np.int8)],
            "revenue": np.r_[revenue, np.zeros(seen[0].size)],
        }
        order = np.argsort(table["moment"], kind="stable")
        table = {name: column[order] for name, column in table.items()}
        _save(connection, table, target / f"day-{day + BEFORE:02d}.parquet")


def _exposures(rng: np.random.Generator, persons: int) -> tuple[np.ndarray, ...]:
    """Return person, variant and instant (from the start) of every exposure."""
    exposed = rng.permutation(persons)[: persons * 4 // 5]
    first = (DAYS * _DAY * rng.random(exposed.size) ** 1.5).astype(np.int64)
    variant = rng.integers(0, len(VARIANTS), exposed.size)
    again = rng.poisson(0.58, exposed.size)
    who = np.repeat(exposed, again)
    opened, usual = np.repeat(first, again), np.repeat(variant, again)
    at = opened + (rng.random(who.size) * (DAYS * _DAY - opened)).astype(np.int64)
    other = (usual + 1) % len(VARIANTS)
    seen = np.where(rng.random(who.size) < 0.0104, other, usual)
    return np.r_[exposed, who], np.r_[variant, seen], np.r_[first, at]


def _save(connection: duckdb.DuckDBPyConnection, table: dict[str, np.ndarray], path: Path) -> None:
    names = " ".join(f"WHEN {i} THEN '{name}'" for i, name in enumerate(NAMES))
    variants = " ".join(f"WHEN {i} THEN '{name}'" for i, name in enumerate(VARIANTS))
    origin = int(START.timestamp()) * 1_000_000
    connection.register("drawn", table)
    connection.execute(
        f"COPY (SELECT CASE kind {names} ELSE '$feature_flag_called' END AS event, "
        f"who AS person_id, make_timestamp(moment + {origin}) AS timestamp, "
        f"CASE WHEN variant >= 0 THEN '{FLAG}' END AS flag, "
        f"CASE variant {variants} END AS response, "
        "CASE WHEN revenue > 0 THEN round(revenue, 2) END AS revenue FROM drawn) "
        f"TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
    )
    connection.unregister("drawn")


if __name__ == "__main__":
    print(files(sys.argv[1], Path(sys.argv[2])))
