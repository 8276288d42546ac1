-- What has been promised and how far it has come, and what a person has to do. Times are microseconds since 1970.

CREATE TABLE intents (
    id              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    connection      TEXT COLLATE "C" NOT NULL,
    kind            TEXT COLLATE "C" NOT NULL CHECK (kind IN ('user', 'group')),
    resource        TEXT COLLATE "C" NOT NULL,
    operation       TEXT COLLATE "C" NOT NULL,
    generation      BIGINT NOT NULL,
    plan            TEXT NOT NULL,
    sticky          BOOLEAN NOT NULL,
    state           TEXT COLLATE "C" NOT NULL CHECK (state IN (
        'journaled', 'attempting', 'confirmed', 'not_applied', 'ambiguous', 'superseded', 'dead')),
    attempts        BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    request_id      TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    outcome         TEXT,
    -- How many there ever were, at the least.
    number          BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE
);

CREATE INDEX intents_resource ON intents (connection, resource, generation, id);
CREATE INDEX intents_due ON intents (next_attempt_at)
    WHERE state IN ('journaled', 'attempting', 'ambiguous') AND (sticky OR state = 'ambiguous');
CREATE INDEX intents_open ON intents (connection, resource, generation, id)
    WHERE state IN ('journaled', 'attempting', 'ambiguous');

CREATE TABLE tasks (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    connection  TEXT COLLATE "C" NOT NULL,
    resource    TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    dedupe      TEXT COLLATE "C" NOT NULL,
    instruction TEXT NOT NULL,
    person      TEXT NOT NULL,
    urgent      BOOLEAN NOT NULL,
    state       TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'done', 'cancelled')),
    created_at  BIGINT NOT NULL,
    closed_at   BIGINT,
    closed_by   TEXT,
    note        TEXT
);

CREATE UNIQUE INDEX tasks_open ON tasks (connection, dedupe) WHERE state = 'open';
CREATE INDEX tasks_age ON tasks (created_at, id);
