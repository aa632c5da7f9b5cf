"""Metric, exposures and method to result objects and daily series."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exp_jupyter.analysis.comparison import Comparison, compare
    from exp_jupyter.analysis.compute import compute_all, compute_result, compute_series
    from exp_jupyter.analysis.event_analysis import analyze_events
    from exp_jupyter.analysis.event_results import DailyExposures, EventAnalysis
    from exp_jupyter.analysis.exposures import compute_exposures
    from exp_jupyter.analysis.health import Health, HealthCheck
    from exp_jupyter.analysis.history import HistoryPlan, plan_from_history
    from exp_jupyter.analysis.results import Results, result_series
    from exp_jupyter.analysis.series import Series, SeriesDay, VariantDay
    from exp_jupyter.analysis.spec import ExperimentSpec
    from exp_jupyter.analysis.unit_analysis import analyze
    from exp_jupyter.analysis.unit_metrics import UnitMetric
    from exp_jupyter.analysis.unit_results import Analysis

__all__ = [
    "Analysis",
    "Comparison",
    "DailyExposures",
    "EventAnalysis",
    "ExperimentSpec",
    "Health",
    "HealthCheck",
    "HistoryPlan",
    "Results",
    "Series",
    "SeriesDay",
    "UnitMetric",
    "VariantDay",
    "analyze",
    "analyze_events",
    "compare",
    "compute_all",
    "compute_exposures",
    "compute_result",
    "compute_series",
    "plan_from_history",
    "result_series",
]

_HOME = {
    "Analysis": "unit_results",
    "Comparison": "comparison",
    "DailyExposures": "event_results",
    "EventAnalysis": "event_results",
    "ExperimentSpec": "spec",
    "Health": "health",
    "HealthCheck": "health",
    "HistoryPlan": "history",
    "Results": "results",
    "Series": "series",
    "SeriesDay": "series",
    "UnitMetric": "unit_metrics",
    "VariantDay": "series",
    "analyze": "unit_analysis",
    "analyze_events": "event_analysis",
    "compare": "comparison",
    "compute_all": "compute",
    "compute_exposures": "exposures",
    "compute_result": "compute",
    "compute_series": "compute",
    "plan_from_history": "history",
    "result_series": "results",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"exp_jupyter.analysis.{_HOME[name]}"), name)
    raise AttributeError(f"module 'exp_jupyter.analysis' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
