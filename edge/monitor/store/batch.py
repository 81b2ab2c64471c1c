"""A batch of messages on its way into the database, inside one transaction: few statements for many messages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

from edge.monitor.database import DatabaseRow, Engine, marks, upsert
from edge.monitor.queries.present import PRESENT, Boot, Present, bounded, see, update
from edge.monitor.queries.verdicts import WATCH, Watch, as_rows, conclude, follows, in_turn, watch_of
from edge.monitor.store.tombstones import forgotten
from edge.monitor.subscriber.decode import Arrival
from edge.protocol.messages import AuditSample, Drift, EventMessage, Health, Message, Predictions, Stats, kind_of
from edge.protocol.record import Record

Read = tuple[Message, Arrival]
CameraKey = tuple[str, str]
"""Device and boot id."""

RECORD = ("boot", "seq", "model", *Record._fields[1:])
_ROW = attrgetter(*PRESENT)
_LATEST = ("device", "kind", "boot", "seq", "received_ns", "message")
_BATCH = ("boot", "seq", "last_seq", "received_ns")

DRIFT = ("boot", "seq", "model", "version", "camera", "start_ns", "end_ns", "drifted", "received_ns", "message")
STATS = ("boot", "seq", "model", "received_ns", "message")
EVENT = ("boot", "seq", "camera", "fault", "active", "since_ns", "received_ns", "message")
AUDIT = ("boot", "seq", "request", "record_seq", "received_ns", "message")
HEALTH = (
    *("boot", "seq", "received_ns", "captured", "decided", "dropped", "fps", "p50_us", "p99_us", "pending"),
    *("buffer_bytes", "temperature_c", "rss_bytes", "cpu_share"),
)


class IntakeBatch:
    """For one transaction: what it has read of the database is true until its end."""

    def __init__(self, engine: Engine, messages: Sequence[Read]) -> None:
        self._engine, self._messages = engine, messages
        names = {message.device for message, _ in messages}
        self.presents = presents(engine, names)
        self._boots = _boots(engine, {(message.device, message.boot_id) for message, _ in messages})
        self._watches = watches(engine, {message.device for message, _ in messages if isinstance(message, Drift)})
        self._changed: dict[tuple[str, str, str], Watch] = {}
        self._latest: dict[tuple[str, str], DatabaseRow] = {}

    def store(self) -> list[Message]:
        """All of them; those that were new, in order."""
        fresh: set[int] = set()
        for message, arrival in self._messages:
            see(self.presents[message.device], message, arrival.received_ns)
        fresh |= self._keep_live()
        for kind, (columns, row) in _KEPT.items():
            fresh |= self._keep(kind, columns, row)
        fresh |= self._keep_records()
        self._follow_windows(fresh)
        self._write()
        return [message for place, (message, _) in enumerate(self._messages) if place in fresh]

    def boot(self, message: Message) -> Boot:
        return self._boots[message.device, message.boot_id]

    def _of(self, kind: type[Message]) -> list[tuple[int, Message, Arrival]]:
        return [(i, m, a) for i, (m, a) in enumerate(self._messages) if isinstance(m, kind)]

    def _keep(self, kind: type[Message], columns: Sequence[str], row: Callable[..., DatabaseRow]) -> set[int]:
        """Into the table of that kind, unless it is there."""
        table, arrived = kind_of(kind), self._of(kind)
        old = forgotten(self._engine, table, {self.boot(message).id for _, message, _ in arrived})
        found: dict[tuple[int, int], tuple[int, DatabaseRow]] = {}
        for place, message, arrival in arrived:
            key = (self.boot(message).id, message.seq)
            if message.seq > old.get(key[0], -1):
                found.setdefault(key, (place, (*key, *row(message, arrival))))
        new = self._engine.insert_new(table, columns, [row for _, row in found.values()])
        return {found[key[0], key[1]][0] for key in new}

    def _keep_live(self) -> set[int]:
        fresh = set()
        for place, (message, arrival) in enumerate(self._messages):
            if kind_of(message) not in LIVE:
                continue
            boot = self.boot(message)
            if update(self.presents[message.device], boot, message, arrival.received_ns):
                fresh.add(place)
                key = (message.device, kind_of(message))
                self._latest[key] = (*key, boot.id, message.seq, arrival.received_ns, arrival.payload.decode())
        return fresh

    def _keep_records(self) -> set[int]:
        batches = [(i, m, a) for i, m, a in self._of(Predictions) if isinstance(m, Predictions) and m.records]
        models = _models(self._engine, {_model(message) for _, message, _ in batches})
        old = forgotten(self._engine, "record", {self.boot(message).id for _, message, _ in batches})
        rows: dict[tuple[int, int], DatabaseRow] = {}
        owner: dict[tuple[int, int], int] = {}
        for place, message, _ in batches:
            boot = self.boot(message).id
            for record in message.records:
                if record.seq <= old.get(boot, -1):
                    continue
                owner.setdefault((boot, record.seq), place)
                rows.setdefault((boot, record.seq), (boot, record.seq, models[_model(message)], *record[1:]))
        new = Counter(owner[key[0], key[1]] for key in self._engine.insert_new("record", RECORD, list(rows.values())))
        for place, count in new.items():
            self.presents[self._messages[place][0].device].predictions += count
        runs = [_run(self.boot(message).id, message, arrival) for place, message, arrival in batches if place in new]
        self._engine.insert_new("batch", _BATCH, runs)
        return set(new)

    def _follow_windows(self, fresh: set[int]) -> None:
        """In the order of their numbers, so that a run of drifted windows is seen whole whatever their order here."""
        new = [(m, self.boot(m)) for i, m, _ in self._of(Drift) if i in fresh and isinstance(m, Drift)]
        for message, boot in sorted(new, key=lambda pair: (pair[1].id, pair[0].seq)):
            self._follow(message, boot)

    def _follow(self, message: Drift, boot: Boot) -> None:
        key = (message.device, message.camera, message.model)
        live = self.presents[message.device].boot
        last, watch = self._watches.get(key), watch_of(message, boot.id)
        if follows(watch, last, live):
            in_turn(watch, last)
        elif last is not None and last.boot == watch.boot and last.drifted:
            last.since_ns = drift_since(self._engine, last)
            watch = last
        else:
            return
        self._watches[key] = self._changed[key] = watch

    def _write(self) -> None:
        """Sorted, so that the database's pages are visited in order."""
        for device in {device for device, _, _ in self._changed}:
            conclude(self.presents[device], (watch for key, watch in self._watches.items() if key[0] == device))
        self._engine.executemany(
            upsert("watch", WATCH, 3), as_rows(self._changed[key] for key in sorted(self._changed))
        )
        self._engine.executemany(upsert("latest", _LATEST, 2), [self._latest[key] for key in sorted(self._latest)])
        lives = [(boot.live_ns, boot.id) for boot in self._boots.values() if boot.live_ns is not None]
        self._engine.executemany("UPDATE boot SET live_ns = ? WHERE id = ? AND live_ns IS NULL", lives)
        write_presents(self._engine, self.presents.values())


def write_presents(engine: Engine, rows: Iterable[Present]) -> None:
    engine.executemany(upsert("device", PRESENT), [_ROW(row) for row in sorted(rows, key=lambda row: row.device)])


def drift_since(engine: Engine, watch: Watch) -> int | None:
    """Start of the unbroken run of drifted windows that ends with this one, within its boot."""
    run = (
        "SELECT min(start_ns) FROM drift WHERE boot = ? AND camera = ? AND model = ? AND seq <= ? AND seq > coalesce("
        "(SELECT max(seq) FROM drift WHERE boot = ? AND camera = ? AND model = ? AND seq <= ? AND drifted = 0), -1)"
    )
    stretch = (watch.boot, watch.camera, watch.model, watch.seq)
    found: int | None = engine.query(run, stretch * 2)[0][0]
    return found


def presents(engine: Engine, names: set[str]) -> dict[str, Present]:
    """Present states of these devices; a new one for those that nobody has heard of."""
    sql = f"SELECT {', '.join(PRESENT)} FROM device WHERE device IN ({marks(len(names))})"
    rows = engine.query(sql, sorted(names)) if names else []
    return {name: Present(name) for name in names} | {row[0]: Present(*row) for row in rows}


def watches(engine: Engine, names: set[str]) -> dict[tuple[str, str, str], Watch]:
    """All of these devices', by device, camera and model."""
    sql = f"SELECT {', '.join(WATCH)} FROM watch WHERE device IN ({marks(len(names))})"
    rows = engine.query(sql, sorted(names)) if names else []
    return {(row[0], row[1], row[2]): Watch(*row) for row in rows}


def _boots(engine: Engine, places: set[CameraKey]) -> dict[CameraKey, Boot]:
    ordered = sorted(places)
    if not ordered:
        return {}
    pairs = ", ".join(["(?, ?)"] * len(ordered))
    sql = f"SELECT id, device, boot_id, live_ns FROM boot WHERE (device, boot_id) IN (VALUES {pairs})"
    values = [text for place in ordered for text in place]
    found = {(row[1], row[2]): Boot(*row) for row in engine.query(sql, values)}
    if missing := [place for place in ordered if place not in found]:
        engine.insert_new("boot", ("device", "boot_id"), missing)
        found |= {(row[1], row[2]): Boot(*row) for row in engine.query(sql, values)}
    return found


def _models(engine: Engine, keys: set[tuple[str, int, str]]) -> dict[tuple[str, int, str], int]:
    found = {}
    for key in sorted(keys):
        engine.insert_new("model", ("name", "version", "labels"), [key])
        sql = "SELECT id FROM model WHERE name = ? AND version = ? AND labels = ?"
        found[key] = int(engine.query(sql, key)[0][0])
    return found


def _model(message: Message) -> tuple[str, int, str]:
    return message.model, message.model_version, json.dumps(getattr(message, "labels", ()))


def _run(boot: int, message: Predictions, arrival: Arrival) -> DatabaseRow:
    seqs = [record.seq for record in message.records]
    return boot, min(seqs), max(seqs), arrival.received_ns


def _drift_row(message: Drift, arrival: Arrival) -> DatabaseRow:
    window = message.window
    place = (message.model, message.model_version, message.camera, window.start_ns, window.end_ns)
    return (*place, int(message.drifted), arrival.received_ns, arrival.payload.decode())


def _stats_row(message: Stats, arrival: Arrival) -> DatabaseRow:
    return message.model, arrival.received_ns, arrival.payload.decode()


def _event_row(message: EventMessage, arrival: Arrival) -> DatabaseRow:
    place = (message.camera, message.fault, int(message.active), message.since_ns)
    return (*place, arrival.received_ns, arrival.payload.decode())


def _audit_row(message: AuditSample, arrival: Arrival) -> DatabaseRow:
    return message.request, message.record_seq, arrival.received_ns, arrival.payload.decode()


def _health_row(message: Health, arrival: Arrival) -> DatabaseRow:
    latency, depth = message.latency_us, message.buffer
    counts = (message.captured, message.decided, bounded(sum(message.dropped.values())))
    return (
        *(arrival.received_ns, *counts, message.rate_fps, latency.p50, latency.p99, depth.pending, depth.bytes),
        *(message.temperature_c, message.rss_bytes, message.cpu_share),
    )


LIVE = ("status", "health", "slots")
_KEPT: dict[type[Message], tuple[Sequence[str], Callable[..., DatabaseRow]]] = {
    Drift: (DRIFT, _drift_row),
    Stats: (STATS, _stats_row),
    EventMessage: (EVENT, _event_row),
    AuditSample: (AUDIT, _audit_row),
    Health: (HEALTH, _health_row),
}
"""Kinds of which each message is a row, in the table of its name."""
