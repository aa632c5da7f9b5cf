"""The reference vectors to run: the two files beside this one, or those named in EXP_VECTORS."""

from __future__ import annotations

import functools
import json
import math
import os
from pathlib import Path
from typing import Any

Case = dict[str, Any]

DEFAULTS = ("posthog_stats.json", "peers.json")


def paths() -> list[Path]:
    """Return the files to read: EXP_VECTORS is a list separated like PATH."""
    named = os.environ.get("EXP_VECTORS", "")
    if named:
        return [Path(name) for name in named.split(os.pathsep) if name]
    return [Path(__file__).parent / name for name in DEFAULTS]


@functools.cache
def cases() -> list[Case]:
    """Return every case of every file, in order."""
    found: list[Case] = []
    for path in paths():
        found += json.loads(path.read_text(encoding="utf-8"))["cases"]
    return found


def of_shape(key: str) -> list[Case]:
    """Return the cases that say under ``key`` what they are about."""
    return [case for case in cases() if key in case]


def number(value: Any) -> float:
    """Return a number of a file: null is NaN, the words inf and -inf are infinities."""
    return math.nan if value is None else float(value)


def assert_close(
    got: Any, expected: Any, where: str, *, relative: float = 1e-9, absolute: float = 1e-12
) -> None:
    """Fail unless two values agree: numbers within tolerance, everything else exactly."""
    if isinstance(expected, dict):
        for name, value in expected.items():
            assert name in got, f"{where}.{name} is missing"
            assert_close(got[name], value, f"{where}.{name}", relative=relative, absolute=absolute)
    elif isinstance(expected, list):
        assert len(got) == len(expected), f"{where}: {got} is not as long as {expected}"
        for index, (one, other) in enumerate(zip(got, expected, strict=True)):
            assert_close(one, other, f"{where}[{index}]", relative=relative, absolute=absolute)
    elif expected is None:
        assert got is None or math.isnan(got), f"{where}: {got!r}, expected nothing"
    elif isinstance(expected, bool):
        assert bool(got) is expected, f"{where}: {got!r}, expected {expected!r}"
    elif isinstance(expected, str) and expected not in ("inf", "-inf"):
        assert got == expected, f"{where}: {got!r}, expected {expected!r}"
    else:
        wanted = number(expected)
        assert got is not None, f"{where}: nothing, expected {wanted!r}"
        if math.isinf(wanted):
            assert float(got) == wanted, f"{where}: {got!r}, expected {wanted!r}"
        else:
            allowed = max(absolute, relative * abs(wanted))
            assert abs(float(got) - wanted) <= allowed, f"{where}: {got!r}, expected {wanted!r}"
