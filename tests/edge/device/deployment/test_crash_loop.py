"""What counts against a committed model, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.device.deployment.crash_loop import FILE, CrashLoop


def brought_down(folder: Path, sha256: str = "a") -> None:
    """A run that is gone without a word."""
    CrashLoop(folder).begin(sha256)


def test_runs_that_were_brought_down_are_counted_one_after_another(tmp_path: Path) -> None:
    assert CrashLoop(tmp_path).ends("a") == 0
    for times in (1, 2, 3):
        brought_down(tmp_path)
        assert CrashLoop(tmp_path).ends("a") == times
    assert CrashLoop(tmp_path).ends("another") == 0


def test_another_artifact_begins_anew(tmp_path: Path) -> None:
    brought_down(tmp_path)
    brought_down(tmp_path, "another")
    assert (CrashLoop(tmp_path).ends("a"), CrashLoop(tmp_path).ends("another")) == (0, 1)


def test_an_end_in_order_proves_it(tmp_path: Path) -> None:
    brought_down(tmp_path)
    run = CrashLoop(tmp_path)
    run.begin("a")
    run.clear()
    assert list(tmp_path.iterdir()) == []


def test_time_proves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = CrashLoop(tmp_path)
    run.begin("a")
    run.look()
    assert run.ends("a") == 1
    monkeypatch.setattr("edge.device.deployment.crash_loop.time.monotonic", lambda: 1e9)
    run.look()
    assert run.ends("a") == 0


def test_the_factory_model_is_not_counted(tmp_path: Path) -> None:
    brought_down(tmp_path)
    brought_down(tmp_path, "")
    assert list(tmp_path.iterdir()) == []


def test_a_power_cut_says_nothing_against_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    brought_down(tmp_path)
    other = tmp_path / "boot_id"
    other.write_text("of another run\n")
    monkeypatch.setattr("edge.device.deployment.crash_loop._BOOT_ID", other)
    assert CrashLoop(tmp_path).ends("a") == 0
    brought_down(tmp_path)
    assert CrashLoop(tmp_path).ends("a") == 1


@pytest.mark.parametrize(
    "left", [b"", b"{", b"[]", b'{"runs": 3}', b'{"sha256": "a", "boot": 1, "runs": "x"}', b"\xff"]
)
def test_a_file_that_says_nothing_counts_nothing(tmp_path: Path, left: bytes) -> None:
    (tmp_path / FILE).write_bytes(left)
    assert CrashLoop(tmp_path).ends("a") == 0


def test_a_disk_that_refuses_it_costs_no_more_than_the_count(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = tmp_path / "gone"
    CrashLoop(gone).begin("a")
    assert "not written" in caplog.text
    assert CrashLoop(gone).ends("a") == 0
