"""Many make one thing at the same instant: it is made once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import exp_jupyter

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


def test_whoever_does_not_ask_for_one_alone_may_make_a_second(folder: Path) -> None:
    project = exp_jupyter.connect(f"{folder}")
    body = {"name": "Prices in June", "feature_flag_key": "prices"}
    made = project.transport.write("POST", project.path("experiments"), body)
    assert made["name"] == "Prices in June"
