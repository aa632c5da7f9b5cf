"""Advice can be followed on the spot: every option that a caution or a hint names exists there."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import exp_jupyter
from exp_jupyter import engine
from exp_jupyter.magics.extension import arguments_of

PACKAGE = Path(exp_jupyter.__file__).parent
OPTION = re.compile(r"\b([a-z_]+)=(\"[\w-]+\"|'[\w-]+'|True|False|[0-9][0-9.]*)")
SAID_BY = {"Caution", "Refusal"}
SURFACES = (exp_jupyter.compare, exp_jupyter.analyze, exp_jupyter.analyze_events)
MAGICS = ("analyze.compare", "analyze.analyze", "analyze.analyze_events")


def advice(makers: set[str], folders: tuple[str, ...]) -> set[tuple[str, str]]:
    """Return every ``option=value`` in the texts handed to these makers."""
    found: set[tuple[str, str]] = set()
    for folder in folders:
        for path in (PACKAGE / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name not in makers:
                    continue
                texts = (part for part in ast.walk(node) if isinstance(part, ast.Constant))
                for text in texts:
                    if isinstance(text.value, str):
                        found |= {(m[1], m[2].strip("\"'")) for m in OPTION.finditer(text.value)}
    return found


CAUTIONED = sorted(advice(SAID_BY, ("engine",)))
HINTED = sorted(advice({"InputError", "StatisticsError"}, ("engine", "analysis")))


def known_to(call: object) -> set[str]:
    return set(inspect.signature(call).parameters)  # type: ignore[arg-type]


def test_there_is_advice_to_follow():
    assert ("interval", "test") in CAUTIONED
    assert ("difference", "absolute") in CAUTIONED


@pytest.mark.parametrize(("option", "value"), CAUTIONED)
@pytest.mark.parametrize("surface", SURFACES, ids=lambda call: call.__name__)
def test_what_a_caution_names_is_an_option_of_the_call_that_shows_it(surface, option, value):
    assert option in known_to(surface), f"{option}={value}"


@pytest.mark.parametrize(("option", "value"), CAUTIONED)
@pytest.mark.parametrize("magic", MAGICS)
def test_and_of_its_magic(magic, option, value):
    assert f"--{option.replace('_', '-')}" in arguments_of(magic).usage_text(), f"{option}={value}"


@pytest.mark.parametrize(("option", "value"), HINTED)
def test_what_a_hint_names_is_an_option_somewhere_public(option, value):
    public = [getattr(engine, name) for name in engine.__all__]
    public += [getattr(exp_jupyter, name) for name in exp_jupyter.__all__]
    calls = [call for call in public if callable(call)]
    known = set().union(*(known_to(call) for call in calls if call is not None))
    methods = {
        name for call in calls if isinstance(call, type) for name in vars(call) if name[0] != "_"
    }
    known |= set().union(
        *(known_to(getattr(c, m)) for c in calls if isinstance(c, type) for m in methods
          if callable(getattr(c, m, None)))
    )  # fmt: skip
    assert option in known, f"{option}={value}"


@pytest.mark.parametrize(("option", "value"), [*CAUTIONED, ("interval", "delta")])
def test_following_it_answers(option, value):
    found = exp_jupyter.compare("12/1000", "30/1000", **{option: value})
    assert found.effect.p_value < 0.2
    rng = np.random.default_rng(4)
    table = pd.DataFrame(
        {"variant": np.repeat(["control", "test"], 200), "y": rng.exponential(2.0, 400)}
    )
    result = exp_jupyter.analyze(table, metrics="y:mean", **{option: value})
    assert np.isfinite(result.effect().estimate)
