"""The path of something in a project never leads out of the project."""

import pytest

from exp_jupyter.errors import InputError


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_an_id_of_dots_is_refused(project, part):
    with pytest.raises(InputError, match="only dots"):
        project.path("experiments", part)


@pytest.mark.parametrize("part", ["../..", "a/b", "a?b", "a#b", "ä %"])
def test_any_other_id_stays_one_part_of_the_path(project, part):
    path = project.path("experiments", part)
    assert path.count("/") == project.path("experiments", "x").count("/")
    assert not set("?# ") & set(path)
