"""What is odd about an experiment and its flag, as the API's ``health`` says it."""

from __future__ import annotations

from typing import Any

from exp_jupyter.server.services.flags import flag as flags
from exp_jupyter.server.store import Document

_OPEN_FLAG = "open_feature_flag"
_FLAG_DIAGNOSTIC = "A5"


def view(experiment: Document, flag: Document, metrics: list[Document]) -> dict[str, Any]:
    """Return the findings about an experiment.

    Parameters
    ----------
    metrics
        Every metric of the experiment, saved ones included.
    """
    found = [_flag_finding(experiment, flag), None if metrics else _no_metric()]
    return {"findings": [finding for finding in found if finding is not None]}


def _flag_finding(experiment: Document, flag: Document) -> dict[str, Any] | None:
    """Return what contradicts itself between an experiment and its flag; one thing at most."""
    if flag["deleted"]:
        return None
    if experiment["start_date"] and not experiment["end_date"]:
        return _while_running(flag)
    spread = flag["active"] and _serves_several(flag) and not _lets_nobody_in(flag)
    if not spread:
        return None
    if experiment["end_date"]:
        if _shipped_variant(flag) is not None:
            return None
        return _finding(
            "flag_live_after_end",
            "ended_but_multiple_variants_rolled_out",
            "The experiment has ended, and its flag still splits people",
            "Ship a variant or switch the flag off.",
        )
    if experiment["archived"]:
        return None
    return _finding(
        "flag_live_before_launch",
        "not_started_but_multiple_variants_rolled_out",
        "The experiment is a draft, and its flag splits people already",
        "Launch the experiment or switch the flag off.",
    )


def _while_running(flag: Document) -> dict[str, Any] | None:
    if not flag["active"]:
        return _finding(
            "flag_off_while_running",
            "running_but_flag_disabled",
            "The experiment has not ended, and its flag is off",
            "Resume the experiment or end it.",
        )
    if _lets_nobody_in(flag):
        return _finding(
            "flag_off_while_running",
            "running_but_no_rollout",
            "The experiment is running, and its flag lets nobody new in",
            "Raise the rollout or end the experiment. Who was exposed before still counts.",
        )
    shipped = _shipped_variant(flag)
    if shipped is not None:
        return _finding(
            "variant_shipped_while_running",
            "running_but_single_variant_shipped",
            "The experiment is running, and everybody sees one variant",
            f"Variant {shipped!r} goes to everybody: nothing is compared. End the experiment or "
            "split the flag again.",
            evidence={"variant_key": shipped},
        )
    return None


def _no_metric() -> dict[str, Any]:
    return {
        "code": "no_metric",
        "subcode": None,
        "severity": "warning",
        "title": "The experiment has no metric",
        "detail": "Add a metric: without one there is nothing to compare.",
        "evidence": {},
        "actions": [],
        "diagnostic_ref": None,
    }


def _finding(
    code: str, subcode: str, title: str, detail: str, *, evidence: Document | None = None
) -> dict[str, Any]:
    return {
        "code": code,
        "subcode": subcode,
        "severity": "warning",
        "title": title,
        "detail": detail,
        "evidence": evidence or {},
        "actions": [_OPEN_FLAG],
        "diagnostic_ref": _FLAG_DIAGNOSTIC,
    }


def _lets_nobody_in(flag: Document) -> bool:
    groups = flag["filters"].get("groups") or []
    return bool(groups) and all(group.get("rollout_percentage") == 0 for group in groups)


def _serves_several(flag: Document) -> bool:
    served = [v for v in flags.variants(flag) if v.get("rollout_percentage") != 0]
    return len(served) > 1


def _shipped_variant(flag: Document) -> str | None:
    """Return the variant that everybody gets, if one does."""
    groups = flag["filters"].get("groups") or []
    if not groups or groups[0].get("properties") or groups[0].get("rollout_percentage") != 100:
        return None
    full = (v["key"] for v in flags.variants(flag) if v.get("rollout_percentage") == 100)
    return next(full, None)
