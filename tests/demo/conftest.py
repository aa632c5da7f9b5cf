"""One demo for all tests that only read it."""

from __future__ import annotations

import pytest

from exp_jupyter.server.demo import opening
from exp_jupyter.server.services.experiments import view as experiment_view
from exp_jupyter.server.services.results import queries


class World:
    """The demo's insides, for tests that look behind the API."""

    def __init__(self, running):
        self.store, self.events = running.store, running.events
        with self.store.read() as work:
            self.experiments = {
                document["name"]: experiment_view.full(work, document)
                for document in work.experiments.find()
            }
            self.specs = {
                document["name"]: queries.spec_of(work, document)
                for document in work.experiments.find()
            }

    def metric(self, experiment, name):
        body = self.experiments[experiment]
        return next(m for m in body["metrics"] + body["metrics_secondary"] if m["name"] == name)


@pytest.fixture(scope="session")
def world():
    """The demo as it is opened; tests leave it as they find it."""
    running = opening._Running()
    yield World(running)
    running.remove()


@pytest.fixture
def fresh_world():
    """A demo of the test's own, to write to."""
    running = opening._Running()
    yield World(running)
    running.remove()
