-- Bearer tokens, never in the clear. One chosen by hand may serve several connections under the same id.

CREATE TABLE tokens (
    connection TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    hash       BYTEA  NOT NULL CHECK (octet_length(hash) = 32),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (connection, id)
);

CREATE INDEX tokens_id ON tokens (id);
