"""One page of a list, whatever it lists."""

from __future__ import annotations

from typing import TypeVar

from exp_jupyter.schema.base import ApiList

T = TypeVar("T")


class Page(ApiList[T]):
    """One page of a list, or all pages joined; ``count`` is the number of objects that match."""

    count: int
    next: str | None = None
    previous: str | None = None
    results: list[T]
