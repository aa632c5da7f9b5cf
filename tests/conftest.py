"""What every test stands on: each module that opens the demo gets a fresh copy of it."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def demo_of_its_own() -> Iterator[None]:
    yield
    if "exp_jupyter.server.demo" in sys.modules:
        from exp_jupyter.server.demo import close_demo

        close_demo()
