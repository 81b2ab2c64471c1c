"""The schema as numbered steps: a store of any earlier version takes those that it has not had.

Names in braces are types that the engines call differently. What is asked of all devices at once is a column of
``device``; ``latest`` holds whole messages apart, so that a look at ten thousand devices reads narrow rows only.
"""

from __future__ import annotations

FIRST = """
CREATE TABLE meta (name {text} PRIMARY KEY, value {text} NOT NULL);
CREATE TABLE device (
    device      {text} PRIMARY KEY,
    site        {text} NOT NULL DEFAULT '',
    line        {text} NOT NULL DEFAULT '',
    model       {text} NOT NULL DEFAULT '',
    version     BIGINT NOT NULL DEFAULT 0,
    boot_id     {text} NOT NULL DEFAULT '',
    state       {text} NOT NULL DEFAULT '',
    health      {text},
    seen_ns     BIGINT NOT NULL DEFAULT 0,
    predictions BIGINT NOT NULL DEFAULT 0,
    set_aside   BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE boot (id {id}, device {text} NOT NULL, boot_id {text} NOT NULL, UNIQUE (device, boot_id));
CREATE TABLE model (
    id {id}, name {text} NOT NULL, version BIGINT NOT NULL, labels {text} NOT NULL, UNIQUE (name, version, labels)
);
CREATE TABLE record (
    boot BIGINT, seq BIGINT, model BIGINT,
    captured_ns BIGINT, wall_ns BIGINT, latency_us BIGINT, score DOUBLE PRECISION, label BIGINT, flags BIGINT,
    camera BIGINT, part BIGINT, belt_px BIGINT,
    PRIMARY KEY (boot, seq)
) {clustered};
CREATE TABLE drift (
    boot BIGINT, seq BIGINT, model {text}, start_ns BIGINT, drifted BIGINT, received_ns BIGINT,
    message {text} NOT NULL,
    PRIMARY KEY (boot, seq)
);
CREATE TABLE stats (
    boot BIGINT, seq BIGINT, model {text}, received_ns BIGINT, message {text} NOT NULL,
    PRIMARY KEY (boot, seq)
);
CREATE TABLE set_aside (
    id {id}, device {text} NOT NULL, topic {text} NOT NULL, reason {text} NOT NULL,
    payload {blob} NOT NULL, received_ns BIGINT NOT NULL
);
"""

FIRST_LATER = """
CREATE TABLE IF NOT EXISTS audit (
    boot BIGINT, seq BIGINT, request {text}, record_seq BIGINT, received_ns BIGINT,
    message {text} NOT NULL,
    PRIMARY KEY (boot, seq)
);
CREATE TABLE IF NOT EXISTS event (
    boot BIGINT, seq BIGINT, camera {text}, fault {text}, active BIGINT, since_ns BIGINT,
    received_ns BIGINT, message {text} NOT NULL,
    PRIMARY KEY (boot, seq)
);
"""
"""Stores of version 1 may have these or not."""

SECOND = """
ALTER TABLE boot ADD COLUMN live_ns BIGINT;                           -- when it first spoke of the present
ALTER TABLE device ADD COLUMN boot BIGINT;                            -- of the last status or health
ALTER TABLE device ADD COLUMN status_seq BIGINT NOT NULL DEFAULT -1;  -- of that boot: a repeated one is not news
ALTER TABLE device ADD COLUMN health_seq BIGINT NOT NULL DEFAULT -1;
ALTER TABLE device ADD COLUMN slots_seq BIGINT NOT NULL DEFAULT -1;
ALTER TABLE device ADD COLUMN slot {text} NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN health_ns BIGINT;                       -- the monitor's wall clock
ALTER TABLE device ADD COLUMN fps DOUBLE PRECISION;
ALTER TABLE device ADD COLUMN p99_us DOUBLE PRECISION;
ALTER TABLE device ADD COLUMN decided BIGINT;
ALTER TABLE device ADD COLUMN dropped BIGINT;
ALTER TABLE device ADD COLUMN pending BIGINT;                         -- rows of the buffer that wait
ALTER TABLE device ADD COLUMN evicted BIGINT;                         -- rows that nobody had
ALTER TABLE device ADD COLUMN temperature_c DOUBLE PRECISION;
ALTER TABLE device ADD COLUMN drifted BIGINT;                         -- NULL: no window yet
ALTER TABLE device ADD COLUMN since_ns BIGINT;                        -- of drift, the device's wall clock
ALTER TABLE device ADD COLUMN feature {text};                         -- the strongest of the last window
ALTER TABLE device ADD COLUMN test {text};
ALTER TABLE device ADD COLUMN statistic DOUBLE PRECISION;
ALTER TABLE device ADD COLUMN p_value DOUBLE PRECISION;
ALTER TABLE device ADD COLUMN threshold DOUBLE PRECISION;
ALTER TABLE device ADD COLUMN window_ns BIGINT;                       -- end of the last window
CREATE INDEX device_place ON device (site, line, device);
CREATE TABLE latest (
    device {text}, kind {text}, boot BIGINT, seq BIGINT, received_ns BIGINT, message {text} NOT NULL,
    PRIMARY KEY (device, kind)
);
INSERT INTO latest SELECT device, 'health', 0, 0, seen_ns, health FROM device WHERE health IS NOT NULL;
ALTER TABLE device DROP COLUMN health;
CREATE TABLE watch (                                                  -- the last window of each camera and model
    device {text}, camera {text}, model {text}, version BIGINT NOT NULL, boot BIGINT NOT NULL, seq BIGINT NOT NULL,
    start_ns BIGINT NOT NULL, end_ns BIGINT NOT NULL, drifted BIGINT NOT NULL, since_ns BIGINT,
    columns {text} NOT NULL,                                          -- of the verdict, those that drifted, JSON
    PRIMARY KEY (device, camera, model)
);
ALTER TABLE drift ADD COLUMN camera {text} NOT NULL DEFAULT '';
ALTER TABLE drift ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE drift ADD COLUMN end_ns BIGINT NOT NULL DEFAULT 0;
CREATE INDEX drift_start ON drift (boot, start_ns);
CREATE INDEX drift_received ON drift (received_ns);
ALTER TABLE stats ADD COLUMN rolled BIGINT NOT NULL DEFAULT 0;        -- 1: it is in its hour's pane
CREATE INDEX stats_received ON stats (rolled, received_ns);
CREATE INDEX event_received ON event (received_ns);
CREATE INDEX audit_received ON audit (received_ns);
CREATE TABLE health (
    boot BIGINT, seq BIGINT, received_ns BIGINT NOT NULL, covers_ns BIGINT NOT NULL DEFAULT 0,
    captured BIGINT, decided BIGINT, dropped BIGINT, fps DOUBLE PRECISION, p50_us DOUBLE PRECISION,
    p99_us DOUBLE PRECISION, pending BIGINT, buffer_bytes BIGINT, temperature_c DOUBLE PRECISION, rss_bytes BIGINT,
    cpu_share DOUBLE PRECISION,
    PRIMARY KEY (boot, seq)
) {clustered};
CREATE INDEX health_received ON health (covers_ns, received_ns);
CREATE TABLE batch (                                                  -- runs of records, for forgetting them
    boot BIGINT, seq BIGINT, last_seq BIGINT NOT NULL, received_ns BIGINT NOT NULL, PRIMARY KEY (boot, seq)
);
CREATE INDEX batch_received ON batch (received_ns);
CREATE TABLE pane (                                                   -- statistics of a stretch of time, added up
    device {text}, camera {text}, model {text}, version BIGINT, digest {text}, reference {text}, span_ns BIGINT,
    start_ns BIGINT, windows BIGINT NOT NULL, message {text} NOT NULL,
    PRIMARY KEY (device, camera, model, version, digest, reference, span_ns, start_ns)
);
CREATE INDEX pane_start ON pane (span_ns, start_ns);
CREATE TABLE reference (
    digest {text} PRIMARY KEY, model {text} NOT NULL, version BIGINT NOT NULL, data {blob} NOT NULL
);
CREATE TABLE forgotten (                                              -- what is older has had its turn
    boot BIGINT, kind {text}, seq BIGINT NOT NULL, PRIMARY KEY (boot, kind)
);
CREATE TABLE member (name {text} PRIMARY KEY, share {text} NOT NULL, beats BIGINT NOT NULL);
CREATE TABLE alert (
    id {id}, key {text} NOT NULL, kind {text} NOT NULL, severity {text} NOT NULL, devices {text} NOT NULL,
    feature {text} NOT NULL, opened_ns BIGINT NOT NULL, changed_ns BIGINT NOT NULL, closed_ns BIGINT,
    acknowledged {text} NOT NULL, silenced_until_ns BIGINT, text {text} NOT NULL
);
CREATE INDEX alert_key ON alert (key, opened_ns);
CREATE INDEX alert_open ON alert (closed_ns);
"""
