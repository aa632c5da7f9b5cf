"""Projects have names in the settings, and a project file cannot lead a key astray."""

import keyring
import pytest

from exp_jupyter.client.http.credentials import ENVIRONMENT_NAME
from exp_jupyter.connection import connect, remote
from exp_jupyter.connection.profiles import configured_target, profiles
from exp_jupyter.errors import CredentialsError, InputError

CLOUD = "https://eu.posthog.com"
ELSEWHERE = "https://posthog.example.com"
HERE = ("http://127.0.0.1:8001", "http://localhost:8001", "http://[::1]:8001", "https://127.9.9.9")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to work in, with writers of the project's and the user's own settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv(ENVIRONMENT_NAME, raising=False)
    monkeypatch.delenv("EXP_JUPYTER_TARGET", raising=False)
    monkeypatch.setattr(keyring, "get_password", lambda *name: None)
    monkeypatch.setattr("sys.stdin", None)

    class Place:
        path = tmp_path

        def project(self, text):
            lines = [line.strip() for line in text.strip().splitlines()]
            tables = [line.replace("[projects", "[tool.exp_jupyter.projects") for line in lines]
            whole = "\n".join(["[tool.exp_jupyter]", *tables])
            (tmp_path / "pyproject.toml").write_text(whole)

        def user(self, text):
            folder = tmp_path / "config" / "exp_jupyter"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "settings.toml").write_text(text)

    return Place()


@pytest.fixture
def asked(monkeypatch):
    """Who would be asked, and with which key; nobody is."""
    calls = []

    class Opened:
        class transport:
            @staticmethod
            def read(path, params):
                return {}

        @staticmethod
        def path(*parts):
            return "/"

    def opened(origin, project, secret):
        calls.append((origin, project, secret.reveal()))
        return Opened

    monkeypatch.setattr(remote, "open_project", opened)
    return calls


def test_without_settings_the_demo_is_meant(place):
    assert configured_target() == ("demo", True)
    assert connect().kind == "embedded"


def test_the_settings_say_which_project_is_meant(place, asked, monkeypatch):
    place.project(f'target = "growth"\n[projects.growth]\norigin = "{CLOUD}"\nproject = 12')
    monkeypatch.setenv(ENVIRONMENT_NAME, "phx_environment")
    connect()
    connect("growth", project=13)
    assert asked == [(CLOUD, 12, "phx_environment"), (CLOUD, 13, "phx_environment")]


def test_the_users_own_file_has_the_last_word(place):
    place.project(f'[projects.growth]\norigin = "{CLOUD}"\n[projects.two]\nfolder = "two"')
    place.user(f'[projects.growth]\norigin = "{ELSEWHERE}"\nkey_variable = "GROWTH_KEY"')
    known = profiles()
    assert (known["growth"].origin, known["growth"].mine) == (ELSEWHERE, True)
    assert known["growth"].source == "settings.toml"
    assert known["two"].folder == str(place.path / "two")


def test_a_named_folder_lies_beside_the_file_that_names_it(place, monkeypatch):
    place.project('[projects.sandbox]\nfolder = "data/sandbox"')
    (place.path / "data").mkdir()
    (place.path / "notebooks").mkdir()
    monkeypatch.chdir(place.path / "notebooks")
    assert connect("sandbox").kind == "embedded"
    assert (place.path / "data" / "sandbox").is_dir()
    with pytest.raises(InputError):
        connect("sandbox", key="phx_x")


def test_each_project_may_have_its_own_key_variable(place, asked, monkeypatch):
    place.user(f'[projects.growth]\norigin = "{ELSEWHERE}"\nkey_variable = "GROWTH_KEY"')
    monkeypatch.setenv(ENVIRONMENT_NAME, "phx_of_another")
    monkeypatch.setenv("GROWTH_KEY", "phx_of_growth")
    connect("growth")
    assert asked == [(ELSEWHERE, None, "phx_of_growth")]
    monkeypatch.delenv("GROWTH_KEY")
    with pytest.raises(CredentialsError) as caught:
        connect("growth")
    assert "GROWTH_KEY" in caught.value.hint


@pytest.mark.parametrize("origin", [ELSEWHERE, *HERE])
@pytest.mark.parametrize("named", [False, True])
def test_a_project_file_cannot_have_the_environments_key_sent_anywhere(
    place, asked, monkeypatch, origin, named
):
    chosen = f'target = "growth"\n[projects.growth]\norigin = "{origin}"'
    place.project(chosen if named else f'target = "{origin}"')
    monkeypatch.setenv(ENVIRONMENT_NAME, "phx_environment")
    with pytest.raises(CredentialsError, match="others chose"):
        connect()
    assert asked == []
    # What one says oneself is another matter, and so is a key kept for that very address.
    connect(origin)
    monkeypatch.setattr(keyring, "get_password", lambda service, name: f"phx_for_{name}")
    connect()
    assert asked == [
        (origin, None, "phx_environment"),
        (origin, None, f"phx_for_{origin}"),
    ]


@pytest.mark.parametrize("origin", [ELSEWHERE, *HERE])
def test_an_address_that_the_user_named_before_is_trusted(place, asked, monkeypatch, origin):
    place.project(f'target = "{origin}/"')
    place.user(f'[projects.mine]\norigin = "{origin}"')
    monkeypatch.setenv(ENVIRONMENT_NAME, "phx_environment")
    connect()
    assert asked == [(f"{origin}/", None, "phx_environment")]


def test_the_environment_may_choose_too(place, asked, monkeypatch):
    place.project('target = "demo"')
    monkeypatch.setenv("EXP_JUPYTER_TARGET", ELSEWHERE)
    monkeypatch.setenv(ENVIRONMENT_NAME, "phx_environment")
    connect()
    assert asked == [(ELSEWHERE, None, "phx_environment")]


def test_a_misspelt_name_makes_no_folder(place):
    place.project(f'[projects.growth]\norigin = "{CLOUD}"')
    with pytest.raises(InputError, match="'growht'") as caught:
        connect("growht")
    assert '"growth"' in caught.value.hint
    assert "./growht" in caught.value.hint
    assert not (place.path / "growht").exists()
    assert connect("./growht").label == "growht"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("project = 1", "either an origin or a folder"),
        (f'origin = "{CLOUD}"\nfolder = "x"', "either an origin or a folder"),
        ('folder = "x"\nproject = 1', "number of a project"),
        (f'origin = "{CLOUD}"\nproject = "twelve"', "number of a project"),
        (f'origin = "{CLOUD}"\nkey = "phx_x"', "'key' is none of"),
        (f'origin = "{CLOUD}"\nkey_variable = "AWS_SECRET"', "your own settings file"),
    ],
)
def test_an_entry_that_cannot_be_used_says_why(place, entry, words):
    place.project(f"[projects.growth]\n{entry}")
    with pytest.raises(InputError, match=words) as caught:
        connect("growth")
    assert "phx_x" not in str(caught.value)


def test_demo_is_nobodys_name(place):
    place.project(f'[projects.demo]\norigin = "{CLOUD}"')
    with pytest.raises(InputError, match="always the embedded demo"):
        connect("growth")
    assert connect("demo").kind == "embedded"


@pytest.mark.parametrize(
    ("answer", "priority", "kept"),
    [("y", 5, True), (" Yes ", 5, True), ("", 5, False), ("no", 5, False), ("y", 0, False)],
)
def test_a_typed_key_is_remembered_only_after_a_yes(
    place, asked, monkeypatch, answer, priority, kept
):
    held = {}
    monkeypatch.setattr(keyring, "get_keyring", lambda: type("Ring", (), {"priority": priority}))
    monkeypatch.setattr(keyring, "set_password", lambda *entry: held.update({entry[:2]: entry[2]}))
    monkeypatch.setattr("exp_jupyter.client.http.credentials._someone_is_there", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda words: "phx_typed")
    questions = []
    monkeypatch.setattr("builtins.input", lambda words: questions.append(words) or answer)
    connect(ELSEWHERE)
    assert held == ({("exp_jupyter", ELSEWHERE): "phx_typed"} if kept else {})
    assert len(questions) == (1 if priority else 0)


def test_a_key_that_was_found_is_not_asked_about(place, asked, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT_NAME, "phx_environment")
    monkeypatch.setattr("builtins.input", lambda words: pytest.fail("asked"))
    connect(ELSEWHERE)


def test_a_folders_key_is_taken_back_when_the_session_ends(tmp_path):
    import gc
    import sqlite3

    project = connect(str(tmp_path / "growth"))
    assert project.experiments.list().count == 0
    del project
    gc.collect()
    (database,) = (tmp_path / "growth").glob("*.sqlite*")
    with sqlite3.connect(database) as connection:
        rows = connection.execute("SELECT label, revoked_at FROM keys").fetchall()
    connection.close()
    assert [label for label, _ in rows] == ["notebook session"]
    assert all(revoked for _, revoked in rows)
