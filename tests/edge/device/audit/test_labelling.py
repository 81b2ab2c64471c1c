"""Out to people and back."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.device.audit.answers import NAME, Label, add_answers, everything, read_answers
from edge.device.audit.export import export
from edge.device.audit.folder import AuditFolder
from edge.device.audit.labelling import Labelled, label
from edge.device.audit.models import ModelFacts, remember_model
from edge.device.audit.sample import AuditedPart
from edge.errors import ConfigError, StateError
from edge.inference.frames.frame import Image
from edge.inference.frames.images import find_images, is_labelled

FACTS = ModelFacts(("whole", "burnt", "a/b"), 1, 100)


@pytest.fixture
def folder(tmp_path: Path, sample: Callable[..., AuditedPart], noise: Callable[..., Image]) -> Path:
    """Four samples, the last one uncertain and called ``a/b``."""
    place = tmp_path / "audit"
    kept = AuditFolder(place, 1 << 20)
    for seq, said in enumerate(("whole", "whole", "burnt")):
        kept.keep(sample(seq, label=said), noise(seed=seq))
    kept.keep(sample(3, "uncertain", label="a/b"), noise(seed=3))
    remember_model(place, "cookie/1", FACTS)
    return place


def table(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def truths(folder: Path) -> list[str | None]:
    return [answer.true for answer in everything(folder).values()]


def test_an_export_is_a_labelled_data_set_with_a_table(folder: Path, tmp_path: Path) -> None:
    done = export(folder, tmp_path / "out")
    assert done.pictures == {"a%2Fb": 1, "burnt": 1, "whole": 2}
    images = find_images(tmp_path / "out")
    assert is_labelled(tmp_path / "out", images)
    with (tmp_path / "out" / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["path"] for row in rows} == {str(image.relative_to(tmp_path / "out")) for image in images}
    assert [(row["label"], row["predicted"], row["why"]) for row in rows[2:]] == [
        ("", "burnt", "random"),
        ("", "a/b", "uncertain"),
    ]


def test_the_table_comes_back_filled_in(folder: Path, tmp_path: Path) -> None:
    export(folder, tmp_path / "out")
    index = tmp_path / "out" / "index.csv"
    rows = list(csv.reader(index.read_text("utf-8").splitlines()))
    rows[1][2], rows[4][2] = "burnt", "a/b"
    with index.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    assert label(folder, index) == Labelled(2, 0, 0, 2)
    assert truths(folder) == ["burnt", None, None, "a/b"]
    assert export(folder, tmp_path / "again", labelled=True).pictures == {"a%2Fb": 1, "burnt": 1}
    assert export(folder, tmp_path / "random", why=["random"]).pictures == {"burnt": 2, "whole": 1}


def test_moved_pictures_come_back_as_labels(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(folder, out)
    (out / "whole" / "000001-abc-0.png").rename(out / "a%2Fb" / "000001-abc-0.png")
    (out / "burnt" / "000001-abc-2.png").unlink()
    assert label(folder, out) == Labelled(3, 0, 0, 0)
    assert truths(folder) == ["a/b", "whole", None, "a/b"]


def test_labels_by_path_change_and_the_last_one_holds(folder: Path, tmp_path: Path) -> None:
    first = table(tmp_path / "a.csv", "path,label\nx/000001-abc-0.png,whole\n000001-abc-1.png,burnt\n")
    second = table(tmp_path / "b.csv", "\ufeffid,label\n000001-abc-0,burnt\n000001-abc-1,burnt\n000001-abc-2, \n")
    assert label(folder, first) == Labelled(2, 0, 0, 0)
    assert label(folder, second) == Labelled(0, 1, 1, 1)
    assert truths(folder) == ["burnt", "burnt", None, None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,label\n000001-abc-0,burnt\n000001-abc-9,burnt\n", "line 3: no sample '000001-abc-9' here"),
        ("id,label\n000001-abc-0,brunt\n", "line 2: no model has the label 'brunt'; did you mean 'burnt'?"),
        ("id,label\n000001-abc-0,burnt\n000001-abc-0,whole\n", "'whole' here and 'burnt' before"),
        ("id,true\n000001-abc-0,burnt\n", "expected the columns label and id, or label and path; got id, true"),
        ("", "expected the columns label and id, or label and path; got none"),
        ("id,label\n000001-abc-0,\udcff\n", "cannot be read"),
    ],
)
def test_one_bad_line_is_named_and_nothing_is_taken(folder: Path, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError) as caught:
        label(folder, tmp_path / "a.csv")
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "a.csv"))
    assert read_answers(folder) == {}


def test_new_labels_are_taken_when_they_are_meant(folder: Path, tmp_path: Path) -> None:
    source = table(tmp_path / "a.csv", "id,label\n000001-abc-0,melted\n")
    assert label(folder, source, new_labels=True).new == 1
    assert label(folder, table(tmp_path / "b.csv", "id,label\n000001-abc-1,melted\n")).new == 1


def test_a_sample_that_was_exported_can_be_labelled_when_it_had_to_make_room(folder: Path, tmp_path: Path) -> None:
    export(folder, tmp_path / "out")
    for file in (folder / "random").iterdir():
        file.unlink()
    source = table(tmp_path / "a.csv", "id,label\n000001-abc-0,burnt\n")
    assert label(folder, source).new == 1
    assert truths(folder) == ["burnt", None, None, None]
    assert export(folder, tmp_path / "again").without_picture == 3


def test_a_torn_line_costs_itself_alone(folder: Path, sample: Callable[..., AuditedPart]) -> None:
    add_answers(folder, [Label(sample(0), "burnt"), Label(sample(1), "whole")])
    data = (folder / NAME).read_bytes()
    (folder / NAME).write_bytes(data[:-20])
    add_answers(folder, [Label(sample(2), "burnt")])
    assert {id_: answer.true for id_, answer in read_answers(folder).items()} == {
        "000001-abc-0": "burnt",
        "000001-abc-2": "burnt",
    }


def test_a_full_disk_leaves_the_answers_as_they_were(
    folder: Path, sample: Callable[..., AuditedPart], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_answers(folder, [Label(sample(0), "burnt")])
    before = (folder / NAME).read_bytes()

    def full(_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("edge.core.atomic.os.fsync", full)
        with pytest.raises(StateError, match="No space left"):
            add_answers(folder, [Label(sample(1), "burnt")])
    assert (folder / NAME).read_bytes() == before


def test_an_export_goes_into_no_folder_that_holds_something(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    with pytest.raises(StateError, match="expected a new or an empty folder"):
        export(folder, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
    (tmp_path / "out" / "mine.txt").unlink()
    assert sum(export(folder, tmp_path / "out").pictures.values()) == 4
