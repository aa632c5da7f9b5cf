"""The command: a project on loopback, found by other programs, stopped in order."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from exp_jupyter.command import main
from exp_jupyter.errors import InputError, StoreError
from exp_jupyter.server.serving import owner_key, serve
from exp_jupyter.server.store import ProjectStore


@contextlib.contextmanager
def _served(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "exp_jupyter.command", "serve", *arguments, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )
    assert process.stdout
    try:
        lines = [process.stdout.readline() for _ in range(3)]
        yield process, lines
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def _address(lines: list[str]) -> str:
    return next(word for word in lines[0].split() if word.startswith("http://")).rstrip(";")


def test_a_folder_is_served_with_a_key_until_it_is_told_to_stop(tmp_path: Path) -> None:
    with _served(str(tmp_path / "growth")) as (process, lines):
        assert process.stdout
        address = _address(lines)
        assert f"%exp_connect {address} --project 1" in lines[1]
        key = process.stdout.readline().strip().partition("=")[2]
        own = {"Authorization": f"Bearer {key}"}
        project = f"{address}/api/projects/@current/"
        with httpx.Client(trust_env=False) as client:
            assert client.get(project).status_code == 401
            assert client.get(project, headers=own).json()["name"] == "growth"
            strange = client.get(project, headers={**own, "Host": "evil.example"})
            assert (strange.status_code, strange.json()["code"]) == (400, "invalid_host")
            made = client.post(
                f"{project}experiments/",
                headers=own,
                json={"name": "n", "feature_flag_key": "n"},
            )
            assert made.status_code == 201
            large = client.post(
                f"{project}experiments/", headers=own, content=b" " * (5 * 1024 * 1024)
            )
            assert large.status_code == 413
            assert client.post(f"{address}/trial/reset", headers=own).status_code == 404
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(timeout=30) == 0
    assert "phc_" in rest
    assert rest.endswith("\nStopped.\n")
    store = ProjectStore(tmp_path / "growth")
    with store.read() as work:
        assert work.experiments.count() == 1
    store.close()


def test_a_trial_project_is_reset_and_told_fixtures(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    with _served(str(tmp_path / "unused"), "--trial-keys", str(file)) as (process, lines):
        address, keys = _address(lines), json.loads(file.read_text())
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        own = {"Authorization": f"Bearer {keys['owner']}"}
        flags = f"{address}/api/projects/@current/feature_flags/"
        with httpx.Client(trust_env=False, headers=own) as client:
            assert client.post(flags, json={"key": "door"}).status_code == 201
            context = {"rows": [{"flag_key": "door", "name": "web"}]}
            body: dict[str, Any] = {"kind": "evaluation_contexts", "data": context}
            assert client.post(f"{address}/trial/fixture", json=body).status_code == 200
            assert client.get(flags).json()["results"][0]["evaluation_contexts"] == ["web"]
            unknown = {"kind": "weather", "data": {}}
            assert client.post(f"{address}/trial/fixture", json=unknown).status_code == 400
            assert client.post(f"{address}/trial/reset").json() == {"keys": keys}
            assert client.get(flags).json()["count"] == 0
            stranger = {"Authorization": "Bearer phx_x"}
            refused = client.post(f"{address}/trial/reset", headers=stranger)
            assert refused.status_code == 401
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "example.com", "::"])
def test_nothing_but_loopback_is_listened_on(tmp_path: Path, host: str) -> None:
    with pytest.raises(InputError, match="this machine only"):
        serve(tmp_path / "p", host=host, trial_keys=tmp_path / "keys.json")
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Port 70000"):
        serve(tmp_path / "p", port=70000)


def test_the_command_says_what_went_wrong_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("chapter one")
    assert main(["serve", str(tmp_path), "--port", "0"]) == 1
    said = capsys.readouterr().err
    assert "no project" in said
    assert "Traceback" not in said


def test_a_key_is_made_once_unless_it_is_asked_for(tmp_path: Path) -> None:
    store = ProjectStore(tmp_path / "p", durable=False)
    first, second, third = owner_key(store), owner_key(store), owner_key(store, always=True)
    assert first
    assert second is None
    assert third not in (None, first)
    store.close()
