"""Connecting without an argument takes the project of the settings, and says what its key lacks."""

import re
import subprocess
import sys

import pytest

from exp_jupyter.server.services.people import people
from exp_jupyter.server.store import ProjectStore


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A served project and two keys of one person: for everything, and for experiments only."""
    folder = tmp_path_factory.mktemp("served") / "growth"
    store = ProjectStore(folder)
    with store.write() as work:
        mina = people.add_person(
            work, email="mina@example.com", first_name="Mina", level=people.OWNER
        )
        keys = [
            people.add_key(work, mina["id"], scopes=scopes) for scopes in ((), ("experiment:read",))
        ]
    store.close()
    command = [sys.executable, "-m", "exp_jupyter.command", "serve", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    origin = re.search(r"http://[\d.]+:\d+", process.stdout.readline())[0]
    yield origin, *keys
    process.kill()
    process.communicate()


@pytest.fixture
def settings(served, tmp_path, monkeypatch, bare_shell):
    """The user's own settings name the served project, and one more, and choose the first."""
    place = tmp_path / "config" / "exp_jupyter"
    place.mkdir(parents=True)
    (place / "settings.toml").write_text(
        f'target = "growth"\n[projects.growth]\norigin = "{served[0]}"\nproject = 1\n'
        f'key_variable = "GROWTH_KEY"\n[projects.sandbox]\nfolder = "{tmp_path / "sandbox"}"\n'
    )
    monkeypatch.delenv("POSTHOG_PERSONAL_API_KEY", raising=False)
    bare_shell.run_line_magic("load_ext", "exp_jupyter")
    return monkeypatch


def words(shown):
    return " ".join(shown.to_text().split())


def test_the_configured_project_is_connected_by_no_name(served, settings, run):
    settings.setenv("GROWTH_KEY", served[1])
    project = run("%exp_connect")
    assert project.origin == served[0]
    said = words(project)
    assert "growth [connected]" in said
    assert "You are Mina" in said
    assert "The key lacks nothing for reading" in said
    assert run("%exp_connect sandbox").kind == "embedded"
    assert run("%exp_connect growth").id == 1


def test_what_a_key_lacks_is_said_by_scope_and_purpose(served, settings, run, fail):
    settings.setenv("GROWTH_KEY", served[2])
    said = words(run("%exp_connect"))
    for scope, purpose in (
        ("query:read", "results and exposures"),
        ("feature_flag:read", "flags to build experiments on"),
        ("approvals:read", "approvals"),
        ("llm_prompt:read", "prompts"),
    ):
        assert f"{scope}, for {purpose}" in said
    assert "experiment:read, for experiments" not in said
    assert "Make a key that has them too" in said
    assert len(run("%exp_list")) == 0
    error = fail("%exp_flags")
    assert "Give the key the scope feature_flag:read" in error.hint


def test_a_name_nearly_right_is_asked_about(settings, fail):
    assert fail("%exp_connect growht").hint.startswith('Did you mean "growth"?')
