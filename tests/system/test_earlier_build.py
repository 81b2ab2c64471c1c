"""A device and a monitor that an earlier build left behind: ``tests/data/earlier_build.tar.xz``.

Written by the build before the packages moved: a line of 80 frames with drift, audits, a signed model on trial in
slot A (two more loads allowed), and the monitor that heard of it over MQTT.
"""

from __future__ import annotations

import json
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from edge.cli.main import main
from edge.device.buffer import Buffer
from edge.device.slots import FOLDER, Slots
from edge.inference.artifact import Artifact
from edge.inference.artifact.artifact import MANIFEST, REFERENCE, SIGNATURE
from edge.inference.model import load
from edge.monitor import Store
from edge.monitor.queries.reader import SqlReader
from edge.monitor.queries.reading import StatisticsSpan
from edge.trust import Trust
from tests.support.supervisor import decisions

pytestmark = pytest.mark.system

KEPT = Path(__file__).parents[1] / "data" / "earlier_build.tar.xz"
BOOT = "000001-6f28d1"
CONFIG = """
[device]
id = "line-1"
[source]
uri = "sim://line?count=80&pace=fast&width=64&height=48&defects=0.3"
[model]
path = "cookie1.tflite"
[slots]
shadow = 0
trial_frames = 40
max_latency_ratio = 1000.0
"""


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """The folder as that build left it."""
    with tarfile.open(KEPT) as packed:
        packed.extractall(tmp_path, filter="data")
    (tmp_path / "edge.toml").write_text(CONFIG)
    return tmp_path


def test_its_artifact_is_read_with_all_that_belongs_to_it(left: Path) -> None:
    artifact = Artifact.load(left / "cookie1.tflite")
    assert artifact.manifest is not None and artifact.manifest.version == 1
    assert set(artifact.files) >= {MANIFEST, "golden.bin", REFERENCE, SIGNATURE}
    assert load(left / "cookie1.tflite", state=left / "state").labels == ("bad", "whole")


def test_its_records_are_all_in_the_buffer(left: Path) -> None:
    with closing(Buffer(left / "state" / "buffer.db")) as buffer:
        assert buffer.set_aside is None
        assert [(boot, record.seq) for boot, record in buffer.records()] == [(BOOT, seq) for seq in range(80)]


def test_its_slots_and_keys_are_understood(left: Path) -> None:
    state = Slots(left / "state" / FOLDER).state()
    assert (state.active, state.trial, state.attempts, state.problems) == ("", "A", 2, ())
    (key,) = Trust(left / "state" / "trust").keys()
    assert key.name == "works"


def test_its_trial_goes_on_and_is_committed(left: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "-c", str(left / "edge.toml"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["buffered"] == 80
    state = Slots(left / "state" / FOLDER).state()
    assert (state.active, state.trial) == ("A", "")
    assert state.outcome is not None and state.outcome.result == "committed"
    assert len(decisions(left / "state")) == 160


def test_its_monitor_has_every_message_and_merges_the_statistics(left: Path) -> None:
    with closing(Store(left / "monitor.db")) as store:
        assert [(boot, record.seq) for boot, record in store.records("line-1")] == [(BOOT, seq) for seq in range(80)]
        assert [store.count(kind, "line-1") for kind in ("drift", "stats", "audit")] == [2, 2, 8]
        store.add_reference(Artifact.load(left / "cookie1.tflite").files[REFERENCE], "cookie1", 1)
        (merged,) = SqlReader(store.engine).merged(span=StatisticsSpan(model="cookie1"))
        assert merged.pane.n == 60
