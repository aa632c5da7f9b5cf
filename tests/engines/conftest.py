import sys
from pathlib import Path

import pytest

# The engines stand beside the tests that use them, the oracle and the worlds beside others.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "warehouse")]


@pytest.fixture(scope="session", params=["postgres", "datafusion", "chdb", "spark"])
def engine(request):
    from running_engines import ENGINES

    started = ENGINES[request.param]()
    yield started
    started.close()
