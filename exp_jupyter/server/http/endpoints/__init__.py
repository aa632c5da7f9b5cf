"""The endpoints, one module per group of addresses."""

from exp_jupyter.server.http.endpoint import Endpoint
from exp_jupyter.server.http.endpoints import (
    approvals,
    cohorts,
    experiments,
    library,
    missions,
    queries,
    recalculations,
)

PROJECT_ENDPOINTS: tuple[Endpoint, ...] = (
    *missions.ENDPOINTS,
    *experiments.ENDPOINTS,
    *cohorts.ENDPOINTS,
    *recalculations.ENDPOINTS,
    *library.ENDPOINTS,
    *approvals.ENDPOINTS,
    *queries.ENDPOINTS,
)
"""Every endpoint below ``/api/projects/{project}/``."""

__all__ = ["PROJECT_ENDPOINTS"]
