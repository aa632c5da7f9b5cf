"""Testing support: an embedded project whose clock one sets, told what no API can.

Tests use it through `exp-jupyter serve --trial` or directly. A reset throws the project away and
makes an empty one with two people; a fixture puts in place what a real project gets by living.
"""

from __future__ import annotations

import asyncio
import copy
import json
import secrets
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from exp_jupyter.errors import ExpError, InputError
from exp_jupyter.server.app import create_app
from exp_jupyter.server.clock import Clock, read_time
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.events.warehouse_tables import import_table
from exp_jupyter.server.http.asgi import ASGIApp, Receive, Scope, Send, headers_of, respond
from exp_jupyter.server.http.keys import asking
from exp_jupyter.server.http.reading import LARGEST_BODY, parsed, read_body
from exp_jupyter.server.refusals import Refusal, invalid
from exp_jupyter.server.services.experiments import experiment as experiments
from exp_jupyter.server.services.flags import flag as flags
from exp_jupyter.server.services.people import people
from exp_jupyter.server.services.people.capture import project_token
from exp_jupyter.server.services.results import metrics, series
from exp_jupyter.server.store import ProjectStore

RESET, FIXTURE = "/trial/reset", "/trial/fixture"
READER = ("experiment:read", "feature_flag:read")
EXPERIMENTER = ("experiment:read", "experiment:write")


class TrialProject:
    """An empty project in a temporary folder, with an owner and a member.

    Parameters
    ----------
    folder
        Where the project is made.
    clock
        What time it is in the project; the machine's by default. With a
        `exp_jupyter.server.clock.FrozenClock` a test decides.
    keys
        Keys by role to use instead of new ones.

    Attributes
    ----------
    app
        The ASGI application that answers for the project.
    token
        The public token that events are sent with.
    keys
        Keys by role: ``owner``, ``member2``, ``reader``, ``experimenter``; those given to the
        constructor, or new ones.
    owner_id, member_id
        The two people.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from exp_jupyter.server.clock import FrozenClock
    >>> clock = FrozenClock(datetime(2026, 3, 2, tzinfo=UTC))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     project = TrialProject(folder, clock)
    ...     project.apply("project_settings", {"breakdowns_from": "metric_event"})
    ...     clock.set(datetime(2026, 4, 1, tzinfo=UTC))
    ...     project.close()
    """

    def __init__(
        self,
        folder: str | Path,
        clock: Clock | None = None,
        keys: Mapping[str, str] | None = None,
    ) -> None:
        self.store = ProjectStore(folder, name="Trial", clock=clock, durable=False)
        self.events = EventStore(self.store)
        with self.store.write() as work:
            owner = people.add_person(
                work, email="owner@example.com", first_name="Olive", level=people.OWNER
            )
            member = people.add_person(work, email="member@example.com", first_name="Marlow")
            self.owner_id, self.member_id = owner["id"], member["id"]
            self.keys = {
                role: people.add_key(work, person["id"], scopes=scopes, key=(keys or {}).get(role))
                for role, person, scopes in (
                    ("owner", owner, ()),
                    ("member2", member, ()),
                    ("reader", owner, READER),
                    ("experimenter", owner, EXPERIMENTER),
                )
            }
            self.token = project_token(work)
        self.app: ASGIApp = create_app(self.store, self.events)
        self._fixtures: dict[str, Callable[[Any], Any]] = {
            "metric_results": self._metric_results,
            "events": lambda data: self.events.append(data["rows"]),
            "event_definitions": self._event_definitions,
            "evaluation_contexts": self._evaluation_contexts,
            "project_settings": self._project_settings,
            "stored_experiment": self._stored_experiment,
            "timezone": self._timezone,
            "warehouse_table": self._warehouse_table,
        }

    @property
    def kinds(self) -> Collection[str]:
        """The kinds of fixtures there are."""
        return self._fixtures.keys()

    def close(self) -> None:
        """Let go of the folder."""
        self.events.close()
        self.store.close()

    def apply(self, kind: str, data: Any) -> Any:
        """Put a fixture in place and return what it made.

        Raises
        ------
        exp_jupyter.errors.InputError
            There is no such kind.
        """
        if kind not in self._fixtures:
            raise InputError(
                f"There is no fixture {kind!r}.", hint=f"Use one of {', '.join(self.kinds)}."
            )
        return self._fixtures[kind](data)

    def _metric_results(self, data: Any) -> None:
        with self.store.write() as work:
            for row in data["rows"]:
                done = row.get("completed_at")
                series.store_results(
                    work,
                    row["experiment_id"],
                    row["metric_uuid"],
                    row["fingerprint"],
                    [
                        series.DailyResult(
                            query_from=read_time(row["query_from"]),
                            query_to=read_time(row["query_to"]),
                            status=row["status"],
                            result=row.get("result"),
                            completed_at=read_time(done) if done else None,
                            error_message=row.get("error_message"),
                        )
                    ],
                )

    def _event_definitions(self, data: Any) -> None:
        with self.store.write() as work:
            metrics.see_events(work, data["names"])

    def _evaluation_contexts(self, data: Any) -> None:
        with self.store.write() as work:
            for row in data["rows"]:
                flag = flags.by_key(work, row["flag_key"])
                if flag is None:
                    raise invalid(f"There is no flag {row['flag_key']!r}.")
                contexts = [*flag["evaluation_contexts"], row["name"]]
                work.flags.save({**flag, "evaluation_contexts": contexts})

    def _project_settings(self, data: Any) -> None:
        with self.store.write() as work:
            people.change_settings(work, **data)

    def _timezone(self, data: Any) -> None:
        with self.store.write() as work:
            work.save_project({**work.project, "timezone": data["name"]})

    def _warehouse_table(self, data: Any) -> int:
        import pandas as pd

        frame = pd.DataFrame(data["rows"], columns=data["columns"])
        for column in data.get("times") or ():
            frame[column] = pd.to_datetime(frame[column])
        return import_table(self.events, data["name"], frame)

    def _stored_experiment(self, data: Any) -> Any:
        """Store an experiment as an older version did, its metrics taken as they are."""
        with self.store.write() as work:
            actor = people.actor_of(work, self.owner_id)
            plain = {
                key: value
                for key, value in data.items()
                if key not in (*metrics.FIELDS, "saved_metrics_ids")
            }
            experiment = experiments.create(work, actor, plain)
            for field in metrics.FIELDS:
                experiment[field] = copy.deepcopy(data.get(field) or [])
            work.experiments.save(experiment)
            return {"id": experiment["id"]}


class TrialApp:
    """The application of a trial project, with the two addresses that outside scenarios need."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="exp-jupyter-trial-")
        self._renew(None)

    def _renew(self, keys: Mapping[str, str] | None) -> None:
        folder = Path(self._folder.name) / secrets.token_hex(8)
        self.project = TrialProject(folder, keys=keys)

    @property
    def keys(self) -> dict[str, str]:
        """The present project's keys by role."""
        return self.project.keys

    def close(self) -> None:
        """Throw the project away."""
        self.project.close()
        self._folder.cleanup()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        path = str(scope.get("path", "")).removesuffix("/")
        if scope["type"] != "http" or scope["method"] != "POST" or path not in (RESET, FIXTURE):
            await self.project.app(scope, receive, send)
            return
        headers = headers_of(scope)
        try:
            raw = await read_body(receive, headers.get("content-length"), LARGEST_BODY)
            body = await asyncio.to_thread(self._control, path, headers, raw)
            status = 200
        except Refusal as error:
            status, body = error.status, error.body
        except (ExpError, LookupError, TypeError, ValueError) as error:
            status, body = 400, {"detail": f"{type(error).__name__}: {error}"}
        await respond(scope, receive, send, status, body)

    def _control(self, path: str, headers: Mapping[str, str], raw: bytes) -> Any:
        with self.project.store.read() as work:
            asking(work, headers.get("authorization"), "")
        if path == RESET:
            # The keys stay: whoever resets knows only those it began with.
            self.project.close()
            self._renew(self.keys)
            return {"keys": self.keys}
        wanted = parsed(raw, headers.get("content-type"))
        made = self.project.apply(wanted["kind"], wanted["data"])
        return json.loads(json.dumps(made))
