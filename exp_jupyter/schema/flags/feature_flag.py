"""Feature flags in full, as the flag endpoints show them, and the lists of them."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from exp_jupyter.schema.base import ApiList, Moment
from exp_jupyter.schema.flags.flag import MinimalFeatureFlag
from exp_jupyter.schema.listing import Page
from exp_jupyter.schema.people import UserBasic


class FeatureFlag(MinimalFeatureFlag):
    """A flag as the flag endpoints show it."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("id", "key", "active", "status")

    archived: bool = False
    created_by: UserBasic | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    last_modified_by: UserBasic | None = None
    experiment_set: list[int] = Field(default_factory=list)
    experiment_set_metadata: list[Any] = Field(default_factory=list)
    surveys: Any = None
    features: Any = None
    rollback_conditions: Any = None
    performed_rollback: bool | None = None
    can_edit: bool | None = None
    tags: list[str] = Field(default_factory=list)
    usage_dashboard: int | None = None
    analytics_dashboards: list[int] = Field(default_factory=list)
    has_enriched_analytics: bool | None = None
    user_access_level: str | None = None
    creation_context: str | None = None
    is_remote_configuration: bool | None = None
    has_encrypted_payloads: bool | None = None
    status: str | None = None
    last_called_at: Moment | None = None
    is_used_in_replay_settings: bool | None = None


class EligibleFlags(ApiList[FeatureFlag]):
    """Flags an experiment can be built on: at least two variants, the first named ``control``.

    ``count`` is the number of flags that match, of which ``results`` holds one page.
    """

    results: list[FeatureFlag]
    count: int


class FlagList(Page[FeatureFlag]):
    """Feature flags."""
