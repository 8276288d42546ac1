-- Links between SCIM resources and an app's accounts and groups. Times are microseconds since 1970. What is compared
-- or sorted is compared by its bytes, whatever the database's own collation is.

CREATE TABLE records (
    connection  TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL CHECK (kind IN ('user', 'group')),
    id          TEXT COLLATE "C" NOT NULL,
    lifecycle   TEXT COLLATE "C" NOT NULL CHECK (lifecycle IN ('live', 'deleted')),
    account     TEXT COLLATE "C",
    name_key    TEXT COLLATE "C" NOT NULL,
    label       TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C",
    email_keys  TEXT[] COLLATE "C" NOT NULL,
    display_key TEXT COLLATE "C",
    generation  BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    observed_at BIGINT,
    desired     TEXT NOT NULL,
    observed    TEXT,
    standing    TEXT NOT NULL,
    PRIMARY KEY (connection, kind, id)
);

CREATE UNIQUE INDEX records_name ON records (connection, kind, name_key) WHERE lifecycle = 'live';
-- The label is there so that references to many records are read from this index alone.
CREATE INDEX records_listing ON records (connection, kind, lifecycle, id) INCLUDE (label);
CREATE INDEX records_account ON records (connection, kind, account, id) WHERE account IS NOT NULL;
CREATE INDEX records_external_id ON records (connection, kind, external_id, id) WHERE external_id IS NOT NULL;
CREATE INDEX records_display ON records (connection, kind, display_key, id) WHERE display_key IS NOT NULL;
-- A look-up has to find what was written a moment ago without walking a list of what is yet to be sorted in.
CREATE INDEX records_emails ON records USING gin (email_keys) WITH (fastupdate = off);

-- A member may be a user or a group, and may be written before its record is.
CREATE TABLE members (
    connection TEXT COLLATE "C" NOT NULL,
    group_id   TEXT COLLATE "C" NOT NULL,
    member_id  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (connection, group_id, member_id)
);

CREATE INDEX members_member ON members (connection, member_id, group_id);

CREATE TABLE rosters (
    connection   TEXT COLLATE "C" NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL CHECK (kind IN ('user', 'group')),
    completed_at BIGINT NOT NULL,
    total        BIGINT NOT NULL,
    PRIMARY KEY (connection, kind)
);
