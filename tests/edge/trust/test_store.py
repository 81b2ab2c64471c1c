"""The keys a device trusts, their exchange, and the ratchet that no version goes below."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from edge.errors import ConfigError, StateError
from edge.trust import Trust
from edge.trust.signature import key_id

A, B, C = (bytes([number]) * 32 for number in range(3))
IDS = {name: key_id(name) for name in (A, B, C)}


@pytest.fixture
def empty(tmp_path: Path) -> Trust:
    return Trust(tmp_path / "state" / "trust")


def test_a_new_device_trusts_nobody(empty: Trust):
    assert empty.keys() == ()
    assert empty.ratchet("cookie") is None
    assert not empty.folder.exists()


def test_keys_outlast_the_process(empty: Trust):
    empty.add(A, "works")
    empty.add(A, "works again")
    (key,) = Trust(empty.folder).keys()
    assert (key.id, key.raw, key.name) == (IDS[A], A, "works")


def test_a_third_key_is_refused_with_the_way_out(empty: Trust):
    empty.add(A)
    empty.add(B)
    with pytest.raises(ConfigError, match=f"2 keys are trusted already .{IDS[A]}, {IDS[B]}.; remove one"):
        empty.add(C)
    assert empty.key_ids() == (IDS[A], IDS[B])


def test_a_key_is_exchanged_without_a_way_back_to_old_versions(empty: Trust):
    empty.add(A)
    empty.committed(IDS[A], "cookie", 7)
    empty.add(B)
    assert empty.ratchet("cookie") == 7
    empty.committed(IDS[B], "cookie", 8)
    empty.remove(IDS[A])
    assert empty.key_ids() == (IDS[B],)
    assert empty.ratchet("cookie") == 8


def test_with_a_stolen_key_goes_the_version_it_was_driven_to(empty: Trust):
    empty.add(A)
    empty.add(B)
    empty.committed(IDS[A], "cookie", 7)
    empty.committed(IDS[B], "cookie", 1006)
    empty.remove(IDS[B])
    assert empty.ratchet("cookie") == 7


def test_the_other_key_can_take_over_the_versions(empty: Trust):
    empty.add(A)
    empty.add(B)
    empty.committed(IDS[A], "cookie", 7)
    empty.committed(IDS[A], "bread", 2)
    empty.committed(IDS[B], "bread", 3)
    empty.remove(IDS[A], keep_versions=True)
    assert empty.versions(IDS[B]) == {"bread": 3, "cookie": 7}
    with pytest.raises(ConfigError, match="the only key"):
        empty.remove(IDS[B], keep_versions=True)


def test_an_unknown_key_cannot_be_removed(empty: Trust):
    empty.add(A)
    with pytest.raises(ConfigError, match=f"'abc': not a trusted key; trusted: {IDS[A]}"):
        empty.remove("abc")


def test_versions_without_a_signature_count_only_where_none_is_required(tmp_path: Path):
    lax = Trust(tmp_path / "trust", require_signature=False)
    lax.committed("", "cookie", 900)
    assert lax.ratchet("cookie") == 900
    assert Trust(tmp_path / "trust").ratchet("cookie") is None


def test_a_removed_key_moves_no_ratchet(empty: Trust):
    empty.add(A)
    empty.remove(IDS[A])
    empty.committed(IDS[A], "cookie", 9)
    assert empty.ratchet("cookie") is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"schema": 2}',
        '{"keys": [{"id": "0123456789abcdef", "public": "AAAA"}]}',
        '{"keys": [{"id": "x", "public": "!"}]}',
        '{"versions": {"": {"cookie": "7"}}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_file_is_never_taken_for_an_empty_one(empty: Trust, content: str):
    empty.folder.mkdir(parents=True)
    empty.path.write_text(content, "utf-8")
    for call in (empty.keys, lambda: empty.add(A), lambda: empty.committed("", "cookie", 1)):
        with pytest.raises(StateError, match=r"trust\.json: damaged .*'edge keys trust'"):
            call()
    assert empty.path.read_text("utf-8") == content


def test_a_file_of_more_than_two_keys_is_refused(empty: Trust):
    for public in (A, B):
        empty.add(public)
    content = json.loads(empty.path.read_text("utf-8"))
    content["keys"] *= 2
    empty.path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(StateError, match="4 keys; expected at most 2"):
        empty.keys()


def test_nothing_half_written_stays(empty: Trust):
    empty.add(A)
    empty.committed(IDS[A], "cookie", 1)
    assert sorted(path.name for path in empty.folder.iterdir()) == ["lock", "trust.json"]


def test_several_processes_lose_nothing_of_each_other(empty: Trust):
    empty.add(A)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: Trust(empty.folder).committed(IDS[A], f"model-{n}", n), range(40)))
    assert empty.versions(IDS[A]) == {f"model-{n}": n for n in range(40)}


def test_what_root_adds_belongs_to_the_owner_of_the_state_folder(tmp_path: Path):
    owner = os.geteuid() or 12345  # only root makes files for others
    os.chown(tmp_path, owner, -1)
    trust = Trust(tmp_path / "trust")
    trust.add(A)
    for path in (trust.folder, trust.path, trust.folder / "lock"):
        assert path.stat().st_uid == owner
        assert stat.S_IMODE(path.stat().st_mode) & 0o022 == 0


class Life(RuleBasedStateMachine):
    """Any order of additions, commits and removals: never more than two keys, and a ratchet of trusted keys only that
    does not fall but when a key goes.
    """

    keys = Bundle("keys")

    @initialize(target=keys)
    def start(self):
        import tempfile

        self._folder = tempfile.TemporaryDirectory()
        self.trust = Trust(Path(self._folder.name) / "trust")
        self.model: dict[str, int] = {}
        return multiple(A, B, C)

    @rule(key=keys)
    def add(self, key: bytes):
        known = dict(self.model)
        if key_id(key) not in known and len(known) == 2:
            with pytest.raises(ConfigError):
                self.trust.add(key)
        else:
            self.trust.add(key)
            self.model.setdefault(key_id(key), 0)

    @rule(key=keys, version=st.integers(1, 9))
    def commit(self, key: bytes, version: int):
        self.trust.committed(key_id(key), "cookie", version)
        if key_id(key) in self.model:
            self.model[key_id(key)] = max(self.model[key_id(key)], version)

    @rule(key=keys, keep=st.booleans())
    def remove(self, key: bytes, keep: bool):
        id_ = key_id(key)
        if id_ not in self.model or (keep and len(self.model) == 1):
            with pytest.raises(ConfigError):
                self.trust.remove(id_, keep_versions=keep)
            return
        self.trust.remove(id_, keep_versions=keep)
        gone = self.model.pop(id_)
        if keep:
            (other,) = self.model
            self.model[other] = max(self.model[other], gone)

    @invariant()
    def agrees(self):
        if hasattr(self, "trust"):
            assert set(self.trust.key_ids()) == set(self.model)
            assert (self.trust.ratchet("cookie") or 0) == max(self.model.values(), default=0)

    def teardown(self):
        if hasattr(self, "_folder"):
            self._folder.cleanup()


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=25, stateful_step_count=15)
