"""Whatever the description lets somebody send, and what it does not, the answer is never a 500."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from anyio.from_thread import BlockingPortal
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import status_code_conformance

from exp_jupyter.server.app import create_app
from exp_jupyter.server.clock import FrozenClock
from exp_jupyter.server.testing import TrialProject

MORNING = datetime(2026, 3, 6, 9, 0, tzinfo=UTC)
BOUNDED = settings(
    max_examples=4,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def lived_in(tmp_path: Path, portal: BlockingPortal) -> Iterator[TrialProject]:
    """A project with one of each thing, so that generated changes have something to change."""
    project = TrialProject(tmp_path / "p", FrozenClock(MORNING))
    app = create_app(project.store)

    async def furnish() -> None:
        transport = httpx.ASGITransport(app=app)
        owner = {"Authorization": f"Bearer {project.keys['owner']}"}
        base = "http://p.test/api/projects/@current/"
        async with httpx.AsyncClient(transport=transport, base_url=base, headers=owner) as client:
            for path, body in (
                ("experiments/", {"name": "one", "feature_flag_key": "one"}),
                ("experiments/1/launch/", {}),
                ("experiments/", {"name": "two", "feature_flag_key": "two"}),
                ("experiment_holdouts/", {"name": "h", "filters": [{"rollout_percentage": 5}]}),
                ("llm_prompts/", {"name": "x", "prompt": "p"}),
                ("actions/", {"name": "a", "steps": [{"event": "e"}]}),
            ):
                assert (await client.post(path, json=body)).is_success

    portal.call(furnish)
    yield project
    project.close()


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
def test_no_generated_request_breaks_the_project(
    lived_in: TrialProject, mode: schemathesis.GenerationMode
) -> None:
    api = schemathesis.openapi.from_asgi("/api/schema/", create_app(lived_in.store))
    owner = {"Authorization": f"Bearer {lived_in.keys['owner']}"}

    def sent(case: Any) -> None:
        named = dict(case.path_parameters or {})
        number = named.get("id")
        known = {"id": number % 3} if isinstance(number, int) and number % 2 == 0 else {}
        case.path_parameters = {**named, "project": "@current", **known}
        answer = case.call(headers=owner)
        case.validate_response(answer, checks=[not_a_server_error, status_code_conformance])

    for found in api.get_all_operations():
        BOUNDED(given(case=found.ok().as_strategy(generation_mode=mode))(sent))()
