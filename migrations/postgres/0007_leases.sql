-- Which replica works on what, and until when: on this database's clock, so that replicas need not agree about theirs.

CREATE SEQUENCE fences;

CREATE TABLE leases (
    connection TEXT COLLATE "C" NOT NULL,
    key        TEXT COLLATE "C" NOT NULL,
    owner      TEXT COLLATE "C" NOT NULL,
    fence      BIGINT NOT NULL,
    until      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, key)
) WITH (fillfactor = 50);

CREATE UNIQUE INDEX leases_fence ON leases (fence);

-- The fence of the lease an intent was journaled under.
ALTER TABLE intents ADD COLUMN fence BIGINT;

CREATE INDEX intents_left ON intents (updated_at) WHERE state IN ('journaled', 'attempting') AND NOT sticky;
