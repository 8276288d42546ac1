-- What has been promised and how far it has come, and what a person has to do. Times are microseconds since 1970.

CREATE TABLE intents (
    id              TEXT    NOT NULL PRIMARY KEY,
    connection      TEXT    NOT NULL,
    kind            TEXT    NOT NULL CHECK (kind IN ('user', 'group')),
    resource        TEXT    NOT NULL,
    operation       TEXT    NOT NULL,
    generation      INTEGER NOT NULL,
    plan            TEXT    NOT NULL,
    sticky          INTEGER NOT NULL CHECK (sticky IN (0, 1)),
    state           TEXT    NOT NULL CHECK (state IN (
        'journaled', 'attempting', 'confirmed', 'not_applied', 'ambiguous', 'superseded', 'dead')),
    attempts        INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    request_id      TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    outcome         TEXT
) STRICT;

CREATE INDEX intents_resource ON intents (connection, resource, generation, id);
CREATE INDEX intents_due ON intents (next_attempt_at)
    WHERE state IN ('journaled', 'attempting', 'ambiguous') AND (sticky = 1 OR state = 'ambiguous');
CREATE INDEX intents_open ON intents (connection, resource, generation, id)
    WHERE state IN ('journaled', 'attempting', 'ambiguous');

CREATE TABLE tasks (
    id          TEXT    NOT NULL PRIMARY KEY,
    connection  TEXT    NOT NULL,
    resource    TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    dedupe      TEXT    NOT NULL,
    instruction TEXT    NOT NULL,
    person      TEXT    NOT NULL,
    urgent      INTEGER NOT NULL CHECK (urgent IN (0, 1)),
    state       TEXT    NOT NULL CHECK (state IN ('open', 'done', 'cancelled')),
    created_at  INTEGER NOT NULL,
    closed_at   INTEGER,
    closed_by   TEXT,
    note        TEXT
) STRICT;

CREATE UNIQUE INDEX tasks_open ON tasks (connection, dedupe) WHERE state = 'open';
CREATE INDEX tasks_age ON tasks (created_at, id);
