"""Events to sufficient statistics: one compiler from metric definition to SQL."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exp_jupyter.warehouse.daily import daily_exposures, daily_sums
    from exp_jupyter.warehouse.request.population import Covariates, Population, Request
    from exp_jupyter.warehouse.sql.event_source import EventSource

__all__ = [
    "Covariates",
    "EventSource",
    "Population",
    "Request",
    "daily_exposures",
    "daily_sums",
]

_HOME = {
    "Covariates": "request.population",
    "EventSource": "sql.event_source",
    "Population": "request.population",
    "Request": "request.population",
    "daily_exposures": "daily",
    "daily_sums": "daily",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"exp_jupyter.warehouse.{_HOME[name]}"), name)
    raise AttributeError(f"module 'exp_jupyter.warehouse' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
