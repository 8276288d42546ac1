-- What filters are answered from: whether somebody is shown as active, when a record was changed, and the name the
-- app tells, which may be the one that is shown.

ALTER TABLE records ADD COLUMN active BOOLEAN;
ALTER TABLE records ADD COLUMN told_key TEXT COLLATE "C";

CREATE INDEX records_active ON records (connection, kind, active, id) WHERE lifecycle = 'live' AND active IS NOT NULL;
CREATE INDEX records_modified ON records (connection, kind, modified_at, id) WHERE lifecycle = 'live';
CREATE INDEX records_told ON records (connection, kind, told_key, id) WHERE told_key IS NOT NULL;
