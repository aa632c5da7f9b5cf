"""Exposure criteria as the API writes them: who is in the experiment, and since when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import PropertyFilter

FLAG_CALLED = "$feature_flag_called"
EXPOSURE_EVENTS = frozenset({FLAG_CALLED, "$experiment_exposure"})
"""Events that carry the flag's key and its response; any other names its variant by flag."""


EXCLUDING = ("person", "cohort")
"""The types of filters that exclude people: those that speak of persons as they are now."""


class ExposureConfig(BaseModel):
    """The event or action that exposes a unit when it is not the flag call, or activates it."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)

    kind: Literal["ExperimentEventExposureConfig", "ActionsNode"] = "ExperimentEventExposureConfig"
    event: str | None = None
    id: int | None = None
    properties: tuple[PropertyFilter, ...] | None = None

    @property
    def label(self) -> str:
        """The event's name in quotes, or ``action`` and its number."""
        return f"action {self.id}" if self.kind == "ActionsNode" else f'"{self.event}"'

    @model_validator(mode="after")
    def _named(self) -> ExposureConfig:
        if self.kind == "ActionsNode" and self.id is None:
            raise ValueError("an ActionsNode needs the action's 'id'")
        if self.kind != "ActionsNode" and not self.event:
            raise ValueError("an exposure config needs the event's name in 'event'")
        return self


class ExposureCriteria(BaseModel):
    """Who counts as exposed. Absent fields take the API's defaults.

    With an ``activation_config`` the flag calls say who saw which variant, and a unit counts from
    its first activation after them; a custom ``exposure_config`` makes it of no effect.

    A person who matches any of the ``exclusions`` leaves the experiment, exposures from before
    included.
    """

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)

    filterTestAccounts: bool | None = None  # noqa: N815 - the wire's name
    multiple_variant_handling: Literal["exclude", "first_seen"] | None = None
    exposure_config: ExposureConfig | None = None
    activation_config: ExposureConfig | None = None
    exclusions: tuple[PropertyFilter, ...] | None = None

    @field_validator("exclusions")
    @classmethod
    def _about_persons(
        cls, exclusions: tuple[PropertyFilter, ...] | None
    ) -> tuple[PropertyFilter, ...] | None:
        for item in exclusions or ():
            if item.type not in EXCLUDING:
                raise ValueError(
                    f"an exclusion is a filter of type {' or '.join(EXCLUDING)}, not {item.type!r}"
                )
        return exclusions

    @property
    def default_event(self) -> bool:
        """Whether exposures are flag calls, which name the variant in their response."""
        config = self.exposure_config
        return config is None or (config.kind != "ActionsNode" and config.event in EXPOSURE_EVENTS)

    @property
    def activation(self) -> ExposureConfig | None:
        """What a unit must do after its flag call to count; None where nothing is asked of it."""
        return self.activation_config if self.default_event else None

    @property
    def filter_test_accounts(self) -> bool:
        """Whether test accounts are left out; true unless said otherwise."""
        return True if self.filterTestAccounts is None else self.filterTestAccounts

    @property
    def handling(self) -> Literal["exclude", "first_seen"]:
        """What becomes of a unit seen under several variants; ``exclude`` by default."""
        return self.multiple_variant_handling or "exclude"


def parse_exposure(criteria: Mapping[str, Any] | ExposureCriteria | None) -> ExposureCriteria:
    """Read exposure criteria; None and an empty object mean the defaults.

    Raises
    ------
    exp_jupyter.errors.InputError
        A field is not usable; the message names it.

    Examples
    --------
    >>> parse_exposure(None).handling
    'exclude'
    """
    if isinstance(criteria, ExposureCriteria):
        return criteria
    try:
        return ExposureCriteria.model_validate({} if criteria is None else criteria)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "exposure_criteria"
        raise InputError(
            f"The exposure criteria are not usable: {where}: {first['msg']}.",
            hint="Use filterTestAccounts, multiple_variant_handling, exposure_config, "
            "activation_config and exclusions.",
        ) from error
