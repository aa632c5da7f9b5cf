"""Every reference vector made by PostHog's own statistics, within the stated tolerances.

The files are those beside this one, or those named in EXP_VECTORS.
"""

from __future__ import annotations

import posthog_product
import posthog_statistics
import pytest
import vector_files

from exp_jupyter.errors import InputError

ADAPTERS = posthog_statistics.KINDS | posthog_product.KINDS
CASES = vector_files.of_shape("method")


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_engine_agrees_with_posthog(case: vector_files.Case) -> None:
    assert case["method"] in ADAPTERS, f"no adapter for the kind {case['method']!r}"
    adapter = ADAPTERS[case["method"]]
    if "error" in case:
        with pytest.raises(InputError):
            adapter(case["inputs"])
        return
    got = adapter(case["inputs"])
    posthog_statistics.check(case, got)
    if case["method"] == "result_assembly":
        posthog_product.check_untested(case["expected"], got)


def test_every_case_says_what_it_is_about() -> None:
    unknown = [
        case.get("id") for case in vector_files.cases() if not {"method", "family"} & set(case)
    ]
    assert vector_files.cases(), "the files hold no case"
    assert not unknown
