"""Settings: pyproject, user file, environment, %config; the last one wins."""

import pytest

from exp_jupyter.errors import CredentialsError, InputError


@pytest.fixture
def everywhere(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text(
        '[tool.exp_jupyter]\nalpha = 0.2\nmode = "recommended"\ntarget = "./growth"\n'
    )
    user = tmp_path / "config" / "exp_jupyter"
    user.mkdir(parents=True)
    (user / "settings.toml").write_text('alpha = 0.1\nmode = "compat"\n')
    monkeypatch.setenv("EXP_JUPYTER_ALPHA", "0.01")


def sources(run) -> dict[str, tuple[str, str]]:
    return {one.name: (one.value, one.source) for one in run("%exp_config").settings}


def test_every_setting_says_where_it_comes_from(bare_shell, everywhere, shell, run):
    run("%config ExpMagics.method = 'sequential'")
    found = sources(run)
    assert found["alpha"] == ("0.01", "environment (EXP_JUPYTER_ALPHA)")
    assert found["mode"] == ("compat", "settings.toml")
    assert found["target"] == ("./growth", "pyproject.toml")
    assert found["method"] == ("sequential", "%config")
    assert run("%exp_config").to_frame().columns.tolist() == ["setting", "value", "source"]
    assert found["debug"] == ("False", "default")


def test_alpha_is_used_where_a_magic_does_not_say(run):
    run("%config ExpMagics.alpha = 0.01")
    assert run("%exp_size funnel --baseline 0.12 --mde 5").alpha == 0.01
    assert run("%exp_size funnel --baseline 0.12 --mde 5 --alpha 0.1").alpha == 0.1
    assert run("%exp_compare 480/4000 530/4000").effect.level == pytest.approx(0.99)


def test_the_projects_own_formula_keeps_its_own_alpha(run):
    run("%config ExpMagics.alpha = 0.01")
    assert run("%exp_size funnel --baseline 0.12 --mde 5 --mode compat").sample_size == 93867


@pytest.mark.parametrize("text", ["[tool.exp_jupyter]\nalpha = 'x'\n", "[tool.exp_jupyter\n"])
def test_an_unusable_file_is_told_and_nothing_is_loaded(bare_shell, tmp_path, text):
    (tmp_path / "pyproject.toml").write_text(text)
    before = list(bare_shell.configurables)
    result = bare_shell.run_cell("%load_ext exp_jupyter")
    assert isinstance(result.error_in_exec, InputError)
    assert "pyproject.toml" in result.error_in_exec.message
    assert "exp_size" not in bare_shell.magics_manager.magics["line"]
    assert bare_shell.configurables == before


def test_a_projects_file_cannot_send_the_environments_key_to_its_own_address(
    bare_shell, tmp_path, monkeypatch
):
    monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", "phx_of_somebody_else")
    monkeypatch.setattr("keyring.get_password", lambda *_: None)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.exp_jupyter]\ntarget = "https://not-posthog.example"\n'
    )
    bare_shell.run_line_magic("load_ext", "exp_jupyter")
    error = bare_shell.run_cell("%exp_connect --project 1").error_in_exec
    assert isinstance(error, CredentialsError)
    assert "phx_of_somebody_else" not in "".join(error.lines)


def test_a_target_of_the_session_is_its_own_word(run):
    run("%config ExpMagics.target = 'demo'")
    assert run("%exp_connect").kind == "embedded"
