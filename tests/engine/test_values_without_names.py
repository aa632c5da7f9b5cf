"""Lists where a value for each variant is expected: refused with the form to give."""

from __future__ import annotations

import pytest

from exp_jupyter import engine
from exp_jupyter.errors import InputError


@pytest.mark.parametrize(
    "call",
    [
        lambda: engine.sample_ratio_mismatch([100, 200], {"control": 1, "test": 1}),
        lambda: engine.sample_ratio_mismatch({"control": 100, "test": 120}, [50, 50]),
        lambda: engine.anytime_sample_ratio_mismatch([1, 2], {"control": 1, "test": 1}),
        lambda: engine.anytime_sample_ratio_mismatch({"control": 1}, [50, 50]),
        lambda: engine.multiple_variant_bias([100, 200], [50, 50]),
        lambda: engine.winsorize([[1, 2], [3, 4]], upper=0.9),
    ],
)
def test_a_list_without_names_is_refused(call):
    with pytest.raises(InputError, match="is a list; expected a value for each variant"):
        call()
