"""The project API's objects as types, shared by client and server, so the two cannot drift."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exp_jupyter.schema.approval import (
        ApprovalNeeded,
        ApprovalPolicy,
        ChangeRequest,
        ChangeRequestDecision,
        ChangeRequestList,
        Vote,
    )
    from exp_jupyter.schema.base import ApiList, ApiObject
    from exp_jupyter.schema.cohort import Cohort, MadeCohort
    from exp_jupyter.schema.experiment import (
        Experiment,
        ExperimentList,
        Holdout,
        MetricEntry,
        SavedMetric,
        SavedMetricLink,
    )
    from exp_jupyter.schema.failure import ErrorBody, VersionConflict
    from exp_jupyter.schema.feature_flag import EligibleFlags, FeatureFlag, FlagList
    from exp_jupyter.schema.flag import (
        FlagFilters,
        FlagGroup,
        FlagMultivariate,
        FlagVariant,
        MinimalFeatureFlag,
    )
    from exp_jupyter.schema.health import ExperimentHealth, HealthFinding
    from exp_jupyter.schema.listing import Page
    from exp_jupyter.schema.overview import ExperimentStats, FlagImplementation
    from exp_jupyter.schema.people import UserBasic
    from exp_jupyter.schema.planning import RunningTime
    from exp_jupyter.schema.prompt import Prompt, PromptTemplate, PromptTemplates
    from exp_jupyter.schema.recalculation import (
        MetricsRecalculation,
        RecalculatedMetric,
        Recalculation,
    )
    from exp_jupyter.schema.series import (
        ExperimentResult,
        Exposures,
        TimeseriesResults,
        VariantExposures,
        VariantResult,
        VariantStats,
    )
    from exp_jupyter.schema.writes import DiffRow, WriteOutcome, WritePlan, WriteState

_ROOMS = {
    "approval": "ApprovalNeeded ApprovalPolicy ChangeRequest ChangeRequestDecision "
    "ChangeRequestList Vote",
    "base": "ApiList ApiObject",
    "cohort": "Cohort MadeCohort",
    "experiment": "Experiment ExperimentList Holdout MetricEntry SavedMetric SavedMetricLink",
    "failure": "ErrorBody VersionConflict",
    "feature_flag": "EligibleFlags FeatureFlag FlagList",
    "flag": "FlagFilters FlagGroup FlagMultivariate FlagVariant MinimalFeatureFlag",
    "health": "ExperimentHealth HealthFinding",
    "listing": "Page",
    "overview": "ExperimentStats FlagImplementation",
    "people": "UserBasic",
    "planning": "RunningTime",
    "prompt": "Prompt PromptTemplate PromptTemplates",
    "recalculation": "MetricsRecalculation RecalculatedMetric Recalculation",
    "series": "ExperimentResult Exposures TimeseriesResults VariantExposures VariantResult "
    "VariantStats",
    "writes": "DiffRow WriteOutcome WritePlan WriteState",
}
_HOME = {name: module for module, names in _ROOMS.items() for name in names.split()}

__all__ = [
    "ApiList",
    "ApiObject",
    "ApprovalNeeded",
    "ApprovalPolicy",
    "ChangeRequest",
    "ChangeRequestDecision",
    "ChangeRequestList",
    "Cohort",
    "DiffRow",
    "EligibleFlags",
    "ErrorBody",
    "Experiment",
    "ExperimentHealth",
    "ExperimentList",
    "ExperimentResult",
    "ExperimentStats",
    "Exposures",
    "FeatureFlag",
    "FlagFilters",
    "FlagGroup",
    "FlagImplementation",
    "FlagList",
    "FlagMultivariate",
    "FlagVariant",
    "HealthFinding",
    "Holdout",
    "MadeCohort",
    "MetricEntry",
    "MetricsRecalculation",
    "MinimalFeatureFlag",
    "Page",
    "Prompt",
    "PromptTemplate",
    "PromptTemplates",
    "RecalculatedMetric",
    "Recalculation",
    "RunningTime",
    "SavedMetric",
    "SavedMetricLink",
    "TimeseriesResults",
    "UserBasic",
    "VariantExposures",
    "VariantResult",
    "VariantStats",
    "VersionConflict",
    "Vote",
    "WriteOutcome",
    "WritePlan",
    "WriteState",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"exp_jupyter.schema.{_HOME[name]}"), name)
    raise AttributeError(f"module 'exp_jupyter.schema' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
