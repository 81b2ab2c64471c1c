PRAGMA user_version=1;
BEGIN TRANSACTION;
CREATE TABLE audit (
    boot INTEGER REFERENCES boot, seq INTEGER, request TEXT, record_seq INTEGER, received_ns INTEGER,
    message TEXT NOT NULL,
    PRIMARY KEY (boot, seq)
);
INSERT INTO "audit" VALUES(2,0,'',4,1700000000000000000,'{"device":"oven-3","boot_id":"000002-aaaaaa","seq":0,"site":"Köln","line":"2","model":"cookie","model_version":4,"schema":1,"request":"","record_seq":4,"camera":0,"part":0,"wall_ns":0,"why":["random"],"label":"good","score":0.4,"scores":{},"picture":""}');
CREATE TABLE boot (id INTEGER PRIMARY KEY, device TEXT NOT NULL, boot_id TEXT NOT NULL, UNIQUE (device, boot_id));
INSERT INTO "boot" VALUES(1,'oven-3','000001-bbbbbb');
INSERT INTO "boot" VALUES(2,'oven-3','000002-aaaaaa');
CREATE TABLE device (
    device      TEXT PRIMARY KEY,
    site        TEXT NOT NULL DEFAULT '',
    line        TEXT NOT NULL DEFAULT '',
    model       TEXT NOT NULL DEFAULT '',
    version     INTEGER NOT NULL DEFAULT 0,
    boot_id     TEXT NOT NULL DEFAULT '',      -- of the last status or health
    state       TEXT NOT NULL DEFAULT '',      -- online | offline
    health      TEXT,                          -- the last one, JSON
    seen_ns     INTEGER NOT NULL DEFAULT 0,    -- the monitor's wall clock
    predictions INTEGER NOT NULL DEFAULT 0,    -- records stored
    set_aside   INTEGER NOT NULL DEFAULT 0     -- messages that could not be read
);
INSERT INTO "device" VALUES('oven-3','Köln','2','cookie',4,'000002-aaaaaa','online','{"device":"oven-3","boot_id":"000002-aaaaaa","seq":3,"site":"Köln","line":"2","model":"cookie","model_version":4,"schema":1,"captured":100,"decided":93,"dropped":{"late":5,"unreadable":2},"latency_us":{"p50":8000.0,"p90":9000.0,"p99":12345.0,"max":20000.0,"p999":null},"rate_fps":29.9,"buffer":{"entries":10,"pending":4,"bytes":4096,"evicted":0,"evicted_undelivered":0,"unwritten":0,"written_mb_per_day":null},"rss_bytes":1,"uptime_s":3.0,"temperature_c":51.5,"latency_boot_us":null,"cameras":[],"judged":0,"records_lost":0,"pictures_missed":0,"cpu_s":0.0,"cpu_share":0.0,"free_bytes":null,"throttled":null,"gate":null}',1700000000000000000,10,0);
INSERT INTO "device" VALUES('oven-4','Köln','1','cookie',3,'000001-cccccc','online',NULL,1700000000000000000,0,1);
CREATE TABLE drift (
    boot INTEGER REFERENCES boot, seq INTEGER, model TEXT, start_ns INTEGER, drifted INTEGER, received_ns INTEGER,
    message TEXT NOT NULL,
    PRIMARY KEY (boot, seq)
);
INSERT INTO "drift" VALUES(1,7,'cookie',1700000420000000000,0,1700000000000000000,'{"device":"oven-3","boot_id":"000001-bbbbbb","seq":7,"site":"Köln","line":"2","model":"cookie","model_version":4,"schema":1,"camera":"camera://0","window":{"first_seq":700,"last_seq":799,"count":100,"start_ns":1700000420000000000,"end_ns":1700000479000000000},"drifted":false,"share":0.0,"kind":"","columns":[{"name":"sharpness","test":"ks","statistic":0.05,"p_value":0.5,"threshold":0.0001,"drifted":false}],"expectations":{},"alarms":[]}');
INSERT INTO "drift" VALUES(2,0,'cookie',1700000000000000000,0,1700000000000000000,'{"device":"oven-3","boot_id":"000002-aaaaaa","seq":0,"site":"Köln","line":"2","model":"cookie","model_version":4,"schema":1,"camera":"camera://0","window":{"first_seq":0,"last_seq":99,"count":100,"start_ns":1700000000000000000,"end_ns":1700000059000000000},"drifted":false,"share":0.0,"kind":"","columns":[{"name":"sharpness","test":"ks","statistic":0.05,"p_value":0.5,"threshold":0.0001,"drifted":false}],"expectations":{},"alarms":[]}');
INSERT INTO "drift" VALUES(2,1,'cookie',1700000060000000000,1,1700000000000000000,'{"device":"oven-3","boot_id":"000002-aaaaaa","seq":1,"site":"Köln","line":"2","model":"cookie","model_version":4,"schema":1,"camera":"camera://0","window":{"first_seq":100,"last_seq":199,"count":100,"start_ns":1700000060000000000,"end_ns":1700000119000000000},"drifted":true,"share":0.5,"kind":"data","columns":[{"name":"brightness","test":"ks","statistic":0.4,"p_value":1e-09,"threshold":0.0001,"drifted":true},{"name":"sharpness","test":"ks","statistic":0.05,"p_value":0.5,"threshold":0.0001,"drifted":false}],"expectations":{},"alarms":[]}');
INSERT INTO "drift" VALUES(2,2,'cookie',1700000120000000000,0,1700000000000000000,'{"device":"oven-3","boot_id":"000002-aaaaaa","seq":2,"site":"Köln","line":"2","model":"cookie","model_version":4,"schema":1,"camera":"camera://0","window":{"first_seq":200,"last_seq":299,"count":100,"start_ns":1700000120000000000,"end_ns":1700000179000000000},"drifted":false,"share":0.0,"kind":"","columns":[{"name":"sharpness","test":"ks","statistic":0.05,"p_value":0.5,"threshold":0.0001,"drifted":false}],"expectations":{},"alarms":[]}');
INSERT INTO "drift" VALUES(2,3,'cookie',1700000180000000000,1,1700000000000000000,'{"device":"oven-3","boot_id":"000002-aaaaaa","seq":3,"site":"Köln","line":"2","model":"cookie","model_version":4,"schema":1,"camera":"camera://0","window":{"first_seq":300,"last_seq":399,"count":100,"start_ns":1700000180000000000,"end_ns":1700000239000000000},"drifted":true,"share":0.5,"kind":"data","columns":[{"name":"brightness","test":"ks","statistic":0.4,"p_value":1e-09,"threshold":0.0001,"drifted":true},{"name":"sharpness","test":"ks","statistic":0.05,"p_value":0.5,"threshold":0.0001,"drifted":false}],"expectations":{},"alarms":[]}');
INSERT INTO "drift" VALUES(2,4,'cookie',1700000240000000000,1,1700000000000000000,'{"device":"oven-3","boot_id":"000002-aaaaaa","seq":4,"site":"Köln","line":"2","model":"cookie","model_version":4,"schema":1,"camera":"camera://0","window":{"first_seq":400,"last_seq":499,"count":100,"start_ns":1700000240000000000,"end_ns":1700000299000000000},"drifted":true,"share":0.5,"kind":"data","columns":[{"name":"brightness","test":"ks","statistic":0.4,"p_value":1e-09,"threshold":0.0001,"drifted":true},{"name":"sharpness","test":"ks","statistic":0.05,"p_value":0.5,"threshold":0.0001,"drifted":false}],"expectations":{},"alarms":[]}');
CREATE TABLE event (
    boot INTEGER REFERENCES boot, seq INTEGER, camera TEXT, fault TEXT, active INTEGER, since_ns INTEGER,
    received_ns INTEGER, message TEXT NOT NULL,
    PRIMARY KEY (boot, seq)
);
INSERT INTO "event" VALUES(2,0,'camera://0','frozen',1,1000000000000000000,1700000000000000000,'{"device":"oven-3","boot_id":"000002-aaaaaa","seq":0,"site":"Köln","line":"2","model":"cookie","model_version":4,"schema":1,"camera":"camera://0","fault":"frozen","active":true,"since_ns":1000000000000000000,"lasted_s":0.0,"detail":""}');
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO "meta" VALUES('client_id','monitor-1971c02af881');
CREATE TABLE model (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL, labels TEXT NOT NULL,
    UNIQUE (name, version, labels)
);
INSERT INTO "model" VALUES(1,'cookie',4,'["good", "broken"]');
CREATE TABLE record (
    boot INTEGER REFERENCES boot, seq INTEGER, model INTEGER REFERENCES model,
    captured_ns INTEGER, wall_ns INTEGER, latency_us INTEGER, score REAL, label INTEGER, flags INTEGER,
    camera INTEGER, part INTEGER, belt_px INTEGER,
    PRIMARY KEY (boot, seq)
) WITHOUT ROWID;
INSERT INTO "record" VALUES(2,0,1,0,1000000000000000000,5,0.25,0,0,0,0,0);
INSERT INTO "record" VALUES(2,1,1,1,1000000000000000001,5,0.25,1,0,0,0,0);
INSERT INTO "record" VALUES(2,2,1,2,1000000000000000002,5,0.25,0,0,0,0,0);
INSERT INTO "record" VALUES(2,3,1,3,1000000000000000003,5,0.25,1,0,0,0,0);
INSERT INTO "record" VALUES(2,4,1,4,1000000000000000004,5,0.25,0,0,0,0,0);
INSERT INTO "record" VALUES(2,5,1,5,1000000000000000005,5,0.25,1,0,0,0,0);
INSERT INTO "record" VALUES(2,6,1,6,1000000000000000006,5,0.25,0,0,0,0,0);
INSERT INTO "record" VALUES(2,7,1,7,1000000000000000007,5,0.25,1,0,0,0,0);
INSERT INTO "record" VALUES(2,8,1,8,1000000000000000008,5,0.25,0,0,0,0,0);
INSERT INTO "record" VALUES(2,9,1,9,1000000000000000009,5,0.25,1,0,0,0,0);
CREATE TABLE set_aside (
    id INTEGER PRIMARY KEY, device TEXT NOT NULL, topic TEXT NOT NULL, reason TEXT NOT NULL,
    payload BLOB NOT NULL, received_ns INTEGER NOT NULL
);
INSERT INTO "set_aside" VALUES(1,'oven-4','edge/v1/oven-4/health','health: not JSON in UTF-8: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)',X'7B',1700000000000000000);
CREATE TABLE stats (
    boot INTEGER REFERENCES boot, seq INTEGER, model TEXT, received_ns INTEGER, message TEXT NOT NULL,
    PRIMARY KEY (boot, seq)
);
INSERT INTO "stats" VALUES(2,0,'cookie',1700000000000000000,'{"device":"oven-3","boot_id":"000002-aaaaaa","seq":0,"site":"Köln","line":"2","model":"cookie","model_version":4,"schema":1,"camera":"camera://0","pane":{"n":100}}');
INSERT INTO "stats" VALUES(2,1,'cookie',1700000000000000000,'{"device":"oven-3","boot_id":"000002-aaaaaa","seq":1,"site":"Köln","line":"2","model":"cookie","model_version":4,"schema":1,"camera":"camera://0","pane":{"n":100}}');
INSERT INTO "stats" VALUES(2,2,'cookie',1700000000000000000,'{"device":"oven-3","boot_id":"000002-aaaaaa","seq":2,"site":"Köln","line":"2","model":"cookie","model_version":4,"schema":1,"camera":"camera://0","pane":{"n":100}}');
INSERT INTO "stats" VALUES(2,3,'cookie',1700000000000000000,'{"device":"oven-3","boot_id":"000002-aaaaaa","seq":3,"site":"Köln","line":"2","model":"cookie","model_version":4,"schema":1,"camera":"camera://0","pane":{"n":100}}');
INSERT INTO "stats" VALUES(2,4,'cookie',1700000000000000000,'{"device":"oven-3","boot_id":"000002-aaaaaa","seq":4,"site":"Köln","line":"2","model":"cookie","model_version":4,"schema":1,"camera":"camera://0","pane":{"n":100}}');
COMMIT;
