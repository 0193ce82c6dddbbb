-- What forwarding needs: in which order events became known or grew, what they were before, and what the Event object itself
-- says beyond the thing it is about.
ALTER TABLE event ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;        -- grows with every change of any event
ALTER TABLE event ADD COLUMN was INTEGER NOT NULL DEFAULT 0;        -- count before the last change; 0: there was none
ALTER TABLE event ADD COLUMN was_last INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN event TEXT NOT NULL DEFAULT '';        -- name of the Event object
ALTER TABLE event ADD COLUMN about TEXT NOT NULL DEFAULT '';        -- Pod shop/cart-1
ALTER TABLE event ADD COLUMN container TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN host TEXT NOT NULL DEFAULT '';
UPDATE event SET seq = id;
CREATE INDEX event_by_seq ON event (seq);
-- never goes back, whatever retention takes away
INSERT INTO meta VALUES ('event_seq', (SELECT ifnull(max(seq), 0) FROM event));

-- How far each reader of events is. In this file, so that a power cut takes no event whose cursor it leaves.
CREATE TABLE cursor (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
