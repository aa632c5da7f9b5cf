"""What every test stands on: each module that opens the demo gets a fresh copy of it."""

import signal
import sys
from collections.abc import Iterator

import pytest

# A shell starts background jobs with Ctrl-C ignored, and tests of interrupts would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="module")
def demo_of_its_own() -> Iterator[None]:
    yield
    if "exp_jupyter.server.demo" in sys.modules:
        from exp_jupyter.server.demo import close_demo

        close_demo()
