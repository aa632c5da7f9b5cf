"""What the project itself finds odd about an experiment and its flag."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from exp_jupyter.schema.base import ApiObject


class HealthFinding(ApiObject):
    """Something the project found odd about an experiment and its flag."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("finding_code", "subcode", "severity")

    finding_code: str = Field(alias="code")
    subcode: str | None = None
    severity: str = "warning"
    title: str = ""
    detail: str = ""
    evidence: dict[str, Any] = Field(default_factory=dict)
    actions: list[str] = Field(default_factory=list)
    diagnostic_ref: str | None = None


class ExperimentHealth(ApiObject):
    """What the project found odd about an experiment; nothing when ``findings`` is empty."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ()

    findings: list[HealthFinding] = Field(default_factory=list)
