"""A case's project: an embedded one, prepared over HTTP and asked over HTTP.

What no request can say (the time zone, settings, tables, the clock) comes from the project's own
testing support, ``exp_jupyter.server.testing``.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from exp_jupyter.connection.in_process import InProcessTransport
from exp_jupyter.server.clock import FrozenClock
from exp_jupyter.server.testing import TrialProject

Json = dict[str, Any]

LATE = datetime(2030, 1, 1, tzinfo=UTC)
REQUESTS_AT = datetime(2026, 11, 1, tzinfo=UTC)
BATCH = 2000
PAST = "1990-01-01T00:00:00Z"
"""When persons were told what is true of them now: before anything else."""


def moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class CaseProject:
    """The project of one case.

    Parameters
    ----------
    folder
        An empty folder.
    case
        The case as its file has it.
    """

    def __init__(self, folder: Path, case: Json) -> None:
        self.case = case
        self.clock = FrozenClock(LATE)
        self.project = TrialProject(folder, self.clock)
        self.http = httpx.Client(
            transport=InProcessTransport(self.project.app), base_url="http://project.test"
        )
        self.made: dict[tuple[str, str], int] = {}
        self.experiment: Json = {}

    def close(self) -> None:
        self.http.close()
        self.project.close()

    def ask(self, method: str, path: str, body: Any = None, key: str = "owner") -> httpx.Response:
        path = path if path.startswith("/") else f"/api/projects/@current/{path}"
        headers = {"Authorization": f"Bearer {self.project.keys[key]}"}
        content = {} if body is None else {"json": body}
        return self.http.request(method, path, headers=headers, **content)

    def done(self, method: str, path: str, body: Any) -> Json:
        answer = self.ask(method, path, body)
        assert answer.status_code in (200, 201), f"{method} {path}: {answer.text[:600]}"
        made: Json = answer.json()
        return made

    def capture(self, batch: list[Json]) -> None:
        for at in range(0, len(batch), BATCH):
            sent = {
                "api_key": self.project.token,
                "historical_migration": True,
                "batch": batch[at : at + BATCH],
            }
            answer = self.http.post("/batch/", json=sent)
            assert answer.status_code == 200, answer.text[:600]

    # ------------------------------------------------------------ a case of requests

    def prepare_requests(self) -> None:
        setup = self.case.get("setup") or {}
        if setup.get("settings"):
            self.project.apply("project_settings", setup["settings"])
        if setup.get("see"):
            self.project.apply("event_definitions", {"names": setup["see"]})
        self.clock.set(REQUESTS_AT)
        self.capture([_event(*event) for event in setup.get("events") or ()])

    # ------------------------------------------------------------ a case of queries

    def prepare_queries(self) -> None:
        case = self.case
        self.project.apply("timezone", {"name": case.get("timezone") or "UTC"})
        self.project.apply("project_settings", self._settings())
        for name, table in (case.get("tables") or {}).items():
            times = [c for c, kind in table.get("types", {}).items() if kind.startswith("Date")]
            self.project.apply("warehouse_table", {"name": name, "times": times, **table})
        for kind, path in (("action", "actions/"), ("cohort", "cohorts/")):
            for thing in case.get(f"{kind}s") or ():
                body = {name: value for name, value in thing.items() if name != "ref"}
                self.made[kind, str(thing["ref"])] = self.done("POST", path, body)["id"]
        self.capture([*self._about_persons(), *(_event(*event) for event in case["events"])])
        self.done("POST", "feature_flags/", self._flag())
        body = self.filled({**self._holdout(), **case["experiment"]})
        start = body.get("start_date")
        self.clock.set(moment(start) if start else LATE)
        body = {"feature_flag_key": case["flag"]["key"], "allow_unknown_events": True, **body}
        body = {name: value for name, value in body.items() if value is not None}
        self.experiment = self.done("POST", "experiments/", body)
        if case["flag"].get("deleted_after"):
            number = self.experiment["feature_flag"]["id"]
            self.clock.set(LATE)
            self.done("PATCH", f"feature_flags/{number}/", {"deleted": True})

    def query(self, query: Json) -> httpx.Response:
        self.clock.set(moment(query["at"]))
        of, kind = self.experiment, query["kind"]
        body = {"kind": kind, "experiment_id": of["id"]}
        if kind == "ExperimentQuery":
            body["metric"] = self.filled(query["metric"])
        else:
            body["experiment_name"] = of["name"]
            for name in ("feature_flag", "start_date", "end_date", "exposure_criteria"):
                body[name] = of[name]
            body |= query["expect"].get("ask", {})
        return self.ask("POST", "query/", {"query": body})

    def with_statistics(self, settings: Json, query: Json) -> httpx.Response:
        """Return the answer under other statistics settings, which the experiment then has."""
        number = self.experiment["id"]
        self.done("PATCH", f"experiments/{number}/", {"stats_config": settings})
        return self.query(query)

    def filled(self, thing: Any) -> Any:
        """Return a definition with the ids of what was made here in the place of references."""
        if isinstance(thing, dict):
            if len(thing) == 1 and (found := self.made.get(_reference(thing))) is not None:
                return found
            return {name: self.filled(value) for name, value in thing.items()}
        return [self.filled(part) for part in thing] if isinstance(thing, list) else thing

    def _settings(self) -> Json:
        settings = {"test_account_filters": self.case.get("test_account_filters") or []}
        for name in ("group_types", "breakdowns_from"):
            if self.case.get(name):
                settings[name] = self.case[name]
        return settings

    def _about_persons(self) -> list[Json]:
        batch = []
        for person in self.case.get("persons") or ():
            own, *others = person["distinct_ids"]
            batch += [_event("$create_alias", own, PAST, {"alias": other}) for other in others]
            if person.get("properties"):
                batch.append(_event("$set", own, PAST, {"$set": person["properties"]}))
        return batch

    def _flag(self) -> Json:
        flag = self.case["flag"]
        variants = [
            {"key": key, "name": key, "rollout_percentage": share}
            for key, share in flag["variants"]
        ]
        filters: Json = {
            "groups": [{"properties": [], "rollout_percentage": 100}],
            "multivariate": {"variants": variants},
        }
        if flag.get("aggregation_group_type_index") is not None:
            filters["aggregation_group_type_index"] = flag["aggregation_group_type_index"]
        return {"key": flag["key"], "name": flag["key"], "filters": filters}

    def _holdout(self) -> Json:
        holdout = self.case.get("holdout")
        if not holdout:
            return {}
        group = {"properties": [], "rollout_percentage": holdout["percent"]}
        body = {"name": holdout["name"], "filters": [group]}
        return {"holdout_id": self.done("POST", "experiment_holdouts/", body)["id"]}


def _event(name: str, who: str, time: str, properties: Json) -> Json:
    return {
        "event": name,
        "distinct_id": who,
        "timestamp": time,
        "properties": copy.deepcopy(properties),
    }


def _reference(thing: Json) -> tuple[str, str]:
    ((kind, ref),) = thing.items()
    return kind, str(ref)
