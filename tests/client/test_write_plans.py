"""What is refused before a write is planned, and what a plan says."""

import pytest

from exp_jupyter.errors import InputError, NotFoundError


def test_unarchive_changes_one_thing_and_only_once(server, project):
    server.model.add(name="Old", archived=True, status="stopped")
    write = project.experiments.unarchive(1)
    assert [(row.label, row.before, row.after) for row in write.plan.diff] == [
        ("Archived", "yes", "no"),
        ("Status", "stopped", "stopped"),
    ]
    assert write.plan.body is None
    outcome = write.send()
    assert (outcome.kind, outcome.result.archived) == ("applied", False)
    assert project.experiments.unarchive("Old").send().kind == "already_done"
    assert server.model.effects == 1


def test_unarchive_of_what_is_not_there_is_refused_at_once(project):
    with pytest.raises(NotFoundError):
        project.experiments.unarchive(99)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("", [1, 2], ["cost"]), "prompt"),
        (("p", [1], ["cost"]), "two to ten"),
        (("p", [*range(1, 12)], ["cost"]), "two to ten"),
        (("p", [1, 1], ["cost"]), "twice"),
        (("p", [0, 1], ["cost"]), "0 is not a version"),
        (("p", ["1", 2], ["cost"]), "'1' is not a version"),
        (("p", [True, 2], ["cost"]), "True is not a version"),
        (("p", "12", ["cost"]), "not a list"),
        (("p", [1, 2], []), "empty"),
        (("p", [1, 2], ["bogus"]), "bogus"),
        (("p", [1, 2], ["cost", "cost"]), "twice"),
        (("p", [1, 2], ["cost"], "x" * 401), "401"),
        (("p", [1, 2], ["cost"], None, "a b"), "a b"),
        (("p", [1, 2], ["cost"], None, None, "x" * 3001), "3001"),
    ],
)
def test_what_needs_no_project_to_be_wrong_is_refused_without_one(
    server, project, arguments, words
):
    with pytest.raises(InputError, match=words) as caught:
        project.experiments.from_prompt(*arguments)
    assert caught.value.hint
    assert server.model.requests == []


def test_three_versions_are_split_as_the_project_does(project):
    plan = project.experiments.from_prompt("p", [3, 5, 6], ["cost"], name="Round").plan
    variants = {row.label: row.after for row in plan.diff}["Variants"]
    assert variants == "control = v3 (33 %), test-1 = v5 (33 %), test-2 = v6 (34 %)"
    assert plan.body["name"] == "Round"
