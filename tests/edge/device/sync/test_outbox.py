"""One contract for everything that Sync can empty."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.device.buffer import Buffer
from edge.device.sync import MemoryOutbox, Outbox, OutboxEntry

Fill = Callable[[int], None]


@pytest.fixture(params=["memory", "buffer"])
def outbox_and_fill(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Outbox, Fill]]:
    if request.param == "memory":
        memory = MemoryOutbox()

        def add(n: int) -> None:
            for seq in range(n):
                memory.add("drift", "b", seq, b"%d" % seq)

        yield memory, add
        return
    buffer = Buffer(tmp_path / "buffer.db", model="m")

    def put(n: int) -> None:
        for seq in range(n):
            buffer.put("drift", seq, b"%d" % seq)
        buffer.commit()

    yield buffer, put
    buffer.close()


def seqs(entries: list[OutboxEntry]) -> list[int]:
    return [entry.seq for entry in entries]


def test_entries_wait_oldest_first_and_whole(outbox_and_fill: tuple[Outbox, Fill]) -> None:
    outbox, fill = outbox_and_fill
    fill(5)
    entries = outbox.pending(0, 3)
    assert seqs(entries) == [0, 1, 2]
    assert entries[2].payload == b"2"
    assert (entries[2].kind, entries[2].count) == ("drift", 1)
    assert [entry.id for entry in entries] == sorted({entry.id for entry in entries})


def test_the_next_batch_begins_after_the_last(outbox_and_fill: tuple[Outbox, Fill]) -> None:
    outbox, fill = outbox_and_fill
    fill(5)
    first = outbox.pending(0, 3)
    assert seqs(outbox.pending(first[-1].id, 3)) == [3, 4]
    assert outbox.pending(outbox.pending(0, 9)[-1].id, 3) == []


def test_what_is_acknowledged_no_longer_waits(outbox_and_fill: tuple[Outbox, Fill]) -> None:
    outbox, fill = outbox_and_fill
    fill(5)
    ids = [entry.id for entry in outbox.pending(0, 9)]
    outbox.acknowledge([ids[0], ids[3]])
    assert seqs(outbox.pending(0, 9)) == [1, 2, 4]


def test_acknowledging_twice_or_a_stranger_does_no_harm(outbox_and_fill: tuple[Outbox, Fill]) -> None:
    outbox, fill = outbox_and_fill
    fill(2)
    first = outbox.pending(0, 1)[0].id
    outbox.acknowledge([first, first, 10_000])
    outbox.acknowledge([first])
    assert seqs(outbox.pending(0, 9)) == [1]


def test_it_is_empty_only_when_nothing_waits(outbox_and_fill: tuple[Outbox, Fill]) -> None:
    outbox, fill = outbox_and_fill
    fill(10)
    ids = [entry.id for entry in outbox.pending(0, 9)]
    outbox.acknowledge(ids[:6])
    assert seqs(outbox.pending(0, 4))[:1] == [6]
