"""What an application is told about its flags: their values for somebody, or their definitions."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from exp_jupyter.server.events.columns import person_number
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.refusals import invalid
from exp_jupyter.server.services.flags import flag as flags
from exp_jupyter.server.services.flags.evaluation import Evaluation, Outcome, Subject, payload_of
from exp_jupyter.server.services.people import capture, cohorts
from exp_jupyter.server.store import Document, ProjectStore, Work

_SERVERS = ("posthog-python", "posthog-node", "posthog-ruby", "posthog-go", "posthog-php")
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class FlagRequest:
    """Who asks for which flags.

    Attributes
    ----------
    distinct_id, device_id
        Their identifiers.
    properties
        Properties of the person that the application knows; they go before those stored.
    groups, group_properties
        The key and the properties of their groups by group type.
    keys
        The flags to decide; None for all.
    runtime
        ``client`` or ``server`` when the SDK says which it is.
    contexts
        Evaluation contexts the application asks for; None takes every flag.
    """

    distinct_id: str
    device_id: str | None
    properties: Mapping[str, Any]
    groups: Mapping[str, str]
    group_properties: Mapping[str, Mapping[str, Any]]
    keys: frozenset[str] | None
    runtime: str | None
    contexts: frozenset[str] | None


def read_request(body: Mapping[str, Any], agent: str | None) -> FlagRequest:
    """Read the body of a request for flags, or refuse with 400.

    Parameters
    ----------
    agent
        The ``User-Agent`` header, which tells SDKs of servers from browsers.
    """
    who = capture.identifier(body.get("distinct_id")) or capture.identifier(
        body.get("$distinct_id")
    )
    if who is None:
        raise invalid("A distinct_id is required.", code="required", attr="distinct_id")
    given_keys = body.get("flag_keys_to_evaluate")
    contexts = body.get("evaluation_contexts") or body.get("evaluation_environments")
    by_group = body.get("group_properties")
    return FlagRequest(
        distinct_id=who,
        device_id=capture.identifier(body.get("device_id") or body.get("$device_id")),
        properties=_object(body.get("person_properties")),
        groups=capture.group_keys(body.get("groups") or body.get("$groups")),
        group_properties={kind: _object(known) for kind, known in _object(by_group).items()},
        keys=_names(given_keys),
        runtime=_runtime(agent or ""),
        contexts=_names(contexts) or None,
    )


def _object(given: Any) -> dict[str, Any]:
    return given if isinstance(given, dict) else {}


def _names(given: Any) -> frozenset[str] | None:
    if not isinstance(given, list):
        return None
    return frozenset(name for name in given if isinstance(name, str))


def _runtime(agent: str) -> str | None:
    if agent.startswith(_SERVERS):
        return "server"
    return "client" if agent.startswith("Mozilla/") else None


def answer(store: ProjectStore, events: EventStore, request: FlagRequest, form: int) -> Document:
    """Decide the flags and return the body of the answer.

    Parameters
    ----------
    form
        The ``v`` of the request: 2 and more ask for details, 1 for values and payloads alone.
    """
    with store.read() as work:
        chosen = _chosen(work, request)
        subject = Subject(
            distinct_id=request.distinct_id,
            now=work.now(),
            device_id=request.device_id,
            properties={"distinct_id": request.distinct_id, **request.properties},
            groups=request.groups,
            group_properties=_named_groups(request),
            group_types=capture.group_types(work),
            cohorts=cohorts.memberships(
                work, events.listed.person(person_number(request.distinct_id))
            ),
        )
        if _asks_for_stored(chosen, subject.properties):
            stored = events.person_properties(request.distinct_id)
            subject = replace(subject, properties={**stored, **subject.properties})
        by_name = {flag["key"]: flag for flag in chosen} | {str(f["id"]): f for f in chosen}
        evaluation = Evaluation(subject, lambda name: by_name.get(name) or _find(work, name))
        outcomes = [(flag, evaluation.outcome(flag)) for flag in chosen]
        linked = _with_experiments(work)
    failed = any(outcome.failed for _, outcome in outcomes)
    whole: Document = {
        "errorsWhileComputingFlags": failed,
        "requestId": str(uuid.uuid4()),
        "evaluatedAt": int(subject.now.timestamp() * 1000),
    }
    if form < 2:
        return {**whole, **_values(outcomes)}
    records = {
        flag["key"]: _record(flag, outcome, flag["id"] in linked, form)
        for flag, outcome in outcomes
    }
    return {**whole, "flags": records}


def _chosen(work: Work, request: FlagRequest) -> list[Document]:
    where, values = "deleted = 0 AND archived = 0 AND active", []
    if request.keys is not None:
        keys = sorted(request.keys)[:1000]
        where += f" AND key IN ({', '.join('?' * len(keys))})"
        values = keys
    return [
        flag
        for flag in work.flags.find(where, values)
        if (request.runtime is None or flag["evaluation_runtime"] in ("all", request.runtime))
        and (
            request.contexts is None
            or not flag["evaluation_contexts"]
            or request.contexts & set(flag["evaluation_contexts"])
        )
    ]


def _named_groups(request: FlagRequest) -> dict[str, dict[str, Any]]:
    return {
        kind: {"$group_key": key, **request.group_properties.get(kind, {})}
        for kind, key in request.groups.items()
    }


def _asks_for_stored(chosen: list[Document], known: Mapping[str, Any]) -> bool:
    """Tell whether a flag goes by a property that only the stored events may know."""
    return any(
        isinstance(condition, dict)
        and (condition.get("type") or "person") == "person"
        and str(condition.get("key")) not in known
        for flag in chosen
        for group in flag["filters"].get("groups") or []
        for condition in group.get("properties") or []
    ) or any(flag["filters"].get("feature_enrollment") is True for flag in chosen)


def _find(work: Work, name: str) -> Document | None:
    found = flags.by_key(work, name)
    if found is None and name.isascii() and name.isdigit() and int(name[:19]) <= _LARGEST_ID:
        found = work.flags.get(int(name[:19]))
    return None if found is None or found["deleted"] else found


def _with_experiments(work: Work) -> set[int]:
    rows = work.connection.execute("SELECT DISTINCT flag_id FROM experiments WHERE NOT deleted")
    return {int(number) for (number,) in rows}


def _values(outcomes: list[tuple[Document, Outcome]]) -> Document:
    payloads = {flag["key"]: payload_of(flag, outcome.value) for flag, outcome in outcomes}
    return {
        "featureFlags": {flag["key"]: outcome.value for flag, outcome in outcomes},
        "featureFlagPayloads": {
            key: payload for key, payload in payloads.items() if payload is not None
        },
    }


def _record(flag: Document, outcome: Outcome, has_experiment: bool, form: int) -> Document:
    record: Document = {
        "key": flag["key"],
        "enabled": outcome.value is not False,
        "variant": outcome.variant,
        "reason": {
            "code": outcome.code,
            "condition_index": outcome.condition,
            "description": outcome.description,
        },
        "metadata": {
            "id": flag["id"],
            "version": flag["version"],
            "description": flag["name"],
            "payload": None if outcome.failed else payload_of(flag, outcome.value),
            "has_experiment": has_experiment,
        },
    }
    if outcome.failed:
        record["failed"] = True
    if form >= 4:
        record["value"] = None if outcome.failed else outcome.value
        record["metadata"]["config_version"] = 1
    return record


# ---------------------------------------------------------------- definitions


def definitions(work: Work) -> Document:
    """Return every flag as an SDK needs it to decide for itself."""
    listed = list(work.flags.find("deleted = 0 AND archived = 0"))
    by_name = {str(flag["id"]): flag for flag in listed} | {flag["key"]: flag for flag in listed}
    linked = _with_experiments(work)
    return {
        "flags": [
            {
                "id": flag["id"],
                "team_id": work.project["id"],
                "name": flag["name"],
                "key": flag["key"],
                "filters": _with_chains(flag["filters"], by_name),
                "deleted": False,
                "active": flag["active"],
                "ensure_experience_continuity": flag["ensure_experience_continuity"],
                "version": flag["version"],
                "evaluation_runtime": flag["evaluation_runtime"],
                "bucketing_identifier": flag["bucketing_identifier"],
                "evaluation_contexts": flag["evaluation_contexts"],
                "has_experiment": flag["id"] in linked,
            }
            for flag in listed
        ],
        "group_type_mapping": {
            str(index): kind for index, kind in enumerate(capture.group_types(work))
        },
        "cohorts": {},
    }


def _with_chains(filters: Document, by_name: Mapping[str, Document]) -> Document:
    """Return filters whose conditions on other flags name them, and those these depend on."""
    if not any(_flags_asked(group) for group in filters.get("groups") or []):
        return filters
    groups = [
        {
            **group,
            "properties": [
                _with_chain(condition, by_name) for condition in group.get("properties") or []
            ],
        }
        for group in filters["groups"]
    ]
    return {**filters, "groups": groups}


def _flags_asked(group: Document) -> list[Document]:
    return [
        condition
        for condition in group.get("properties") or []
        if isinstance(condition, dict) and condition.get("type") == "flag"
    ]


def _with_chain(condition: Any, by_name: Mapping[str, Document]) -> Any:
    if not isinstance(condition, dict) or condition.get("type") != "flag":
        return condition
    other = by_name.get(str(condition.get("key")))
    if other is None:
        return condition
    # An empty chain is how an SDK is told of flags that depend on each other in a circle.
    return {**condition, "key": other["key"], "dependency_chain": _chain(other, by_name, ()) or []}


def _chain(
    flag: Document, by_name: Mapping[str, Document], above: tuple[str, ...]
) -> list[str] | None:
    if flag["key"] in above:
        return None
    chain: list[str] = []
    for group in flag["filters"].get("groups") or []:
        for condition in _flags_asked(group):
            other = by_name.get(str(condition.get("key")))
            if other is None:
                continue
            part = _chain(other, by_name, (*above, flag["key"]))
            if part is None:
                return None
            chain += [key for key in part if key not in chain]
    return [*chain, flag["key"]]
