"""Looking at a project's folder, and putting right what a crash, a disk or a copy did to it."""

from exp_jupyter.server.recovery.findings import Finding, Report
from exp_jupyter.server.recovery.inspection import inspect
from exp_jupyter.server.recovery.repair import repair

__all__ = ["Finding", "Report", "inspect", "repair"]
