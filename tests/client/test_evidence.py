"""Whoever agrees to a decision sees what the results say."""

import pytest

from exp_jupyter import connect


@pytest.fixture(scope="module")
def project():
    return connect()


def plan_text(write):
    return " ".join(write.to_text().replace("│", "").split())


def test_a_ship_shows_reading_health_and_days_left(project):
    marks = dict(project.experiments.ship(4, "test").plan.evidence.marks)
    assert marks["▲ 2 of 4 better"] == "good"
    assert marks["✓ split as planned"] == "good"
    assert marks["day 22 of 27: 4 days early"] == "notice"


def test_a_broken_split_is_warned_of_in_words(project):
    text = plan_text(project.experiments.ship(5, "test"))
    assert "these numbers compare two different crowds" in text
    assert "%exp_health 5" in text
    assert "Nothing distinguishes test from control" in text


def test_an_unfinished_plan_is_warned_of_when_ending(project):
    text = plan_text(project.experiments.end(7, conclusion="inconclusive"))
    assert "day 16 of 28" in text


def test_shipping_the_control_is_not_held_against_it(project):
    warnings = project.experiments.ship(7, "control").plan.evidence.warnings
    assert not any("Nothing distinguishes" in warning for warning in warnings)


def test_an_archive_shows_what_came_out(project):
    assert ("▲ 2 of 2 better", "good") in project.experiments.archive(2).plan.evidence.marks


def test_a_plan_says_how_it_is_written_and_asks_for_no_typing(project):
    text = plan_text(project.experiments.ship(4, "test"))
    assert "add --yes to the line" in text
    assert "typed" not in text


def test_evidence_that_cannot_be_read_leaves_the_plan_as_it_is(project):
    from exp_jupyter.errors import ConnectionFailedError

    def fails():
        raise ConnectionFailedError("gone")

    write = project.experiments.pause(4).with_evidence(fails)
    assert write.plan.evidence is None


def test_asking_once_more_reads_the_evidence_anew(project):
    read = []
    write = project.experiments.pause(4).with_evidence(lambda: read.append(None))
    assert write.plan.evidence is None
    write.look_again()
    assert len(read) == 1
    assert write.renewed().plan.evidence is None
    assert len(read) == 2


def test_the_approver_sees_who_wants_what_and_with_which_results():
    demo = connect()
    sent = demo.experiments.ship(4, "test").send()
    request = sent.change_request
    plan = demo.approvals.approve(request.id).plan
    assert plan.title == "Approve: give everybody test of checkout-redesign"
    assert ("▲ 2 of 4 better", "good") in plan.evidence.marks
    taken_back = demo.approvals.withdraw(request.id).send()
    assert taken_back.kind == "applied"
    again = demo.approvals.get(request.id)
    assert again.was_withdrawn


def test_one_s_own_withdrawal_is_not_called_refused():
    write = connect().experiments.ship(4, "test")
    write.send()
    first = write.withdraw().to_text().splitlines()[0]
    assert "Withdrawn" in first
