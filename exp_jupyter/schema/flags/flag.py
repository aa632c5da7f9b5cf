"""Feature flags in the short form they have inside an experiment, and what they consist of."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from exp_jupyter.schema.base import ApiObject, Number
from exp_jupyter.schema.flags.rollout import rollouts


class FlagVariant(ApiObject):
    """One variant of a multivariate flag."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("key", "rollout_percentage")

    key: str
    name: str | None = None
    rollout_percentage: Number | None = None


class FlagMultivariate(ApiObject):
    """The variants of a flag, in the order in which units are split."""

    variants: list[FlagVariant] = Field(default_factory=list)


class FlagGroup(ApiObject):
    """One release group: who, and what share of them in percent."""

    properties: list[dict[str, Any]] = Field(default_factory=list)
    rollout_percentage: Number | None = None
    variant: str | None = None


class FlagFilters(ApiObject):
    """What a flag does: release groups, variants, payloads and holdout."""

    groups: list[FlagGroup] = Field(default_factory=list)
    multivariate: FlagMultivariate | None = None
    payloads: dict[str, Any] | None = None
    aggregation_group_type_index: int | None = None
    holdout: dict[str, Any] | None = None

    @property
    def rollouts(self) -> dict[str, float]:
        """Every rollout number under its path, as approval policies and requests name them.

        Examples
        --------
        >>> FlagFilters(groups=[{"rollout_percentage": 50}]).rollouts
        {'groups[0].rollout_percentage': 50}
        """
        return rollouts(self.to_dict())


class MinimalFeatureFlag(ApiObject):
    """A flag as it stands inside an experiment."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("id", "key", "active")

    id: int
    key: str
    filters: FlagFilters = Field(default_factory=FlagFilters)
    active: bool = False
    name: str = ""
    """The description, in the API's words."""
    team_id: int | None = None
    deleted: bool = False
    ensure_experience_continuity: bool | None = None
    version: int | None = None
    evaluation_runtime: str | None = None
    bucketing_identifier: str | None = None
    evaluation_contexts: list[Any] = Field(default_factory=list)

    @property
    def variants(self) -> tuple[FlagVariant, ...]:
        """The variants in split order; empty for a boolean flag."""
        multivariate = self.filters.multivariate
        return tuple(multivariate.variants) if multivariate else ()

    @property
    def split(self) -> dict[str, float]:
        """Each variant's share of the released units, in percent."""
        return {variant.key: float(variant.rollout_percentage or 0) for variant in self.variants}

    @property
    def rollout_percentage(self) -> Number | None:
        """The share of units the first release group lets in, in percent."""
        groups = self.filters.groups
        return groups[0].rollout_percentage if groups else None
