from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.data.dataset import Dataset, balanced, find
from edge.errors import ConversionError, EdgeError

classes = st.lists(st.integers(0, 4), min_size=1, max_size=60).map(lambda values: np.array(values, np.int64))


def folders(root: Path, **counts: int) -> Path:
    for name, count in counts.items():
        (root / name).mkdir()
        for number in range(count):
            (root / name / f"{number}.JPG").touch()
    return root


def test_labels_are_the_sorted_folder_names_and_other_files_are_passed_over(tmp_path: Path):
    (tmp_path / "LICENSE").touch()
    (tmp_path / ".cache").mkdir()
    found = find(folders(tmp_path, whole=2, broken=1))
    (tmp_path / "whole" / "notes.txt").touch()
    assert found.labels == ("broken", "whole")
    assert found.classes.tolist() == [0, 1, 1]
    assert [path.parent.name for path in found.paths] == ["broken", "whole", "whole"]


def test_numbers_are_sorted_as_numbers(tmp_path: Path):
    assert find(folders(tmp_path, **{"10": 1, "9": 1, "1": 1})).labels == ("1", "9", "10")


def test_a_labels_file_gives_the_order_and_may_name_classes_without_pictures(tmp_path: Path):
    found = find(folders(tmp_path, cat=1, dog=1), labels=("dog", "owl", "cat"))
    assert found.labels == ("dog", "owl", "cat")
    assert sorted(found.classes.tolist()) == [0, 2]


def test_a_folder_that_is_not_a_label_is_named_with_the_nearest(tmp_path: Path):
    with pytest.raises(ConversionError, match=r"dogs.*did you mean 'dog'"):
        find(folders(tmp_path, cat=1, dogs=1), labels=("dog", "cat"))


@pytest.mark.parametrize("counts", [{}, {"only": 3}, {"full": 1, "empty": 0}])
def test_too_little_is_refused(tmp_path: Path, counts: dict[str, int]):
    with pytest.raises(ConversionError, match=r"expected"):
        find(folders(tmp_path, **counts))


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(ConversionError, match=r"nowhere: cannot be read"):
        find(tmp_path / "nowhere")


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Root may read everything, so the test becomes somebody else."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    yield
    os.seteuid(me)


def test_a_folder_that_may_not_be_read_is_named(unprivileged: None):
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        root = folders(Path(name), good=2, bad=2)
        (root / "bad").chmod(0)
        with pytest.raises(EdgeError, match=r"bad: cannot be listed \(Permission denied\)"):
            find(root)
        root.chmod(0)
        with pytest.raises(ConversionError, match=r"cannot be read \(Permission denied\)"):
            find(root)
        root.chmod(0o700)
        (root / "bad").chmod(0o700)


@given(classes, st.floats(0.0, 1.0), st.integers(0, 9))
def test_a_split_divides_every_class_and_loses_nothing(members: np.ndarray, share: float, seed: int):
    paths = tuple(Path(str(number)) for number in range(len(members)))
    first, second = Dataset(tuple("abcde"), paths, members).split(share, seed)
    assert sorted(first.paths + second.paths) == sorted(paths)
    for index in range(5):
        assert (second.classes == index).sum() == int((members == index).sum() * share)


@given(classes, st.integers(1, 60), st.integers(0, 9))
def test_a_balanced_choice_takes_the_classes_in_turn(members: np.ndarray, count: int, seed: int):
    chosen = balanced(members, count, seed)
    assert len(set(chosen.tolist())) == len(chosen) == min(count, len(members))
    taken, there = np.bincount(members[chosen], minlength=5), np.bincount(members, minlength=5)
    for index in range(5):
        if taken[index] < there[index]:
            assert taken[index] >= taken.max() - 1


def test_the_same_seed_chooses_the_same(tmp_path: Path):
    whole = find(folders(tmp_path, a=9, b=9))
    assert whole.split(0.5, 3)[0].paths == whole.split(0.5, 3)[0].paths
    assert whole.split(0.5, 3)[0].paths != whole.split(0.5, 4)[0].paths
