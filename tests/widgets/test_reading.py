"""Numbers and names as people write them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exp_jupyter.errors import InputError
from exp_jupyter.widgets import reading


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(derandomize=True, max_examples=100)
def test_a_number_comes_back(value):
    assert reading.number(repr(value)) == value


@pytest.mark.parametrize("text", ["", "%", "five", "nan", "inf", "-inf", "1,80", "1e999", "0x10"])
def test_anything_else_is_refused(text):
    with pytest.raises(InputError, match="is not a number"):
        reading.number(text)


def test_several_whole_numbers():
    assert reading.whole_numbers(" 1,2  3 ") == [1, 2, 3]
    assert reading.whole_numbers("") == []
    with pytest.raises(InputError, match=r"'2\.5' is not a whole number"):
        reading.whole_numbers("1 2.5")
