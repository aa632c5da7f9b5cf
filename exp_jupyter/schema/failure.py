"""The body of an API error, in the standard envelope or one of the odd shapes beside it."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from exp_jupyter.schema.base import ApiObject

NOTHING_WRITTEN = "x-nothing-written"
"""The header of an answer by which a project that failed says that it has changed nothing."""

NOTHING_WRITTEN = "x-nothing-written"
"""The header of an answer by which a project that failed says that it has changed nothing."""


class ErrorBody(ApiObject):
    """What the project says when it says no; every field may be missing."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("type", "error_code", "attr")

    type: str | None = None
    error_code: str | None = Field(default=None, alias="code")
    detail: Any = None
    attr: str | None = None
    error: Any = None
    message: Any = None
    conflicting_policies: list[dict[str, Any]] | None = None
    guidance: str | None = None
    extra: Any = None

    @property
    def words(self) -> str:
        """The project's own words, whichever key holds them; empty when it gave none."""
        for candidate in (self.detail, self.error, self.message):
            if isinstance(candidate, str) and candidate:
                return candidate
        return ""


class VersionConflict(ErrorBody):
    """What the project says to a change made for an older version of an experiment (409).

    ``current_version`` is what tells it from the 409 of an approval policy.
    """

    shown_in_repr: ClassVar[tuple[str, ...]] = ("current_version", "conflicting_fields")

    current_version: int
    conflicting_fields: list[str] = Field(default_factory=list)
    conflicting_metric_uuids: list[str] = Field(default_factory=list)
