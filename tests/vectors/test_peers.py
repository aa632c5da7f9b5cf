"""Every reference vector made by another package, within the tolerance each case states.

The files are those beside this one, or those named in EXP_VECTORS.
"""

from __future__ import annotations

import peers_beyond
import peers_core
import pytest
import vector_files

ADAPTERS = {**peers_core.ADAPTERS, **peers_beyond.ADAPTERS}
CASES = vector_files.of_shape("family")


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_engine_agrees_with_its_peers(case: vector_files.Case) -> None:
    assert case["family"] in ADAPTERS, f"no adapter for the family {case['family']!r}"
    got = ADAPTERS[case["family"]](case["inputs"])
    vector_files.assert_close(
        got, case["expected"], case["family"], relative=case["rtol"], absolute=1e-10
    )
