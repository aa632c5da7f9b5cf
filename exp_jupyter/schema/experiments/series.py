"""Results: one analysis, its daily series, and the exposures behind it."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from exp_jupyter.schema.base import ApiObject, Moment, Number, OffsetMoment


class VariantStats(ApiObject):
    """The sums of one variant; what ``baseline_stats`` of the running-time endpoint takes too."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("key", "number_of_samples", "sum")

    key: str
    number_of_samples: int
    sum: Number = 0
    sum_squares: Number | None = None
    denominator_sum: Number | None = None
    denominator_sum_squares: Number | None = None
    numerator_denominator_sum_product: Number | None = None
    covariate_sum: Number | None = None
    covariate_sum_squares: Number | None = None
    covariate_sum_product: Number | None = None
    step_counts: list[Number] | None = None
    validation_failures: list[str] | None = None


class VariantResult(VariantStats):
    """One variant compared with the baseline; the comparison is absent when validation failed."""

    method: str | None = None
    chance_to_win: Number | None = None
    credible_interval: tuple[Number, Number] | None = None
    p_value: Number | None = None
    confidence_interval: tuple[Number, Number] | None = None
    significant: bool | None = None

    @property
    def interval(self) -> tuple[Number, Number] | None:
        """The credible or confidence interval of the relative difference, whichever it has."""
        return self.credible_interval or self.confidence_interval


class ExperimentResult(ApiObject):
    """One analysis of one metric: the baseline and every other variant."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("baseline", "variant_results")

    kind: str | None = None
    metric: dict[str, Any] | None = None
    baseline: VariantStats | None = None
    variant_results: list[VariantResult] | None = None
    breakdown_results: list[Any] | None = None
    is_precomputed: bool | None = None
    warnings: list[Any] | None = None
    is_cached: bool | None = None
    last_refresh: Moment | None = None
    next_allowed_client_refresh: Moment | None = None
    cache_key: str | None = None
    timezone: str | None = None


class TimeseriesResults(ApiObject):
    """The stored daily results of one metric; a day without a completed result is None."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("experiment_id", "metric_uuid", "status")

    experiment_id: int
    metric_uuid: str
    status: str
    timeseries: dict[str, ExperimentResult | None] = Field(default_factory=dict)
    errors: dict[str, str] | None = None
    computed_at: OffsetMoment | None = None
    created_at: OffsetMoment | None = None
    updated_at: OffsetMoment | None = None
    recalculation_status: str | None = None
    recalculation_created_at: OffsetMoment | None = None
    formatted_results: str = ""


class VariantExposures(ApiObject):
    """How many units of one variant had been exposed by the end of each day."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("variant",)

    variant: str
    days: list[str] = Field(default_factory=list)
    exposure_counts: list[Number] = Field(default_factory=list)


class Exposures(ApiObject):
    """Who saw which variant, and whether the split is the one that was asked for."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("total_exposures",)

    kind: str | None = None
    timeseries: list[VariantExposures] = Field(default_factory=list)
    total_exposures: dict[str, Number] = Field(default_factory=dict)
    date_range: dict[str, Any] | None = None
    sample_ratio_mismatch: dict[str, Any] | None = None
    bias_risk: dict[str, Any] | None = None
    exposure_coverage: dict[str, Any] | None = None
    warnings: list[Any] | None = None
    is_cached: bool | None = None
    last_refresh: Moment | None = None
    timezone: str | None = None
