-- What filters are answered from: whether somebody is shown as active, when a record was changed, and the name the
-- app tells, which may be the one that is shown.

ALTER TABLE records ADD COLUMN active INTEGER CHECK (active IN (0, 1));
ALTER TABLE records ADD COLUMN told_key TEXT;
-- 0 where `told_key` is yet to be written: folding is not SQL's work. Such a record is found under every display name
-- until it is written again.
ALTER TABLE records ADD COLUMN display_known INTEGER NOT NULL DEFAULT 1 CHECK (display_known IN (0, 1));

UPDATE records
SET active = CASE WHEN json_valid(standing) THEN coalesce(json_type(standing, '$.active') = 'true', 0) ELSE 0 END
WHERE kind = 'user';

-- Of printable ASCII the folded form is the lower-case one.
UPDATE records
SET told_key = lower(trim(json_extract(CASE WHEN json_valid(observed) THEN observed END, '$.display_name')))
WHERE kind = 'user'
  AND json_extract(CASE WHEN json_valid(observed) THEN observed END, '$.display_name') IS NOT NULL;
UPDATE records SET told_key = NULL, display_known = 0 WHERE told_key GLOB '*[^ -~]*';

CREATE INDEX records_active ON records (connection, kind, active, id) WHERE lifecycle = 'live' AND active IS NOT NULL;
CREATE INDEX records_modified ON records (connection, kind, modified_at, id) WHERE lifecycle = 'live';
CREATE INDEX records_told ON records (connection, kind, told_key, id) WHERE told_key IS NOT NULL;
CREATE INDEX records_display_unknown ON records (connection, kind, id) WHERE display_known = 0;
