"""Every reference vector made by another package, within the tolerance each case states.

The files are those beside this one, or those named in EXP_VECTORS.
"""

from __future__ import annotations

import peers_beyond
import peers_core
import pytest
import vector_files

ADAPTERS = (peers_core.ADAPTERS, peers_beyond.ADAPTERS)
CASES = vector_files.of_shape("family")


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_engine_agrees_with_its_peers(case: vector_files.Case) -> None:
    adapters = [known[case["family"]] for known in ADAPTERS if case["family"] in known]
    assert adapters, f"no adapter for the family {case['family']!r}"
    for adapter in adapters:
        vector_files.assert_close(
            adapter(case["inputs"]),
            case["expected"],
            case["family"],
            relative=case["rtol"],
            absolute=1e-10,
        )
