-- state.db
CREATE TABLE alert (
  fingerprint INTEGER PRIMARY KEY,     -- the 64 bits as a signed number
  starts      INTEGER NOT NULL,
  ends        INTEGER,
  updated     INTEGER NOT NULL,
  body        TEXT NOT NULL            -- JSON
);
CREATE TABLE audit (
  seq    INTEGER PRIMARY KEY,
  at     INTEGER NOT NULL,
  actor  TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL,
  hash   BLOB NOT NULL
);
CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
CREATE TABLE finding (
  id       INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL,
  code     TEXT NOT NULL,
  entity   TEXT NOT NULL,
  score    REAL NOT NULL,
  incident INTEGER,
  body     TEXT NOT NULL,              -- JSON
  UNIQUE (at, code, entity)
);
CREATE INDEX finding_by_entity ON finding (entity, at);
CREATE TABLE incident (
  id       INTEGER PRIMARY KEY,
  format   INTEGER NOT NULL,           -- of the body
  version  INTEGER NOT NULL,
  stage    INTEGER NOT NULL,           -- 0 open, 1 resolved
  severity INTEGER NOT NULL,           -- 0 warning, 1 error, 2 critical
  opened   INTEGER NOT NULL,
  updated  INTEGER NOT NULL,
  resolved INTEGER,
  acked    INTEGER NOT NULL,           -- 0 or 1
  text     TEXT NOT NULL,              -- lower case: titles, entities, namespaces for searching
  body     TEXT NOT NULL               -- JSON
);
CREATE INDEX incident_by_resolved ON incident (resolved) WHERE resolved IS NOT NULL;
CREATE INDEX incident_by_stage ON incident (stage, id);
CREATE TABLE membership (
  fingerprint INTEGER PRIMARY KEY,
  incident    INTEGER NOT NULL REFERENCES incident (id) ON DELETE CASCADE
);
CREATE INDEX membership_by_incident ON membership (incident);
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE moment (
  incident INTEGER NOT NULL REFERENCES incident (id) ON DELETE CASCADE,
  at       INTEGER NOT NULL,
  en       TEXT NOT NULL,
  zh       TEXT NOT NULL,
  PRIMARY KEY (incident, at, en)
) WITHOUT ROWID;
CREATE TABLE outbox (
  key      TEXT PRIMARY KEY,           -- idempotency key
  channel  TEXT NOT NULL,
  incident INTEGER,
  version  INTEGER NOT NULL,
  state    INTEGER NOT NULL,           -- 0 pending, 1 sent, 2 dead, 3 superseded
  created  INTEGER NOT NULL,
  due      INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  lease    INTEGER,                    -- taken by a sender until then
  ended    INTEGER,                    -- when it was sent, died or was superseded
  error    TEXT,
  sent_as  TEXT,                       -- key of the message it is tried as, joined with others
  receipt  TEXT,                       -- what the channel gave for it: a thread, a message id
  body     TEXT NOT NULL               -- JSON
);
CREATE INDEX outbox_by_due ON outbox (channel, due) WHERE state = 0;
CREATE INDEX outbox_by_ended ON outbox (ended) WHERE ended IS NOT NULL;
CREATE INDEX outbox_by_incident ON outbox (incident, channel, version);
CREATE INDEX outbox_by_sent_as ON outbox (sent_as) WHERE sent_as IS NOT NULL;
CREATE TABLE silence (
  id      TEXT PRIMARY KEY,
  starts  INTEGER NOT NULL,
  ends    INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  body    TEXT NOT NULL                -- JSON
) WITHOUT ROWID;
CREATE TABLE snapshot (
  name  TEXT PRIMARY KEY,
  at    INTEGER NOT NULL,
  crc   INTEGER NOT NULL,
  bytes BLOB NOT NULL
);
-- history.db
CREATE TABLE change (
  id     INTEGER PRIMARY KEY,
  at     INTEGER NOT NULL,
  entity TEXT NOT NULL,
  what   TEXT NOT NULL,
  old    TEXT NOT NULL,
  new    TEXT NOT NULL,
  actor  TEXT NOT NULL,
  UNIQUE (at, entity, what, new)
);
CREATE INDEX change_by_entity ON change (entity, at);
CREATE TABLE chunk (
  level  INTEGER NOT NULL,
  slot   INTEGER NOT NULL,
  series INTEGER NOT NULL,
  points INTEGER NOT NULL,
  crc    INTEGER NOT NULL,
  bytes  BLOB NOT NULL,
  PRIMARY KEY (level, slot, series)
) WITHOUT ROWID;
CREATE TABLE cursor (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE event (
  id        INTEGER PRIMARY KEY,
  uid       TEXT NOT NULL UNIQUE,      -- of the Event object
  cluster   TEXT NOT NULL,
  namespace TEXT NOT NULL,             -- of the object it is about
  kind      TEXT NOT NULL,
  name      TEXT NOT NULL,
  object    TEXT NOT NULL,             -- uid of that object
  reason    TEXT NOT NULL,
  type      TEXT NOT NULL,             -- Normal, Warning
  source    TEXT NOT NULL,
  note      TEXT NOT NULL,
  count     INTEGER NOT NULL,
  first     INTEGER NOT NULL,
  last      INTEGER NOT NULL
, seq INTEGER NOT NULL DEFAULT 0, was INTEGER NOT NULL DEFAULT 0, was_last INTEGER NOT NULL DEFAULT 0, event TEXT NOT NULL DEFAULT '', about TEXT NOT NULL DEFAULT '', container TEXT NOT NULL DEFAULT '', host TEXT NOT NULL DEFAULT '');
CREATE INDEX event_by_last ON event (last, id);
CREATE INDEX event_by_object ON event (namespace, kind, name, last);
CREATE INDEX event_by_seq ON event (seq);
CREATE TABLE head (
  seq   INTEGER PRIMARY KEY,
  crc   INTEGER NOT NULL,
  bytes BLOB NOT NULL
);
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE series (
  id     INTEGER PRIMARY KEY,
  labels TEXT NOT NULL                 -- JSON
);
