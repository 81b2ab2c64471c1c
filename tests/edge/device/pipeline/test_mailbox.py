"""What waits, and what has to go, when the model is late."""

from __future__ import annotations

import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from edge.core.choices import Policy
from edge.device.pipeline import Mailbox, MailboxPolicy
from edge.inference.frames import Frame


class Clock:
    """Stands still until it is set."""

    ns = 0

    def __call__(self) -> int:
        return self.ns


def frame(captured_ns: int = 0) -> Frame:
    return Frame(None, captured_ns, 0)


def numbers(mailbox: Mailbox) -> list[int]:
    return [item[0] for item in iter(lambda: mailbox.take(0), None)]


def test_latest_keeps_the_newest() -> None:
    mailbox = Mailbox(MailboxPolicy("latest"))
    for number in range(5):
        mailbox.put((number, frame()))
    assert numbers(mailbox) == [4]
    assert +mailbox.dropped == {"overrun": 4}


def test_every_waits_for_room_but_no_longer_than_it_may() -> None:
    mailbox = Mailbox(MailboxPolicy("every", wait_s=0.05))
    began = time.monotonic()
    for number in range(3):
        mailbox.put((number, frame()))
    assert time.monotonic() - began >= 0.05
    assert numbers(mailbox) == [1, 2]
    assert +mailbox.dropped == {"overrun": 1}


def test_adaptive_lets_two_wait_while_there_is_time() -> None:
    clock = Clock()
    mailbox = Mailbox(MailboxPolicy("adaptive", deadline_s=0.1), clock)
    mailbox.service_ns = 30_000_000
    mailbox.put((0, frame(0)))
    mailbox.put((1, frame(33_000_000)))
    clock.ns = 70_000_000
    assert numbers(mailbox) == [0, 1]
    assert not +mailbox.dropped


def test_adaptive_drops_what_would_be_decided_too_late_but_never_the_newest() -> None:
    clock = Clock()
    mailbox = Mailbox(MailboxPolicy("adaptive", deadline_s=0.1), clock)
    mailbox.service_ns = 30_000_000
    mailbox.put((0, frame(0)))
    mailbox.put((1, frame(33_000_000)))
    clock.ns = 10**9
    assert numbers(mailbox) == [1]
    assert +mailbox.dropped == {"late": 1}


@given(
    st.sampled_from(["latest", "adaptive"]),
    st.lists(st.tuples(st.booleans(), st.integers(0, 200_000_000)), max_size=60),
)
def test_every_frame_is_taken_or_counted_and_order_is_kept(policy: Policy, steps: list[tuple[bool, int]]) -> None:
    clock = Clock()
    mailbox = Mailbox(MailboxPolicy(policy), clock)
    put, taken = 0, []
    for puts, passes_ns in steps:
        clock.ns += passes_ns
        if puts:
            mailbox.put((put, frame(clock.ns)))
            put += 1
        elif (item := mailbox.take(0)) is not None:
            taken.append(item[0])
    taken += numbers(mailbox)
    assert taken == sorted(set(taken))
    assert put == len(taken) + mailbox.dropped.total()


def test_a_closed_mailbox_lets_nobody_wait() -> None:
    mailbox = Mailbox(MailboxPolicy("every"))
    for number in range(2):
        mailbox.put((number, frame()))
    thread = threading.Thread(target=mailbox.put, args=((2, frame()),))
    thread.start()
    mailbox.close()
    thread.join(2)
    assert not thread.is_alive()
    assert numbers(mailbox) == [0, 1, 2]
    assert mailbox.finished
