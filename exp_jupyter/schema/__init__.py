"""The project API's objects as types, shared by client and server, so the two cannot drift."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exp_jupyter.schema.approvals.approval import (
        ApprovalNeeded,
        ApprovalPolicy,
        ChangeRequest,
        ChangeRequestDecision,
        ChangeRequestList,
        Vote,
    )
    from exp_jupyter.schema.approvals.writes import DiffRow, WriteOutcome, WritePlan, WriteState
    from exp_jupyter.schema.base import ApiList, ApiObject
    from exp_jupyter.schema.experiments.cohort import Cohort, MadeCohort
    from exp_jupyter.schema.experiments.experiment import (
        Experiment,
        ExperimentList,
        Holdout,
        MetricEntry,
        SavedMetric,
        SavedMetricLink,
    )
    from exp_jupyter.schema.experiments.health import ExperimentHealth, HealthFinding
    from exp_jupyter.schema.experiments.overview import ExperimentStats, FlagImplementation
    from exp_jupyter.schema.experiments.planning import RunningTime
    from exp_jupyter.schema.experiments.recalculation import (
        MetricsRecalculation,
        RecalculatedMetric,
        Recalculation,
    )
    from exp_jupyter.schema.experiments.series import (
        ExperimentResult,
        Exposures,
        TimeseriesResults,
        VariantExposures,
        VariantResult,
        VariantStats,
    )
    from exp_jupyter.schema.failure import ErrorBody, VersionConflict
    from exp_jupyter.schema.flags.feature_flag import EligibleFlags, FeatureFlag, FlagList
    from exp_jupyter.schema.flags.flag import (
        FlagFilters,
        FlagGroup,
        FlagMultivariate,
        FlagVariant,
        MinimalFeatureFlag,
    )
    from exp_jupyter.schema.listing import Page
    from exp_jupyter.schema.metrics.prompt import Prompt, PromptTemplate, PromptTemplates
    from exp_jupyter.schema.people import UserBasic

_MODULES = {
    "approvals.approval": "ApprovalNeeded ApprovalPolicy ChangeRequest ChangeRequestDecision "
    "ChangeRequestList Vote",
    "base": "ApiList ApiObject",
    "experiments.cohort": "Cohort MadeCohort",
    "experiments.experiment": "Experiment ExperimentList Holdout MetricEntry SavedMetric "
    "SavedMetricLink",
    "failure": "ErrorBody VersionConflict",
    "flags.feature_flag": "EligibleFlags FeatureFlag FlagList",
    "flags.flag": "FlagFilters FlagGroup FlagMultivariate FlagVariant MinimalFeatureFlag",
    "experiments.health": "ExperimentHealth HealthFinding",
    "listing": "Page",
    "experiments.overview": "ExperimentStats FlagImplementation",
    "people": "UserBasic",
    "experiments.planning": "RunningTime",
    "metrics.prompt": "Prompt PromptTemplate PromptTemplates",
    "experiments.recalculation": "MetricsRecalculation RecalculatedMetric Recalculation",
    "experiments.series": "ExperimentResult Exposures TimeseriesResults "
    "VariantExposures VariantResult "
    "VariantStats",
    "approvals.writes": "DiffRow WriteOutcome WritePlan WriteState",
}
_HOME = {name: module for module, names in _MODULES.items() for name in names.split()}

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
