"""A state's file that was cut, changed or forged: one typed error that names it, never a number."""

from __future__ import annotations

import io
import zipfile
from random import Random

import numpy as np
import pytest
from shop_events import analyzed, until

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.stream.sealed_arrays import read_sealed, write_sealed


def analysed(path):
    return analyzed(until(6), state=path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "checkout.state"
    analyzed(until(5), state=path)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path, whole):
    path = tmp_path / "checkout.state"
    path.write_bytes(whole)
    return path


def sums(analysis):
    """Return every sum of every metric, variant and day, rounded."""
    return [
        {name: round(value, 6) for name, value in arm.sums.items() if isinstance(value, float)}
        for series in analysis
        for day in series.days
        for arm in (day.baseline, *day.arms.values())
    ]


def refused(path):
    """Have the file refused, and return what was said."""
    before = path.read_bytes()
    with pytest.raises(InputError) as caught:
        analysed(path)
    assert str(path) in caught.value.message
    assert "begin anew" in caught.value.hint
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    return caught.value.message


def test_the_file_as_it_was_written_goes_on(path):
    assert sums(analysed(path)) == sums(analysed(None))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.99])
def test_a_file_that_was_cut_is_refused(path, whole, share):
    path.write_bytes(whole[: int(len(whole) * share)])
    refused(path)


@pytest.mark.parametrize("less", [1, 8, 32, 39, 40, 41, 62])
def test_a_file_without_its_last_bytes_is_refused(path, whole, less):
    path.write_bytes(whole[:-less])
    refused(path)


def test_a_file_with_more_bytes_is_refused(path, whole):
    path.write_bytes(whole + b"\n")
    refused(path)


@pytest.mark.parametrize("seed", range(60))
def test_one_changed_bit_anywhere_is_refused(path, whole, seed):
    random = Random(seed)
    place = random.randrange(len(whole))
    changed = bytearray(whole)
    changed[place] ^= 1 << random.randrange(8)
    path.write_bytes(changed)
    refused(path)


def test_a_page_of_zeros_is_refused(path, whole):
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes(4096) + whole[middle + 4096 :])
    refused(path)


# What no seal can tell: a file that was put together by hand, with a digest that is right.


def _without(told, arrays, name):
    del arrays[next(key for key in arrays if key.startswith(name))]


def _shorter(told, arrays, name):
    key = next(key for key in arrays if key.startswith(name))
    arrays[key] = arrays[key][:-1]


def _of_kind(kind):
    def change(told, arrays, name):
        key = next(key for key in arrays if key.startswith(name))
        arrays[key] = arrays[key].astype(kind)

    return change


@pytest.mark.parametrize("name", ["names", "seen", "array", "index", "old", "cell"])
@pytest.mark.parametrize(
    "change",
    [_without, _shorter, _of_kind("float32"), _of_kind("S8"), _of_kind("complex")],
    ids=["gone", "shorter", "float32", "bytes", "complex"],
)
def test_arrays_that_do_not_belong_together_are_refused(path, name, change):
    told, arrays = read_sealed(path)
    change(told, arrays, name)
    write_sealed(path, told, arrays)
    assert "is damaged" in refused(path)


FORGED = {
    "no key": lambda told: told.pop("key"),
    "another key": lambda told: told.update(key="0" * 32),
    "no closed day": lambda told: told.pop("closed"),
    "a closed day in words": lambda told: told.update(closed="yesterday"),
    "a closed day beyond the calendar": lambda told: told.update(closed=10**18),
    "a closed day that never began": lambda told: told.update(closed=told["closed"] + 1),
    "a huge number of variants": lambda told: told.update(seen=[120, 10**13]),
    "a huge number of units": lambda told: told.update(seen=[10**13, 2]),
    "units below nothing": lambda told: told.update(seen=[-1, -1]),
    "activations that are none": lambda told: told.update(active=True),
    "arrays of no metric": lambda told: told.update(blanks={}),
    "one array more": lambda told: told["blanks"].update(more=0.0),
    "blanks in words": lambda told: told.update(blanks=dict.fromkeys(told["blanks"], "none")),
    "a blank that is another": lambda told: told.update(blanks=dict.fromkeys(told["blanks"], 7.0)),
    "notes that are none": lambda told: told.update(notes=7),
    "no days begun": lambda told: told.update(begun=[]),
    "a fingerprint that is none": lambda told: told.update(
        digests=[[at, "many"] for at, _ in told["digests"]]
    ),
    "a fingerprint of long ago": lambda told: told["digests"].append([-(10**16), "1 ff"]),
    "fingerprints of no day": lambda told: told.update(digests=[["today", "1 ff"]]),
    "nothing in words": lambda told: told.pop("about"),
    "words that are a list": lambda told: told.update(about=[1]),
    "a form in words": lambda told: told.update(form="newest"),
    "a list": lambda told: told.clear(),
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
def test_a_forged_state_is_refused(path, change):
    told, arrays = read_sealed(path)
    change(told)
    write_sealed(path, told, arrays)
    refused(path)


@pytest.mark.parametrize("word", ["variants", "metrics", "exposure", "start"])
@pytest.mark.parametrize("value", [7, "x", [1], {"a": [2]}, None])
def test_forged_words_are_no_raw_error(path, word, value):
    told, arrays = read_sealed(path)
    told["about"][word] = value
    told["key"] = "0" * 32
    write_sealed(path, told, arrays)
    refused(path)


def test_a_fingerprint_that_is_wrong_has_its_day_read_again(path):
    told, arrays = read_sealed(path)
    told["digests"] = [[at, "1 ff"] for at, _ in told["digests"]]
    write_sealed(path, told, arrays)
    assert sums(analysed(path)) == sums(analysed(None))


def _archive(write) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        write(archive)
    return raw.getvalue()


def test_an_archive_that_unpacks_to_gigabytes_is_not_unpacked(path):
    packed = _archive(lambda archive: archive.writestr("told.npy", bytes(200_000_000)))
    assert len(packed) < 1_000_000
    path.write_bytes(packed)
    refused(path)


def test_a_header_that_promises_terabytes_is_not_believed(path):
    told, arrays = read_sealed(path)
    write_sealed(path, told, {**arrays, "names": np.zeros(3, np.int64)})
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"'shape': (3,), ", b"'shape': (3333333333,),", 1))
    refused(path)


def test_an_older_version_s_state_says_so(path):
    _, arrays = read_sealed(path)
    with path.open("wb") as raw:
        np.savez(raw, told=np.array('{"form": 4}'), **arrays)
    assert "another version" in refused(path)
