-- Bearer tokens, never in the clear. One chosen by hand may serve several connections under the same id.

CREATE TABLE tokens (
    connection TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    hash       BLOB    NOT NULL CHECK (length(hash) = 32),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    PRIMARY KEY (connection, id)
) STRICT;

CREATE INDEX tokens_id ON tokens (id);
