-- What was done: the audit, one chain for each connection, and the traces. Times are microseconds since 1970.

-- `hash` is the SHA-256 over the connection, the place, `previous` and the text of the entry.
CREATE TABLE audit (
    connection TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    previous   BLOB    NOT NULL,
    hash       BLOB    NOT NULL,
    at         INTEGER NOT NULL,
    intent     TEXT    NOT NULL,
    entry      TEXT    NOT NULL,
    PRIMARY KEY (connection, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_intent ON audit (intent, seq);

-- The end of each chain; whoever appends holds its row until the commit.
CREATE TABLE audit_heads (
    connection TEXT    NOT NULL PRIMARY KEY,
    seq        INTEGER NOT NULL,
    hash       BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- `trace` is JSON, and holds what the other columns do. Ids are in the order of creation.
CREATE TABLE traces (
    id         TEXT    NOT NULL PRIMARY KEY,
    connection TEXT    NOT NULL,
    request_id TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    trace      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX traces_request ON traces (request_id, id);
CREATE INDEX traces_at ON traces (at, id);

-- Whom and what a trace is about, by SCIM id.
CREATE TABLE trace_subjects (
    subject TEXT NOT NULL,
    trace   TEXT NOT NULL,
    PRIMARY KEY (subject, trace)
) STRICT, WITHOUT ROWID;

CREATE INDEX trace_subjects_trace ON trace_subjects (trace);
