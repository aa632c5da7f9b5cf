"""The magics on the embedded demo project: what they return; nothing is written unasked."""

import pytest

from exp_jupyter.connection import connect
from exp_jupyter.errors import (
    ApiError,
    ExpError,
    InputError,
    NotFoundError,
    NotWrittenError,
    StoreError,
    ValidationFailedError,
)
from exp_jupyter.schema.approvals.writes import WriteOutcome, WriteState


@pytest.fixture
def project(run):
    return run("%exp_connect")


@pytest.fixture
def session(shell, project):
    return shell.magics_manager.registry["ExpMagics"].session


def counts() -> tuple[int, int, int]:
    """Return how many experiments, flags and change requests the demo has."""
    project = connect()
    everything = project.experiments.list(), project.experiments.list(archived=True)
    return (
        sum(map(len, everything)),
        project.experiments.eligible_flags().count,
        len(project.approvals.list()),
    )


class TestReading:
    def test_connecting_returns_the_project_that_is_asked_from_then_on(self, run, session, project):
        assert session.project is project
        assert project.kind == "embedded"
        assert run("%exp_connect demo --as reviewer").me.id != project.me.id
        assert session.project.me.first_name == "Noor"

    def test_a_failed_connection_keeps_the_old_project(self, fail, session, project):
        assert "reviewer" in fail("%exp_connect demo --as reviwer").lines[1]
        fail("%exp_connect demo --project 7")
        assert session.project is project

    @pytest.mark.parametrize(
        ("line", "twin"),
        [
            ("%exp_list", lambda p: p.experiments.list()),
            ("%exp_list --status running", lambda p: p.experiments.list(status="running")),
            ("%exp_list --archived", lambda p: p.experiments.list(archived=True)),
            ("%exp_list --order=-name", lambda p: p.experiments.list(order="-name")),
            ("%exp_show checkout-redesign", lambda p: p.experiments.get("checkout-redesign")),
            ("%exp_flags --search check", lambda p: p.experiments.eligible_flags(search="check")),
            ("%exp_flags --active no --limit 2 --offset 1",
             lambda p: p.experiments.eligible_flags(active=False, limit=2, offset=1)),
            ("%exp_stats", lambda p: p.experiments.stats()),
            ("%exp_templates", lambda p: p.experiments.prompt_templates()),
            ("%exp_health checkout-redesign", lambda p: p.experiments.health("checkout-redesign")),
            ("%exp_exposures checkout-redesign",
             lambda p: p.experiments.daily_exposures("checkout-redesign")),
            ("%exp_approvals --state all", lambda p: p.approvals.list()),
        ],
    )  # fmt: skip
    def test_a_magic_returns_what_its_twin_returns(self, run, project, line, twin):
        assert run(line).to_dict() == twin(project).to_dict()

    def test_results_are_of_every_metric_or_of_one(self, run, project):
        read = project.experiments.results
        everything = run("%exp_results checkout-redesign")
        assert everything.to_text() == read("checkout-redesign").to_text()
        assert len(everything) == 4
        assert everything.failed == {}
        named = run(
            '%exp_results checkout-redesign "Average order value" --method frequentist '
            "--mode recommended"
        )
        twin = read("checkout-redesign", 2, method="frequentist", mode="recommended")
        assert named.to_text() == twin.to_text()
        assert (len(named), named[0].mode) == (1, "recommended")

    def test_the_method_of_the_settings_is_the_method_of_results(self, run, project):
        run("%config ExpMagics.method = 'sequential'")
        assert run("%exp_results checkout-redesign 0")[0].method == "sequential"

    def test_a_daily_series_is_the_projects_or_computed_again(self, run, project):
        read = project.experiments.timeseries
        plain = run('%exp_timeseries checkout-redesign "Checkout conversion"')
        again = run("%exp_timeseries checkout-redesign 0 --method sequential --mode recommended")
        assert plain.to_dict() == read("checkout-redesign", "Checkout conversion").to_dict()
        assert plain.latest is not None
        assert (
            again.to_dict()
            == read("checkout-redesign", 0, method="sequential", mode="recommended").to_dict()
        )

    def test_a_series_is_cut_and_computed_at_another_rate(self, run, project):
        line = "%exp_timeseries checkout-redesign 0 --method sequential --alpha 0.1"
        found = run(f"{line} --since 2026-03-20 --until 2026-03-25")
        assert (len(found.days), round(found.level, 3)) == (6, 0.9)
        assert found.to_text() == eval(found.code(), {"project": project}).to_text()

    def test_results_are_broken_down_by_a_property(self, run, project):
        found = run("%exp_results checkout-redesign 0 --by $device_type")
        assert [one.values for one in found.segments] == [("Desktop",), ("Mobile",), ("Tablet",)]
        assert found.to_text() == eval(found.code(), {"project": project}).to_text()

    def test_several_metrics_are_a_section_each(self, run, project):
        found = run('%exp_timeseries checkout-redesign 0 "Average order value"')
        assert [one.metric_name for one in found] == ["Checkout conversion", "Average order value"]
        assert found.to_text() == eval(found.code(), {"project": project}).to_text()

    def test_the_rate_of_the_settings_counts_where_something_is_computed(self, run, project):
        del project  # connected
        run("%config ExpMagics.alpha = 0.01")
        read = "%exp_results checkout-redesign 0"
        assert run(read)[0].level == 0.95
        assert run(f"{read} --method frequentist")[0].level == 0.99
        assert run(f"{read} --method frequentist --alpha 0.2")[0].level == 0.8

    def test_a_plan_takes_its_baseline_from_a_live_experiment(self, run, project):
        plan = run('%exp_size --from checkout-redesign "Checkout conversion" --mde 3')
        twin = project.experiments.size("checkout-redesign", "Checkout conversion", mde=3)
        assert plan == twin
        assert 0 < plan.baseline < 1


class TestBadInput:
    @pytest.mark.parametrize(
        ("line", "kind", "said"),
        [
            ("%exp_show 999", NotFoundError, "no experiment 999"),
            ("%exp_show chekout-redesign", InputError, "chekout-redesign"),
            ("%exp_timeseries 999 x", NotFoundError, "no experiment 999"),
            ("%exp_timeseries", InputError, "needs REF"),
            ("%exp_timeseries checkout-redesign Conversoin", InputError, "Conversoin"),
            ("%exp_timeseries gift-wrapping 0", InputError, "has not been launched"),
            ("%exp_results gift-wrapping", InputError, "has not been launched"),
            ("%exp_exposures gift-wrapping", InputError, "has not been launched"),
            ("%exp_results 4 --by a b c d", InputError, "at most 3"),
            ("%exp_results 4 --by person:", InputError, "names no property"),
            ("%exp_results 4 --by plan plan", InputError, "twice"),
            ("%exp_timeseries 4 0 --alpha 0.1", InputError, "only read here"),
            ("%exp_timeseries 4 0 --since soon", InputError, "not a day"),
            ("%exp_timeseries 4 0 --since 2030-01-01", InputError, "no day since 2030"),
            ("%exp_timeseries 4 0 --fingerprint 12", InputError, "64 hexadecimal"),
            ("%exp_timeseries 4 0 1 --fingerprint 12", InputError, "several are named"),
            ("%exp_timeseries 4 0 1 --form", InputError, "no effect with --form"),
            ("%exp_timeseries 4 --form --since 2026-03-20", InputError, "no effect with --form"),
            ("%exp_health 999", NotFoundError, "no experiment 999"),
            ("%exp_size --from 999 x --mde 3", NotFoundError, "no experiment 999"),
            ("%exp_size --from checkout-redesign 0", InputError, "mde"),
            ("%exp_size funnel --from checkout-redesign 0 --mde 3", InputError, "--from"),
            ("%exp_flags --order shape", ApiError, "shape"),
            ("%exp_list --order shape", ApiError, "shape"),
            ("%exp_unarchive 999", NotFoundError, "no experiment 999"),
            ("%exp_unarchive 999 --yes", NotFoundError, "no experiment 999"),
            ("%exp_from_prompt support-reply 1", InputError, "at least two versions"),
            ("%exp_from_prompt support-reply 1 3", InputError, "--templates"),
            ("%exp_from_prompt support-reply 1 1 --templates cost --yes", InputError, "twice"),
            ("%exp_from_prompt support-reply 1 3 --templates price", InputError, "price"),
            ("%exp_from_prompt support-reply 1 99 --templates cost --yes", ExpError, "99"),
            ("%exp_from_prompt support-reply 1 99 --templates cost", NotWrittenError, "99"),
            ("%exp_from_prompt nobody 1 2 --templates cost --yes", ExpError, "nobody"),
            ("%exp_results gift-wrapping", InputError, "not been launched"),
            ("%exp_results 999", NotFoundError, "no experiment 999"),
            ("%exp_results checkout-redesign Conversoin", InputError, "Conversoin"),
            ("%exp_launch 999", NotFoundError, "no experiment 999"),
            ("%exp_pause gift-wrapping --yes", NotWrittenError, "not been launched"),
            ("%exp_pause larger-photos --yes", NotWrittenError, "ended on"),
            ("%exp_resume larger-photos", NotWrittenError, "ended on"),
            ("%exp_end gift-wrapping --yes", NotWrittenError, "not been launched"),
            ("%exp_ship checkout-redesign tset --yes", InputError, "no variant 'tset'"),
            ("%exp_ship gift-wrapping test --yes", NotWrittenError, "not been launched"),
            ("%exp_archive checkout-redesign --yes", NotWrittenError, "has not ended"),
            ("%exp_reset 999 --yes", NotFoundError, "no experiment 999"),
            ("%exp_update checkout-redesign", InputError, "what is to change"),
            ("%exp_update checkout-redesign --metrics a:sum", InputError, "of no known form"),
            ('%exp_update checkout-redesign --name " "', InputError, "name is empty"),
            ("%exp_update checkout-redesign --allow-unknown-events", InputError, "Nothing"),
            ('%exp_create "" --yes', InputError, "name is empty"),
            ("%exp_create A --variants a --yes", InputError, "variants are a"),
            ("%exp_create A --variants control=50 test --yes", InputError, "test"),
            ("%exp_create A --variants control=50 test=many", InputError, "many"),
            ("%exp_create A --variants control=90 test=50 --yes", InputError, "140 %"),
            ("%exp_create A --metrics a/b/c:ratio --yes", InputError, "of no known form"),
            ("%exp_create A --metrics purchase:sum --yes", InputError, "of no known form"),
            ("%exp_create A --metrics purchse:count --yes", ValidationFailedError, "purchse"),
            ("%exp_duplicate 999 --yes", NotFoundError, "no experiment 999"),
            ("%exp_record no/where.expsnap", StoreError, "cannot be written"),
            ("%exp_replay nothing.expsnap", StoreError, "cannot be read"),
            ("%exp_approvals --approve nope --yes", NotFoundError, "No change request begins with"),
            ("%exp_approvals --approve '' --yes", InputError, "begins with ''"),
            ("%exp_approvals --reject nope", InputError, "needs a reason"),
            ("%exp_approvals --approve a --withdraw b", InputError, "one thing at a time"),
        ],
    )
    def test_is_one_clear_message_a_failed_cell_and_no_write(
        self, shell, fail, project, capsys, line, kind, said
    ):
        before = counts()
        capsys.readouterr()
        error = fail(f"{line} --out kept")
        assert isinstance(error, kind)
        assert said in error.message
        shown = [text for text in capsys.readouterr().out.splitlines() if text]
        assert shown[0].startswith(type(error).__name__)
        assert len(shown) <= 2
        assert "kept" not in shell.user_ns
        assert counts() == before


class TestWriting:
    def test_without_a_front_end_the_plan_is_shown_and_nothing_written(self, run, project, capsys):
        before = counts()
        write = run('%exp_from_prompt support-reply 1 3 --templates cost --name "Only planned"')
        shown = capsys.readouterr().out
        assert write.outcome is None
        assert "not written yet" in shown
        assert "Only planned" in shown
        assert "--yes" in shown
        assert "POST /api/projects/" in write.to_markdown()
        assert counts() == before

    def test_a_gated_write_waits_is_approved_and_then_finished(self, run, project):
        line = '%exp_from_prompt support-reply 1 3 --templates cost latency --name "Gated" --yes'
        waiting = run(line)
        assert isinstance(waiting, WriteOutcome)
        assert waiting.kind == "waiting"
        before = counts()
        assert run(line).kind == "waiting"
        assert isinstance(run(line.removesuffix(" --yes")), WriteState)
        assert counts() == before

        run("%exp_connect demo --as reviewer")
        requests = run("%exp_approvals")
        assert waiting.change_request.id in {one.id for one in requests.waiting_for_me}
        plan = run(f"%exp_approvals --approve {waiting.change_request.id}")
        assert plan.outcome is None
        done = run(f"%exp_approvals --approve {waiting.change_request.id} --reason Fine --yes")
        assert done.kind == "applied"

        run("%exp_connect")
        made = run(line)
        assert made.kind == "applied"
        assert made.result.name == "Gated"
        again = run(line)
        assert again.kind == "already_done"
        assert again.result.id == made.result.id
        assert run(line.removesuffix(" --yes")).kind == "already_done"

    def test_a_rejected_write_is_told_and_can_be_asked_for_again(self, run, fail, project):
        line = '%exp_from_prompt support-reply 1 3 --templates cost --name "Turned down" --yes'
        waiting = run(line)
        run("%exp_connect demo --as reviewer")
        run(f'%exp_approvals --reject {waiting.change_request.id} --reason "Too early" --yes')
        run("%exp_connect")
        error = fail(line)
        assert isinstance(error, NotWrittenError)
        assert "Too early" in error.message
        fail(line.removesuffix(" --yes"))
        assert run(f"{line} --again").kind == "waiting"

    def test_a_request_of_ones_own_can_be_withdrawn(self, run, project):
        waiting = run(
            '%exp_from_prompt support-reply 1 4 --templates cost --name "Taken back" --yes'
        )
        done = run(f"%exp_approvals --withdraw {waiting.change_request.id} --yes")
        assert done.kind == "applied"
        assert run(f"%exp_approvals --withdraw {waiting.change_request.id}").kind == "already_done"

    def test_an_archived_experiment_comes_back_once(self, run, project):
        plan = run("%exp_unarchive one-step-signup")
        assert connect().experiments.get("one-step-signup").archived
        assert plan.outcome is None
        assert run("%exp_unarchive one-step-signup --yes").kind == "applied"
        assert not connect().experiments.get("one-step-signup").archived
        assert run("%exp_unarchive one-step-signup --yes").kind == "already_done"


class TestPanel:
    @pytest.fixture
    def shown(self, session, project):
        from exp_jupyter.magics.snapshot import snapshot

        return lambda: snapshot(session)

    def test_a_snapshot_names_project_experiments_and_their_lines(self, shown, project):
        snapshot = shown()
        assert snapshot["type"] == "snapshot"
        assert snapshot["protocol"] == 3
        assert snapshot["error"] is None
        assert snapshot["project"] == {
            "name": project.name,
            "origin": project.origin,
            "kind": "embedded",
            "person": "Ada Lindqvist",
            "tape": "",
            "replayed": False,
            "line": "%exp_connect demo",
        }
        live = [one["id"] for one in snapshot["experiments"] if not one["archived"]]
        assert live == [one.id for one in project.experiments.list()]
        away = [one["id"] for one in snapshot["experiments"] if one["archived"]]
        assert away == [one.id for one in project.experiments.list(archived=True)]
        checkout = next(
            one for one in snapshot["experiments"] if one["flag_key"] == "checkout-redesign"
        )
        assert checkout["line"] == f"%exp_show {checkout['id']}"
        assert checkout["metrics"][0]["line"] == (
            f'%exp_timeseries {checkout["id"]} "Checkout conversion"'
        )

    @pytest.mark.parametrize(
        ("flag", "labels"),
        [
            ("gift-wrapping", ["Launch", "Duplicate"]),
            ("checkout-redesign",
             ["Results", "Health", "Pause", "End", "Ship control", "Ship test"]),
            ("free-shipping-banner", ["Results", "Health", "Resume", "End"]),
            ("larger-photos", ["Results", "Health", "Ship control", "Ship test", "Archive"]),
        ],
    )  # fmt: skip
    def test_every_state_offers_what_can_be_done_then(self, shown, flag, labels):
        (entry,) = [one for one in shown()["experiments"] if one["flag_key"] == flag]
        assert [step["label"] for step in entry["steps"]] == labels

    def test_the_line_that_connects_again_says_who_one_was(self, run, shown):
        run("%exp_connect demo --as reviewer")
        assert shown()["project"]["line"] == "%exp_connect demo --as reviewer"

    def test_what_a_running_experiment_says_is_read_only_when_asked(self, session, project):
        from exp_jupyter.magics.readings import Readings
        from exp_jupyter.magics.snapshot import snapshot

        readings = Readings()
        before = {one["id"]: one for one in snapshot(session, readings)["experiments"]}
        assert all(one["reading"] is None for one in before.values())
        readable = {one["flag_key"] for one in before.values() if one["readable"]}
        assert readable == {
            one.feature_flag_key
            for one in project.experiments.list()
            if one.status in {"running", "paused"}
        }
        checkout = project.experiments.get("checkout-redesign")
        found = readings.read(session, checkout.id)
        effect = project.experiments.timeseries(checkout).latest.effects["test"]
        assert found["day"] == "day 23 of 27"
        assert found["words"] == f"▲ better +{effect.estimate:.1%}".replace("%", " %")
        assert "Checkout conversion: test better" in found["sentence"]
        after = {one["id"]: one for one in snapshot(session, readings)["experiments"]}
        assert after[checkout.id]["reading"] == found
        readings.forget()
        assert snapshot(session, readings)["experiments"][0]["reading"] is None

    def test_a_broken_split_wants_attention_before_a_winner(self, session, project):
        from exp_jupyter.magics.readings import Readings

        readings = Readings()
        ids = [project.experiments.get(key).id for key in ("search-ranking", "checkout-redesign")]
        broken, winner = (readings.read(session, one) for one in ids)
        assert broken["trouble"] == "split is broken"
        assert winner["trouble"] == ""
        assert broken["attention"] < winner["attention"]

    @pytest.mark.parametrize("asked", [None, "4", 10**9, 1, [4]])
    def test_what_is_no_running_experiment_has_no_reading(self, session, project, asked):
        from exp_jupyter.magics.readings import Readings

        assert Readings().read(session, asked) is None

    def test_an_archived_experiment_offers_to_bring_it_back(self, run, shown):
        run("%exp_archive welcome-checklist --yes")
        (entry,) = [one for one in shown()["experiments"] if one["flag_key"] == "welcome-checklist"]
        assert entry["archived"]
        assert [step["label"] for step in entry["steps"]] == ["Results", "Unarchive"]

    def test_every_line_it_offers_runs_and_writes_nothing(self, shell, shown, run):
        before, snapshot = counts(), shown()
        lines = [part["line"] for name in ("flags", "templates") for part in snapshot[name][:2]]
        seen = set()
        for experiment in snapshot["experiments"]:
            stands = (experiment["status"], experiment["archived"])
            if stands in seen:
                continue
            seen.add(stands)
            lines += [experiment["line"], *(step["line"] for step in experiment["steps"])]
            lines += [metric["line"] for metric in experiment["metrics"][:1] if metric["line"]]
        assert len(lines) > 20
        for line in lines:
            run(line)
        assert counts() == before

    def test_flags_and_templates_come_with_the_line_that_uses_them(self, shown):
        snapshot = shown()
        flag = next(one for one in snapshot["flags"] if one["key"] == "larger-photos")
        assert flag["variants"] == ["control", "test"]
        assert flag["line"] == '%exp_create "New experiment" --flag-key larger-photos'
        assert snapshot["templates"][0]["line"] == (
            "%exp_from_prompt support-reply 4 5 --templates cost"
        )

    def test_what_waits_for_this_person_only_is_listed_and_counted(self, run, shown):
        run('%exp_from_prompt support-reply 1 4 --templates latency --name "Counted" --yes')
        assert (shown()["approvals"], shown()["requests"]) == (0, [])
        run("%exp_connect demo --as reviewer")
        snapshot = shown()
        assert snapshot["approvals"] == len(snapshot["requests"]) >= 1
        assert any("counted" in one["title"] for one in snapshot["requests"])
        request = snapshot["requests"][0]
        assert request["by"] == "Ada Lindqvist"
        assert run(request["line"]).outcome is None

    def test_a_replay_is_shown_as_one(self, run, shown):
        run("%exp_record panel.expsnap")
        assert (shown()["project"]["tape"], shown()["project"]["replayed"]) == (
            "panel.expsnap",
            False,
        )
        run("%exp_replay panel.expsnap")
        snapshot = shown()
        assert snapshot["project"]["replayed"]
        assert snapshot["experiments"]
        assert snapshot["error"] is None

    def test_nothing_in_it_is_a_key(self, shown):
        import json

        assert "phx_" not in json.dumps(shown())


def test_tab_offers_what_connecting_learned(shell, run, session):
    from exp_jupyter.magics.line.completion import offers

    magics = shell.magics_manager.registry["ExpMagics"]

    def texts(name: str, rest: str) -> list[str]:
        return [one.text for one in offers(magics, name, rest)["completions"]]

    assert '"Checkout redesign"' in texts("exp_show", "Checkout")
    assert '"One-step sign-up"' in texts("exp_unarchive", "One")
    assert "support-reply" in texts("exp_from_prompt", "sup")
    run("%exp_show checkout-redesign")
    assert '"Checkout conversion"' in texts("exp_timeseries", "checkout-redesign ")
