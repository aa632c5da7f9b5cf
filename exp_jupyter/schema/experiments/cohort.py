"""Cohorts: lists of persons."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from exp_jupyter.schema.base import ApiObject, Moment
from exp_jupyter.schema.people import UserBasic


class Cohort(ApiObject):
    """A list of persons: a static one keeps its members, another is worked out by the project."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("id", "name", "count")

    id: int
    name: str = ""
    description: str | None = None
    count: int | None = None
    is_static: bool | None = None
    is_calculating: bool | None = None
    created_by: UserBasic | None = None
    created_at: Moment | None = None
    last_calculation: Moment | None = None
    experiment_set: list[int] = Field(default_factory=list)
    filters: dict[str, Any] | None = None


class MadeCohort(ApiObject):
    """What the project answers when it made a cohort."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("cohort",)

    cohort: Cohort
