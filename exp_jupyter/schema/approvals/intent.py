"""What a change request is about, in human words: its summary, and before and after."""

from __future__ import annotations

import re
from typing import Any

from exp_jupyter.schema.approvals.approval import ChangeRequest
from exp_jupyter.schema.approvals.writes import DiffRow

_VERBS = {
    "feature_flag.enable": "Switch on",
    "feature_flag.disable": "Switch off",
    "feature_flag.update": "Change the rollout of",
}
_VARIANT = re.compile(r"multivariate\.variants\[(\d+)\]\.rollout_percentage")
_GROUP = re.compile(r"groups\[(\d+)\]\.rollout_percentage")


def summary(request: ChangeRequest) -> str:
    """Return what a request asks for, in a few words.

    Examples
    --------
    >>> summary(ChangeRequest(id="r", action_key="feature_flag.enable", intent={"flag_key": "new"}))
    'Switch on new'
    """
    shipped = shipped_variant(request)
    if shipped and request.flag_key:
        return f"Give everybody {shipped} of {request.flag_key}"
    verb = _VERBS.get(request.action_key)
    return f"{verb} {request.flag_key}" if verb and request.flag_key else request.description


def changed_rows(request: ChangeRequest) -> tuple[DiffRow, ...]:
    """Return what a request changes, from the project's own before and after."""
    shown = request.intent_display
    before, after = _flat(shown.get("before")), _flat(shown.get("after"))
    keys = _variant_keys(request)
    return tuple(
        DiffRow(_spoken(path, keys), before.get(path), after.get(path))
        for path in dict.fromkeys((*before, *after))
        if before.get(path) != after.get(path)
    )


def shipped_variant(request: ChangeRequest) -> str:
    """Return the variant that everybody is to get; empty where the request is none of that."""
    shown = request.intent_display
    before, after = _flat(shown.get("before")), _flat(shown.get("after"))
    places = {path: match for path in after if (match := _VARIANT.fullmatch(path))}
    whole = [match for path, match in places.items() if after[path] == "100 %"]
    nobody = [path for path in places if after[path] == "0 %"]
    keys = _variant_keys(request)
    # A flag that is still to be made has nobody to take a variant away from.
    if len(whole) != 1 or not nobody or not any(path in before for path in places):
        return ""
    if len(whole) + len(nobody) != len(places):
        return ""
    place = int(whole[0][1])
    return keys[place] if place < len(keys) else ""


def _flat(side: Any) -> dict[str, str]:
    """Return one side of the change as path and value; rollouts come as a list of both."""
    if not isinstance(side, dict):
        return {}
    values: dict[str, str] = {}
    for key, value in side.items():
        if isinstance(value, list) and all(isinstance(v, dict) and "path" in v for v in value):
            for item in value:
                number = item.get("value")
                percent = isinstance(number, (int, float)) and "percentage" in str(item["path"])
                values[str(item["path"])] = f"{number:g} %" if percent else _value(number)
        else:
            values[str(key)] = _value(value)
    return values


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def _variant_keys(request: ChangeRequest) -> list[str]:
    """Return the variants' keys in the flag's order, as far as the request tells them."""
    told: Any = request.intent.get("full_request_data")
    for step in ("filters", "multivariate", "variants"):
        told = told.get(step) if isinstance(told, dict) else None
    return [str(one.get("key", "")) for one in told or () if isinstance(one, dict)]


def _spoken(path: str, keys: list[str]) -> str:
    """Return a path of the flag in words where it has some."""
    if path == "active":
        return "flag"
    if path == "holdout.exclusion_percentage":
        return "holdout"
    variant = _VARIANT.fullmatch(path)
    if variant and int(variant[1]) < len(keys):
        return keys[int(variant[1])]
    group = _GROUP.fullmatch(path)
    return f"release group {int(group[1]) + 1}" if group else path
