-- What happened, to look back on: losing the last minute of it is allowed. Times are milliseconds since 1970.
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
);
CREATE INDEX event_by_last ON event (last, id);
CREATE INDEX event_by_object ON event (namespace, kind, name, last);

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

CREATE TABLE series (
  id     INTEGER PRIMARY KEY,
  labels TEXT NOT NULL                 -- JSON
);

-- level 0: raw points of an hour; 1: minutes of an hour; 2: hours of a day. The slot is the number of that hour or day
-- since 1970. In the order of time: new chunks are appended to the table, retention cuts at its beginning.
CREATE TABLE chunk (
  level  INTEGER NOT NULL,
  slot   INTEGER NOT NULL,
  series INTEGER NOT NULL,
  points INTEGER NOT NULL,
  crc    INTEGER NOT NULL,
  bytes  BLOB NOT NULL,
  PRIMARY KEY (level, slot, series)
) WITHOUT ROWID;

-- Points since the last cut, in the order of their arrival; replayed on start, emptied by the cut.
CREATE TABLE head (
  seq   INTEGER PRIMARY KEY,
  crc   INTEGER NOT NULL,
  bytes BLOB NOT NULL
);

CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
-- cut: all points before it are in chunks
INSERT INTO meta VALUES ('cut', 0);
