"""Lists of experiments and flags: their filters and orders, answered by the database."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from exp_jupyter.server.refusals import invalid, odd
from exp_jupyter.server.services.experiments import view as experiment_view
from exp_jupyter.server.services.flags import flag as flags
from exp_jupyter.server.services.results import metrics
from exp_jupyter.server.store import Document, Work, packed

ELIGIBLE_LIMIT, MOST_ELIGIBLE = 20, 100
_YES = ("true", "1", "yes")
_INTEGERS = 2**63

_UNDER_WAY = "start_date IS NOT NULL AND end_date IS NULL AND "
_FLAG = "EXISTS (SELECT 1 FROM flags WHERE flags.id = flag_id AND {})"
_FROZEN = (
    "(json_array_length(flags.doc, '$.filters.groups') > 0 AND NOT EXISTS (SELECT 1 FROM "
    "json_each(flags.doc, '$.filters.groups') AS release WHERE NOT "
    "coalesce(json_extract(release.value, '$.exposure_frozen'), 0)))"
)
_STATUS = {
    "draft": "start_date IS NULL",
    "stopped": "start_date IS NOT NULL AND end_date IS NOT NULL",
    "running": _UNDER_WAY + _FLAG.format(f"active AND NOT {_FROZEN}"),
    "exposure_frozen": _UNDER_WAY + _FLAG.format(f"active AND {_FROZEN}"),
    "paused": _UNDER_WAY + _FLAG.format("NOT active"),
}
_STATUS["complete"] = _STATUS["stopped"]

_EXPERIMENT_ORDERS = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "name": "name COLLATE NOCASE",
    "start_date": "start_date",
    "end_date": "end_date",
    "duration": "(julianday(coalesce(end_date, :now)) - julianday(start_date))",
    "status": "(CASE WHEN start_date IS NULL THEN 0 WHEN end_date IS NULL THEN 1 ELSE 2 END)",
    "created_by": "(SELECT coalesce(nullif(json_extract(people.doc, '$.first_name'), ''), email) "
    "FROM people WHERE people.id = experiments.created_by) COLLATE NOCASE",
}
_FLAG_ORDERS = {"created_at": "created_at", "key": "key", "name": "name COLLATE NOCASE"}


class Conditions:
    """An SQL condition in the making: every part must hold."""

    def __init__(self, *parts: str) -> None:
        self._parts = list(parts)
        self.parameters: list[Any] = []

    def add(self, part: str, *parameters: Any) -> None:
        """Add a part; values go through its question marks."""
        self._parts.append(part)
        self.parameters += parameters

    def search(self, columns: tuple[str, ...], text: str) -> None:
        """Add "one of these columns holds this text", whatever the case of its letters."""
        if text.isascii():
            # LIKE ignores the case of ASCII letters only, and is far quicker than a callback.
            pattern = "%" + re.sub("([%_!])", r"!\1", text) + "%"
            part, value = "{} LIKE ? ESCAPE '!'", pattern
        else:
            part, value = "holds_text({}, ?)", text.casefold()
        self.add(" OR ".join(part.format(name) for name in columns), *[value] * len(columns))

    @property
    def sql(self) -> str:
        """The whole condition."""
        return " AND ".join(f"({part})" for part in self._parts)


def experiments(
    work: Work, query: Mapping[str, str], limit: int, offset: int
) -> tuple[list[Document], int]:
    """Return a page of experiments as lists show them, and how many there are in all."""
    where = _matching(work, query)
    order = _experiment_order(work, query)
    page = list(
        work.experiments.find(where.sql, where.parameters, order=order, limit=limit, offset=offset)
    )
    # One query for the page's flags in place of one for each.
    wanted = json.dumps([experiment["flag_id"] for experiment in page])
    found = work.flags.find("id IN (SELECT value FROM json_each(?))", [wanted])
    by_id = {flag["id"]: flag for flag in found}
    views = [
        experiment_view.basic(work, experiment, by_id.get(experiment["flag_id"]))
        for experiment in page
    ]
    return views, work.experiments.count(where.sql, where.parameters)


def matching_ids(work: Work, query: Mapping[str, str]) -> Document:
    """Return the numbers of all experiments that the filters of a list leave, in its order."""
    where = _matching(work, query)
    order = _experiment_order(work, query)
    rows = work.connection.execute(
        f"SELECT id FROM experiments WHERE {where.sql} ORDER BY {order}",  # noqa: S608 - constants
        where.parameters,
    )
    found = [number for (number,) in rows]
    return {"ids": found, "total": len(found)}


def _matching(work: Work, query: Mapping[str, str]) -> Conditions:
    """Return what the filters of a list of experiments ask for."""
    where = Conditions("deleted = 0")
    archived = query.get("archived", "").lower() == "true"
    where.add("archived = 1" if archived else "archived = 0")
    if status := _STATUS.get(query.get("status", "").lower()):
        where.add(status)
    if flag_id := query.get("feature_flag_id"):
        where.add("flag_id = ?", _integer(flag_id, "feature_flag_id must be an integer"))
    _by_creator(where, query.get("created_by_id"))
    if search := query.get("search", "").strip():
        where.search(("name",), search)
    if prompt := query.get("prompt_name"):
        where.add("prompt_name = ?", prompt)
    if event := query.get("event"):
        # A document without the event's name and without actions cannot read the event.
        where.add(
            "instr(doc, ?) OR instr(doc, 'ActionsNode') OR id IN "
            "(SELECT experiment_id FROM saved_metric_links)",
            packed(event),
        )
        candidates = work.experiments.find(where.sql, where.parameters)
        hits = [
            found["id"]
            for found in candidates
            if event in metrics.events_of(work, experiment_view.metrics_of(work, found))
        ]
        where.add("id IN (SELECT value FROM json_each(?))", json.dumps(hits))
    _by_tags(where, query)
    return where


def _experiment_order(work: Work, query: Mapping[str, str]) -> str:
    order = _order(query.get("order") or "-created_at", _EXPERIMENT_ORDERS)
    return order.replace(":now", f"'{work.stamp()}'")


def eligible_flags(work: Work, query: Mapping[str, str]) -> Document:
    """Return the flags that an experiment may be linked to, as their endpoint shows them."""
    try:
        limit = min(int(query.get("limit", ELIGIBLE_LIMIT)), MOST_ELIGIBLE)
        offset = max(int(query.get("offset", 0)), 0)
        if limit < 0:
            raise ValueError  # noqa: TRY301 - refused like any other limit that is none
    except ValueError:
        raise odd(400, error="Invalid limit or offset") from None
    where = Conditions("deleted = 0", "eligible = 1")
    if search := query.get("search", "").strip():
        where.search(("key", "name"), search)
    if "active" in query:
        where.add("active" if query["active"].lower() == "true" else "NOT active")
    _by_creator(where, query.get("created_by_id"))
    _by_evaluation(where, query)
    order = _order(query.get("order") or "-created_at", _FLAG_ORDERS)
    page = work.flags.find(where.sql, where.parameters, order=order, limit=limit, offset=offset)
    return {
        "results": flags.views(work, list(page)),
        "count": work.flags.count(where.sql, where.parameters),
    }


def feature_flags(
    work: Work, query: Mapping[str, str], limit: int, offset: int
) -> tuple[list[Document], int]:
    """Return a page of flags as their endpoint shows them, and how many there are in all."""
    where = Conditions("deleted = 0")
    archived = query.get("archived", "").lower() == "true"
    where.add("archived = 1" if archived else "archived = 0")
    active = query.get("active", "").lower()
    if active in ("true", "false"):
        where.add("active" if active == "true" else "NOT active")
    elif active == "stale":
        where.add("FALSE")  # nothing here goes stale: calls of flags are not watched
    kinds = {
        "boolean": "variant_count = 0",
        "multivariant": "variant_count > 0",
        "experiment": "id IN (SELECT flag_id FROM experiments WHERE NOT deleted)",
        "remote_config": "json_extract(doc, '$.is_remote_configuration')",
    }
    if kind := kinds.get(query.get("type", "")):
        where.add(kind)
    if search := query.get("search", "").strip():
        where.search(("key", "name"), search)
    _by_creator(where, query.get("created_by_id"))
    _by_evaluation(where, query)
    _by_tags(where, query)
    page = work.flags.find(
        where.sql, where.parameters, order="created_at DESC, id DESC", limit=limit, offset=offset
    )
    return flags.views(work, list(page)), work.flags.count(where.sql, where.parameters)


def _by_evaluation(where: Conditions, query: Mapping[str, str]) -> None:
    if runtime := query.get("evaluation_runtime"):
        where.add("evaluation_runtime = ?", runtime)
    if "has_evaluation_contexts" in query:
        has = query["has_evaluation_contexts"].lower() in _YES
        where.add("context_count > 0" if has else "context_count = 0")


def _by_tags(where: Conditions, query: Mapping[str, str]) -> None:
    """Add "has one of these tags" and "has none of these"."""
    tagged = "EXISTS (SELECT 1 FROM json_each(doc, '$.tags') AS tag WHERE tag.value IN "
    for name, negation in (("tags", ""), ("excluded_tags", "NOT ")):
        if wanted := _text_list(query.get(name)):
            part = f"{negation}{tagged}(SELECT value FROM json_each(?)))"  # noqa: S608 - constants
            where.add(part, json.dumps(wanted))


def _by_creator(where: Conditions, given: str | None) -> None:
    """Add "made by one of these": one id, a comma list or a JSON list; anything else is ignored."""
    if not given:
        return
    try:
        listed = json.loads(given) if given.startswith("[") else given.split(",")
        wanted = [int(identifier) for identifier in listed]
    except (ValueError, TypeError, RecursionError):
        return
    if all(abs(identifier) < _INTEGERS for identifier in wanted):
        where.add("created_by IN (SELECT value FROM json_each(?))", json.dumps(wanted))


def _text_list(given: str | None) -> list[str]:
    try:
        listed = json.loads(given or "[]")
    except (ValueError, RecursionError):
        return []
    return [item for item in listed if isinstance(item, str)] if isinstance(listed, list) else []


def _integer(given: str, detail: str) -> int:
    try:
        number = int(given)
    except ValueError:
        raise invalid(detail) from None
    return number if abs(number) < _INTEGERS else -1


def _order(given: str, allowed: Mapping[str, str]) -> str:
    expression = allowed.get(given.removeprefix("-"))
    if expression is None or given.startswith("--"):
        raise invalid(f"Invalid order field: '{given}'")
    direction = "DESC" if given.startswith("-") else "ASC"
    return f"{expression} {direction}, id {direction}"
