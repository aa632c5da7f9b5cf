"""Events as SDKs send them: read, put right, and the persons that turn out to be one."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from exp_jupyter.server.clock import read_time
from exp_jupyter.server.events.columns import OBJECTS
from exp_jupyter.server.refusals import invalid
from exp_jupyter.server.store import Document, Work

TOKEN_PREFIX = "phc_"  # noqa: S105 - what a public token begins with
LONGEST_NAME = 200
MOST_GROUP_TYPES = 5

_SAME_CLOCK = timedelta(minutes=1)
_AHEAD = timedelta(hours=23)
_OPTIONS = {
    "cookieless_mode": "$cookieless_mode",
    "disable_skew_correction": "$ignore_sent_at",
    "product_tour_id": "$product_tour_id",
    "process_person_profile": "$process_person_profile",
}
_FORMS: Mapping[str, type] = {"$unset": list}
_NOBODY = frozenset({
    "anonymous", "guest", "distinctid", "distinct_id", "id", "not_authenticated", "email",
    "undefined", "true", "false", "null", "none", "nil", "nan", "0", "[object object]", "nobody",
    "unknown",
})  # fmt: skip


def project_token(work: Work) -> str:
    """Return the token that applications put into what they send; it is public by nature.

    It follows from the project's UUID, so it is the same in every process and never lost.
    """
    digest = hashlib.sha256(f"capture token of {work.project['uuid']}".encode()).digest()
    return TOKEN_PREFIX + base64.b32encode(digest).decode().rstrip("=").lower()[:43]


@dataclass(frozen=True)
class Merge:
    """Two identifiers that belong to one person.

    Attributes
    ----------
    gone, remaining
        The identifier that turned out to be somebody, and that somebody.
    forced
        Whether also a person who is known by name may turn out to be another.
    """

    gone: str
    remaining: str
    forced: bool = False


@dataclass(frozen=True)
class Captured:
    """One event, ready for the event store.

    Attributes
    ----------
    row
        As `exp_jupyter.server.events.event_store.EventStore.append` takes it.
    merge
        What it says about persons.
    """

    row: Document
    merge: Merge | None = None


def listed(body: Any) -> tuple[list[Any], Document]:
    """Return the events in a request's body, and what it says about all of them.

    A body is one event, a list of events, or an object with a ``batch``.
    """
    if isinstance(body, list):
        return body, {}
    if not isinstance(body, dict):
        raise invalid("Events come as an object or a list.", attr="body")
    if "batch" not in body:
        return [body], body
    if not isinstance(body["batch"], list):
        raise invalid("A batch is a list of events.", attr="batch")
    return body["batch"], body


def token_in(body: Any, events: Iterable[Any] = ()) -> str | None:
    """Return the project token that a body, or else one of its events, carries."""
    for part in (body, *events):
        if not isinstance(part, dict):
            continue
        properties = part.get("properties")
        inner = properties.get("token") if isinstance(properties, dict) else None
        for found in (part.get("api_key"), part.get("token"), part.get("$token"), inner):
            if isinstance(found, str) and found:
                return found
    return None


def captured(event: Any, whole: Mapping[str, Any], now: datetime) -> Captured:
    """Return one event as the store takes it.

    Parameters
    ----------
    event
        As an SDK sends it.
    whole
        What the request says about all its events: ``sent_at``, ``historical_migration``.
    now
        The project's present moment, aware.

    Raises
    ------
    ValueError
        It is no event; the message says why.
    """
    if not isinstance(event, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - a value at fault
    given = event.get("properties") or {}  # PHP writes an empty object as []
    if not isinstance(given, dict):
        raise ValueError("its properties are not an object")  # noqa: TRY004 - a value at fault
    properties = dict(given)
    name = event.get("event")
    if not isinstance(name, str) or not name.strip():
        raise ValueError("it has no event name")
    _complete(properties, event)
    who = identifier(event.get("distinct_id"))
    if who is None:
        who = identifier(event.get("$distinct_id")) or identifier(properties.get("distinct_id"))
    if who is None:
        raise ValueError("it has no distinct_id")
    name = name[:LONGEST_NAME]
    properties.pop("token", None)
    row: Document = {
        "uuid": _uuid(event.get("uuid")),
        "event": name,
        "distinct_id": who,
        "timestamp": _moment(event, properties, whole, now),
        "properties": properties,
    }
    return Captured(row, _merge(name, who, properties))


def _complete(properties: Document, event: Mapping[str, Any]) -> None:
    """Take what stands beside an event's properties into them, and leave out what is nonsense."""
    for key in ("$set", "$set_once", "$unset"):
        if isinstance(event.get(key), (dict, list)):
            properties.setdefault(key, event[key])
    for key in (*OBJECTS, "$unset"):
        if key in properties and not isinstance(properties[key], _FORMS.get(key, dict)):
            # PHP writes an empty object as []; anything else says nothing about anybody.
            del properties[key]
    options = event.get("options")
    for key, value in (options if isinstance(options, dict) else {}).items():
        if key in _OPTIONS:
            properties[_OPTIONS[key]] = value
    for key in ("session_id", "window_id"):
        if isinstance(event.get(key), str):
            properties.setdefault(f"${key}", event[key])


def identifier(given: Any) -> str | None:
    """Return a distinct id as text, or None for what cannot be one."""
    if isinstance(given, bool) or given is None:
        return None
    text = given if isinstance(given, str) else json.dumps(given)
    return text.strip()[:LONGEST_NAME] or None


def _uuid(given: Any) -> str:
    try:
        return str(uuid.UUID(given)) if isinstance(given, str) else str(uuid.uuid4())
    except ValueError:
        return str(uuid.uuid4())


def _moment(
    event: Mapping[str, Any], properties: Mapping[str, Any], whole: Mapping[str, Any], now: datetime
) -> datetime:
    """Return when an event happened, on the project's clock.

    Clocks that disagree by more than a minute are brought together by ``sent_at``; nearer ones
    are taken for the same, so that a time given on purpose stays what it is.
    """
    happened = _time(event.get("timestamp") or properties.get("timestamp"))
    if happened is None:
        offset = event.get("offset")
        if isinstance(offset, bool) or not isinstance(offset, (int, float)):
            return now
        return now - timedelta(milliseconds=min(max(offset, 0), 10**12))
    sent = _time(event.get("sent_at") or whole.get("sent_at"))
    kept = properties.get("$ignore_sent_at") or whole.get("historical_migration")
    if sent is not None and not kept and abs(now - sent) > _SAME_CLOCK:
        try:
            happened += now - sent
        except OverflowError:
            return now
    return now if happened - now > _AHEAD else happened


def _time(given: Any) -> datetime | None:
    if not isinstance(given, str):
        return None
    try:
        return read_time(given.strip())
    except (ValueError, OverflowError):
        return None


def _merge(name: str, who: str, properties: Mapping[str, Any]) -> Merge | None:
    if name == "$identify":
        gone, forced = identifier(properties.get("$anon_distinct_id")), False
    elif name in ("$create_alias", "$merge_dangerously"):
        gone, forced = identifier(properties.get("alias")), name == "$merge_dangerously"
    else:
        return None
    if gone is None or gone == who or {gone.casefold(), who.casefold()} & _NOBODY:
        return None
    return Merge(gone, who, forced)


# ---------------------------------------------------------------- groups


def group_types(work: Work) -> tuple[str, ...]:
    """Return the project's group types in the order of their indexes."""
    return tuple(work.project["settings"].get("group_types") or ())


def group_types_in(events: Iterable[Captured]) -> list[str]:
    """Return the group types that events name, in the order in which they come."""
    named: dict[str, None] = {}
    for event in events:
        named.update(dict.fromkeys(groups_of(event.row["properties"])))
        if event.row["event"] == "$groupidentify":
            kind = event.row["properties"].get("$group_type")
            if isinstance(kind, str) and kind:
                named[kind] = None
    return list(named)


def groups_of(properties: Mapping[str, Any]) -> dict[str, str]:
    """Return the key of a group by group type, as an event's ``$groups`` says."""
    return group_keys(properties.get("$groups"))


def group_keys(given: Any) -> dict[str, str]:
    """Return groups by type with their keys as text; what is no group is left out."""
    if not isinstance(given, dict):
        return {}
    keys = {kind: identifier(key) for kind, key in given.items() if kind}
    return {kind: key for kind, key in keys.items() if key is not None}


def learn_group_types(work: Work, named: Iterable[str]) -> tuple[str, ...]:
    """Give new group types the next indexes, as long as there are any, and return them all."""
    known = group_types(work)
    fresh = [kind for kind in named if kind not in known][: MOST_GROUP_TYPES - len(known)]
    if not fresh:
        return known
    kinds = (*known, *fresh)
    settings = {**work.project["settings"], "group_types": list(kinds)}
    work.save_project({**work.project, "settings": settings})
    return kinds


def with_groups(event: Captured, kinds: tuple[str, ...]) -> Document:
    """Return an event's row with its groups under their indexes, where analyses read them."""
    groups = groups_of(event.row["properties"])
    indexed = {f"$group_{kinds.index(kind)}": key for kind, key in groups.items() if kind in kinds}
    if not indexed:
        return event.row
    return {**event.row, "properties": {**event.row["properties"], **indexed}}


# ---------------------------------------------------------------- bodies of browsers


def from_form(text: str) -> Any:
    """Return the JSON in a form's ``data`` field, plain or in base 64."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        padded = text.replace(" ", "+") + "=" * (-len(text) % 4)
        return json.loads(base64.b64decode(padded))
    except (binascii.Error, ValueError, RecursionError):
        raise invalid("The data is neither JSON nor JSON in base 64.", attr="data") from None
