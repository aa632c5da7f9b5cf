"""What is newer of the project: frozen enrolment, tags and its own findings."""

import pytest

from exp_jupyter.errors import NotFoundError


def test_freezing_and_unfreezing_are_writes_like_any_other(growth):
    number = growth.running("Checkout")
    experiments = growth.owner.experiments
    assert "Enrolment" in experiments.freeze(number).plan.to_text()
    assert experiments.freeze(number).send().kind == "applied"
    assert experiments.get(number).status == "exposure_frozen"
    assert experiments.freeze(number).send().kind == "already_done"
    assert experiments.unfreeze(number).send().kind == "applied"
    assert experiments.get(number).status == "running"


def test_a_draft_cannot_be_frozen(growth):
    state = growth.owner.experiments.freeze(growth.draft("Draft")).state()
    assert (state.kind, state.next_step) == ("refused", "Launch it first.")


def test_an_older_project_says_that_it_cannot_freeze(server, project):
    server.model.add(name="A", status="running", start_date="2026-03-02T09:15:00Z",
                     feature_flag={"id": 1, "key": "e-1", "filters": {}})  # fmt: skip
    missing = {"type": "invalid_request", "code": "not_found", "detail": "Not found."}
    server.model.step = lambda *step: (404, missing)
    with pytest.raises(NotFoundError, match="cannot freeze"):
        project.experiments.freeze(1).send()


def test_tags_are_listed_shown_and_searched(growth):
    experiments = growth.owner.experiments
    number = growth.draft("Checkout", tags=["Growth", " web "])
    growth.draft("Other")
    assert experiments.get(number).tags == ["growth", "web"]
    found = experiments.list(tag="GROWTH")
    assert [one.id for one in found] == [number]
    assert "growth" in found.to_text()
    assert "growth, web" in experiments.get(number).to_text()
    assert len(experiments.list(tag="nobody")) == 0


def test_a_project_without_tags_says_so_and_lists_all(server, project):
    server.model.add(name="A")
    found = project.experiments.list(tag="growth")
    assert len(found) == 1
    assert "has no tags" in found.to_text()


def test_the_projects_own_findings_are_among_the_checks(growth):
    number = growth.running("Checkout")
    growth.owner.experiments.get(number)
    growth.owner.flags.disable("checkout").send()
    health = growth.owner.experiments.health(number)
    project_says = growth.owner.experiments.get(number).health
    told = [check.name for check in health.checks]
    assert project_says.findings
    assert all(finding.title in told for finding in project_says.findings)


def test_the_panel_is_told_the_tags_it_searches(growth):
    from exp_jupyter.magics.names import Names

    number = growth.draft("Checkout", tags=["growth"])
    names = Names()
    names.see_experiments(growth.owner.experiments.list())
    assert names.experiments[number].tags == ("growth",)
