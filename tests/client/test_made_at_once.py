"""Many make one thing at the same instant: it is made once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import exp_jupyter
from exp_jupyter.server.services.experiments import prompts as prompt_store
from exp_jupyter.server.services.people import people
from exp_jupyter.server.store import ProjectStore

CLIENTS = 12


def _all_at_once(folder: Path, make: Callable[[Any], Any]) -> list[str]:
    clients = [exp_jupyter.connect(f"{folder}") for _ in range(CLIENTS)]
    start = threading.Barrier(CLIENTS)

    def run(project: Any) -> str:
        write = make(project)
        start.wait()
        return str(write.send().kind)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return sorted(pool.map(run, clients))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project = exp_jupyter.connect(f"{tmp_path / 'shop'}")
    project.flags.create("prices", variants=["control", "test"]).send()
    project.experiments.create("Prices in June", flag_key="prices").send()
    return tmp_path / "shop"


def test_one_experiment_is_made_on_a_flag_there_is(folder: Path) -> None:
    told = _all_at_once(
        folder, lambda project: project.experiments.create("Rounded", flag_key="prices")
    )
    assert told == ["already_done"] * (CLIENTS - 1) + ["applied"]
    assert len(list(exp_jupyter.connect(f"{folder}").experiments.iterate())) == 2


def test_one_copy_is_made(folder: Path) -> None:
    told = _all_at_once(
        folder,
        lambda project: project.experiments.duplicate(
            "Prices in June", name="Prices in July", flag_key="prices"
        ),
    )
    assert told == ["already_done"] * (CLIENTS - 1) + ["applied"]


def test_one_experiment_is_made_with_a_new_flag(folder: Path) -> None:
    told = _all_at_once(folder, lambda project: project.experiments.create("Rounded"))
    assert told == ["already_done"] * (CLIENTS - 1) + ["applied"]


@pytest.fixture
def prompts(folder: Path) -> Path:
    store = ProjectStore(folder)
    with store.write() as work:
        author = people.actor_of(work, 1)
        prompt_store.create(work, author, "reply", "Be brief.")
        prompt_store.publish(work, author, "reply", "Be kind.", 1)
    store.close()
    return folder


def _from_prompt(**options: Any) -> Callable[[Any], Any]:
    return lambda project: project.experiments.from_prompt("reply", [1, 2], ["cost"], **options)


@pytest.mark.parametrize("options", [{}, {"name": "Kinder"}, {"flag_key": "kinder"}])
def test_one_experiment_is_made_from_a_prompt(prompts: Path, options: dict[str, str]) -> None:
    told = _all_at_once(prompts, _from_prompt(**options))
    assert told == ["already_done"] * (CLIENTS - 1) + ["applied"]
    assert len(list(exp_jupyter.connect(f"{prompts}").experiments.iterate())) == 2


def test_one_is_made_from_a_prompt_whose_usual_key_is_taken(prompts: Path) -> None:
    project = exp_jupyter.connect(f"{prompts}")
    project.flags.create("kinder", variants=["control", "test"]).send()
    told = _all_at_once(prompts, _from_prompt(name="Kinder"))
    assert told == ["already_done"] * (CLIENTS - 1) + ["applied"]
    keys = {one.feature_flag_key for one in project.experiments.iterate()}
    assert keys == {"prices", "kinder-2"}


def test_whoever_does_not_ask_for_one_alone_may_make_a_second(folder: Path) -> None:
    project = exp_jupyter.connect(f"{folder}")
    body = {"name": "Prices in June", "feature_flag_key": "prices"}
    made = project.transport.write("POST", project.path("experiments"), body)
    assert made["name"] == "Prices in June"
