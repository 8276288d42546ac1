-- What was done: the audit, one chain for each connection, and the traces. Times are microseconds since 1970.

-- `hash` is the SHA-256 over the connection, the place, `previous` and the text of the entry.
CREATE TABLE audit (
    connection TEXT COLLATE "C" NOT NULL,
    seq        BIGINT NOT NULL,
    previous   BYTEA NOT NULL,
    hash       BYTEA NOT NULL,
    at         BIGINT NOT NULL,
    intent     TEXT COLLATE "C" NOT NULL,
    entry      TEXT NOT NULL,
    PRIMARY KEY (connection, seq)
);

CREATE INDEX audit_intent ON audit (intent, seq);

-- The end of each chain; whoever appends holds its row until the commit.
CREATE TABLE audit_heads (
    connection TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    seq        BIGINT NOT NULL,
    hash       BYTEA NOT NULL
) WITH (fillfactor = 50);

-- `trace` is JSON, and holds what the other columns do. Ids are in the order of creation.
CREATE TABLE traces (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    connection TEXT COLLATE "C" NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL,
    at         BIGINT NOT NULL,
    trace      TEXT NOT NULL
);

CREATE INDEX traces_request ON traces (request_id, id);
CREATE INDEX traces_at ON traces (at, id);

-- Whom and what a trace is about, by SCIM id.
CREATE TABLE trace_subjects (
    subject TEXT COLLATE "C" NOT NULL,
    trace   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (subject, trace)
);

CREATE INDEX trace_subjects_trace ON trace_subjects (trace);
