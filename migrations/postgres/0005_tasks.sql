-- Who a task belongs to, where it is done and what shows that it is; and what receivers are still to be told of it.

ALTER TABLE tasks ADD COLUMN owner TEXT;
ALTER TABLE tasks ADD COLUMN link TEXT;
ALTER TABLE tasks ADD COLUMN evidence TEXT;

-- What happened to a task. A row goes when it was delivered, or when nobody wants it.
CREATE TABLE events (
    id              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    connection      TEXT COLLATE "C" NOT NULL,
    task            TEXT COLLATE "C" NOT NULL REFERENCES tasks (id),
    happened        TEXT COLLATE "C" NOT NULL CHECK (happened IN ('opened', 'closed')),
    at              BIGINT NOT NULL,
    attempts        BIGINT NOT NULL,
    -- None once it was given up.
    next_attempt_at BIGINT
);

CREATE INDEX events_due ON events (connection, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
