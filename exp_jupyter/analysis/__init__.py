"""Metric, exposures and method to result objects and daily series."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exp_jupyter.analysis.counts.compare import Comparison, compare
    from exp_jupyter.analysis.definition.experiment import ExperimentSpec
    from exp_jupyter.analysis.events.analyze import analyze_events
    from exp_jupyter.analysis.events.plan_from_history import HistoryPlan, plan_from_history
    from exp_jupyter.analysis.events.results import EventAnalysis
    from exp_jupyter.analysis.posthog.compute import compute_all, compute_result, compute_series
    from exp_jupyter.analysis.report import Report
    from exp_jupyter.analysis.results.daily_exposures import DailyExposures
    from exp_jupyter.analysis.results.experiment import Results, result_series
    from exp_jupyter.analysis.results.exposures import compute_exposures
    from exp_jupyter.analysis.results.health import Health, HealthCheck
    from exp_jupyter.analysis.results.heterogeneity import SegmentComparison
    from exp_jupyter.analysis.results.series import Series, SeriesDay, VariantDay
    from exp_jupyter.analysis.results.series_list import SeriesList
    from exp_jupyter.analysis.simulation.results import SimulatedExperiments
    from exp_jupyter.analysis.simulation.simulate import simulate
    from exp_jupyter.analysis.units.analyze import analyze
    from exp_jupyter.analysis.units.metrics import UnitMetric
    from exp_jupyter.analysis.units.results import Analysis

__all__ = [
    "Analysis",
    "Comparison",
    "DailyExposures",
    "EventAnalysis",
    "ExperimentSpec",
    "Health",
    "HealthCheck",
    "HistoryPlan",
    "Report",
    "Results",
    "SegmentComparison",
    "Series",
    "SeriesDay",
    "SeriesList",
    "SimulatedExperiments",
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
    "simulate",
]

_HOME = {
    "Analysis": "units.results",
    "Comparison": "counts.compare",
    "DailyExposures": "results.daily_exposures",
    "EventAnalysis": "events.results",
    "ExperimentSpec": "definition.experiment",
    "Health": "results.health",
    "HealthCheck": "results.health",
    "HistoryPlan": "events.plan_from_history",
    "Report": "report",
    "Results": "results.experiment",
    "SegmentComparison": "results.heterogeneity",
    "Series": "results.series",
    "SeriesDay": "results.series",
    "SeriesList": "results.series_list",
    "SimulatedExperiments": "simulation.results",
    "UnitMetric": "units.metrics",
    "VariantDay": "results.series",
    "analyze": "units.analyze",
    "analyze_events": "events.analyze",
    "compare": "counts.compare",
    "compute_all": "posthog.compute",
    "compute_exposures": "results.exposures",
    "compute_result": "posthog.compute",
    "compute_series": "posthog.compute",
    "plan_from_history": "events.plan_from_history",
    "result_series": "results.experiment",
    "simulate": "simulation.simulate",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"exp_jupyter.analysis.{_HOME[name]}"), name)
    raise AttributeError(f"module 'exp_jupyter.analysis' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
