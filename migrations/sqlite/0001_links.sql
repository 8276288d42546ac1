-- Links between SCIM resources and an app's accounts and groups. Times are microseconds since 1970.

CREATE TABLE records (
    connection  TEXT    NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('user', 'group')),
    id          TEXT    NOT NULL,
    lifecycle   TEXT    NOT NULL CHECK (lifecycle IN ('live', 'deleted')),
    account     TEXT,
    name_key    TEXT    NOT NULL,
    label       TEXT    NOT NULL,
    external_id TEXT,
    email_keys  TEXT    NOT NULL,
    display_key TEXT,
    generation  INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    observed_at INTEGER,
    desired     TEXT    NOT NULL,
    observed    TEXT,
    standing    TEXT    NOT NULL,
    PRIMARY KEY (connection, kind, id)
) STRICT;

CREATE UNIQUE INDEX records_name ON records (connection, kind, name_key) WHERE lifecycle = 'live';
CREATE INDEX records_listing ON records (connection, kind, lifecycle, id);
CREATE INDEX records_account ON records (connection, kind, account, id) WHERE account IS NOT NULL;
CREATE INDEX records_external_id ON records (connection, kind, external_id, id) WHERE external_id IS NOT NULL;
CREATE INDEX records_display ON records (connection, kind, display_key, id) WHERE display_key IS NOT NULL;

-- The index over the addresses in `records.email_keys`, a JSON array; the triggers keep it true.
CREATE TABLE emails (
    connection TEXT NOT NULL,
    kind       TEXT NOT NULL,
    email_key  TEXT NOT NULL,
    id         TEXT NOT NULL,
    PRIMARY KEY (connection, kind, email_key, id),
    FOREIGN KEY (connection, kind, id) REFERENCES records (connection, kind, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX emails_record ON emails (connection, kind, id);

CREATE TRIGGER records_emails_inserted AFTER INSERT ON records
WHEN new.email_keys <> '[]'
BEGIN
    INSERT OR IGNORE INTO emails (connection, kind, email_key, id)
    SELECT new.connection, new.kind, value, new.id FROM json_each(new.email_keys);
END;

CREATE TRIGGER records_emails_updated AFTER UPDATE OF email_keys ON records
WHEN new.email_keys <> old.email_keys
BEGIN
    DELETE FROM emails WHERE connection = old.connection AND kind = old.kind AND id = old.id;
    INSERT OR IGNORE INTO emails (connection, kind, email_key, id)
    SELECT new.connection, new.kind, value, new.id FROM json_each(new.email_keys);
END;

-- A member may be a user or a group, and may be written before its record is.
CREATE TABLE members (
    connection TEXT NOT NULL,
    group_id   TEXT NOT NULL,
    member_id  TEXT NOT NULL,
    PRIMARY KEY (connection, group_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_member ON members (connection, member_id, group_id);

CREATE TABLE rosters (
    connection   TEXT    NOT NULL,
    kind         TEXT    NOT NULL CHECK (kind IN ('user', 'group')),
    completed_at INTEGER NOT NULL,
    total        INTEGER NOT NULL,
    PRIMARY KEY (connection, kind)
) STRICT, WITHOUT ROWID;
