import sys
from pathlib import Path

# The tables stand beside the tests that use them, the oracle and the worlds in the warehouse's.
here = Path(__file__).parent
sys.path[:0] = [str(here), str(here.parent / "warehouse")]
