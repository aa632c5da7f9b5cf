"""An experiment's life from the notebook: each step plans, asks, writes once and says so again."""

import pytest

from exp_jupyter.connection import connect
from exp_jupyter.errors import NotWrittenError


@pytest.fixture
def project(run):
    return run("%exp_connect")


def one(ref):
    return connect().experiments.get(ref)


STEPS = [
    ("%exp_launch gift-wrapping", lambda: one("gift-wrapping").status, "draft", "running"),
    ("%exp_pause bundle-pricing", lambda: one("bundle-pricing").status, "running", "paused"),
    ("%exp_resume bundle-pricing", lambda: one("bundle-pricing").status, "paused", "running"),
    ("%exp_end bundle-pricing --conclusion stopped-early --comment Enough",
     lambda: one("bundle-pricing").conclusion, None, "stopped_early"),
    ("%exp_archive bundle-pricing", lambda: one("bundle-pricing").archived, False, True),
    ("%exp_unarchive bundle-pricing", lambda: one("bundle-pricing").archived, True, False),
    ("%exp_reset bundle-pricing", lambda: one("bundle-pricing").status, "stopped", "draft"),
    ("%exp_update larger-photos --description Bigger", lambda: one("larger-photos").description
     == "Bigger", False, True),
    ("%exp_update larger-photos --conclusion won --comment Sure",
     lambda: one("larger-photos").conclusion_comment == "Sure", False, True),
]  # fmt: skip


def test_each_step_is_planned_then_written_once(run, project, capsys):
    for line, state, before, after in STEPS:
        plan = run(line)
        assert plan.outcome is None, line
        assert "not written yet" in capsys.readouterr().out
        assert state() == before, line
        assert run(f"{line} --yes").kind == "applied", line
        assert state() == after, line
        assert run(f"{line} --yes").kind == "already_done", line
        assert run(line).kind == "already_done", line


@pytest.mark.parametrize("line", ["%exp_end search-ranking", "%exp_ship checkout-redesign test"])
def test_what_cannot_be_taken_back_asks_for_the_experiments_name(run, project, line):
    plan = run(line).plan
    assert plan.confirm_name == one(line.split()[1]).name
    shown = " ".join(run(line).to_text().replace("│", "").split())
    assert "--yes" in shown
    assert "typed" not in shown  # nobody can type here: a confirmation asks, a plan does not


def test_shipping_waits_for_its_approval_and_the_same_line_finishes_it(run, fail, project):
    line = "%exp_ship checkout-redesign test --conclusion won --comment 'Ten percent more' --yes"
    waiting = run(line)
    assert waiting.kind == "waiting"
    assert one("checkout-redesign").status == "running"
    run("%exp_connect demo --as reviewer")
    run(f"%exp_approvals --approve {waiting.change_request.id} --yes")
    run("%exp_connect")
    done = run(line)
    assert done.kind == "applied"
    shipped = one("checkout-redesign")
    assert (shipped.status, shipped.conclusion) == ("stopped", "won")
    assert shipped.split == {"control": 0, "test": 100}
    assert run(line).kind == "already_done"


def test_a_rejected_shipment_is_told_and_can_be_asked_for_again(run, fail, project):
    line = "%exp_ship search-ranking control --yes"
    waiting = run(line)
    run("%exp_connect demo --as reviewer")
    run(f'%exp_approvals --reject {waiting.change_request.id} --reason "The split leaks" --yes')
    run("%exp_connect")
    error = fail(line)
    assert isinstance(error, NotWrittenError)
    assert "The split leaks" in error.message
    assert run(f"{line} --again").kind == "waiting"


class TestCreating:
    def test_variants_rollout_and_metrics_come_from_the_line(self, run, project):
        plan = run(
            '%exp_create "Bigger cups" --flag-key cups --variants control=80 large=20 --rollout 50 '
            "--metrics Conversion=checkout_started>purchase:funnel "
            "--secondary Revenue=purchase.revenue:sum Basket=purchase.revenue/purchase:ratio "
            "--description 'A larger cup'"
        ).plan
        body = plan.body
        assert (body["name"], body["feature_flag_key"]) == ("Bigger cups", "cups")
        assert body["description"] == "A larger cup"
        filters = body["feature_flag"]["filters"]
        assert filters["groups"][0]["rollout_percentage"] == 50
        variants = filters["multivariate"]["variants"]
        shares = {each["key"]: each["rollout_percentage"] for each in variants}
        assert shares == {"control": 80, "large": 20}
        (metric,) = body["metrics"]
        assert [step["event"] for step in metric["series"]] == ["checkout_started", "purchase"]
        assert [each["name"] for each in body["metrics_secondary"]] == ["Revenue", "Basket"]

    def test_an_experiment_on_a_flag_there_is_is_made_at_once_and_only_once(self, run, project):
        line = '%exp_create "Photos again" --flag-key larger-photos --metrics purchase:count --yes'
        made = run(line)
        assert made.kind == "applied"
        assert made.result.metric_entries[0].name == "mean of purchase"
        assert run(line).kind == "already_done"
        assert connect().experiments.get("Photos again").status == "draft"

    def test_a_copy_is_made_once(self, run, project):
        line = '%exp_duplicate 2 --name "Welcome, once more" --yes'
        assert run(line).kind == "applied"
        assert run(line).kind == "already_done"
        copied = connect().experiments.get("Welcome, once more")
        assert copied.feature_flag_key == "welcome-checklist"
        assert [entry.name for entry in copied.metric_entries] == [
            entry.name for entry in one(2).metric_entries
        ]

    def test_tab_knows_what_was_just_made(self, shell, run, project):
        run('%exp_create "Known at once" --flag-key larger-photos --yes')
        names = shell.magics_manager.registry["ExpMagics"].session.names
        assert names.experiment("Known at once") is not None
        assert names.variants("Known at once") == ["control", "test"]

    def test_metrics_are_replaced_as_a_whole(self, run, project):
        line = "%exp_update gift-wrapping --secondary Orders=purchase:count:decrease --yes"
        assert run(line).kind == "applied"
        entries = one("gift-wrapping").metric_entries
        assert [(each.name, each.goal) for each in entries if each.role == "secondary"] == [
            ("Orders", "decrease")
        ]
        assert run(line).kind == "already_done"
