"""Five hundred seeded storms over a write: it takes effect at most once, and is never made up."""

import random

import pytest

from exp_jupyter.errors import ExpError, ThrottledError

DONE = {"applied", "already_done"}
NO_EFFECT = ["throttled:1", "throttled:detail2", "throttled:none", "status_before:403"]
IN_DOUBT = [
    *["cut_before", "cut_after", "cut_during", "truncated", "html", "html_before"],
    *[f"status_{when}:{status}" for when in ("before", "after") for status in (500, 502, 503, 504)],
    *["redirect:http://elsewhere.example", "late:0", "late:2", "late:7", "late:40"],
]
ON_READS = ["cut_before", "cut_during", "status_before:503", "status_before:500", "truncated"]


class Storm:
    """Faults by chance, and a record of which requests may have left something behind."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.calm = False
        self.sent = []

    def __call__(self, method, path):
        if method == "POST":
            fault = self.of_a_write()
            self.sent.append(fault)
            return fault
        rough = not self.calm and self.chance.random() < 0.15
        return self.chance.choice(ON_READS) if rough else "ok"

    def of_a_write(self):
        if self.calm:
            return "ok"
        drawn = self.chance.random()
        if drawn < 0.15:
            return "ok"
        return self.chance.choice(NO_EFFECT if drawn < 0.35 else IN_DOUBT)


def make(project, kind):
    if kind == "unarchive":
        return project.experiments.unarchive(1)
    if kind == "end":
        return project.experiments.end(1, "won")
    return project.experiments.from_prompt("support-reply", [1, 2], ["cost"])


@pytest.fixture
def steady(double, waits):
    """One project for all storms: opening a connection pool takes longer than a storm."""
    from exp_jupyter.client import open_project

    project = open_project(double.origin, 1, "phx_x", pace=waits.pace())
    yield project
    project.close()


@pytest.mark.parametrize("kind", ["from_prompt", "unarchive", "end"])
def test_a_write_is_never_sent_twice_and_never_made_up(server, steady, kind):
    seen = {}
    for seed in range(250):
        server.model = model = type(server.model)()
        model.add(name="Old", archived=True, start_date="2026-03-02T09:15:00Z")
        server.fault = lambda method, path: "ok"
        write = make(steady, kind)
        storm = server.fault = Storm(seed)
        for _ in range(4):
            try:
                outcome = write.send()
            except ThrottledError:
                continue
            except ExpError as error:
                seen[type(error).__name__] = seen.get(type(error).__name__, 0) + 1
                continue
            seen[outcome.kind] = seen.get(outcome.kind, 0) + 1
            if outcome.kind in DONE:
                assert model.effects == 1, f"seed {seed}: reported done, but it was not"
        certain = [fault for fault in storm.sent if fault not in NO_EFFECT]
        assert len(certain) <= 1, f"seed {seed}: sent again while in doubt: {storm.sent}"
        assert model.effects <= 1, f"seed {seed}: took effect twice"

        # The weather clears, late work arrives, and the notebook runs again from the top.
        storm.calm = True
        while model.pending:
            steady.experiments.list()
        again = make(steady, kind).send()
        assert again.kind in DONE, f"seed {seed}"
        assert model.effects == 1, f"seed {seed}: {model.effects} effects"
    # The storms are worth something only if every end was met.
    assert {"applied", "already_done", "unknown"} <= set(seen)
