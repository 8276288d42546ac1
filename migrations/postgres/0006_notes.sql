-- Texts the gateway keeps for itself, one under each name of a connection: the last report of what drifted.

CREATE TABLE notes (
    connection TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    text       TEXT NOT NULL,
    PRIMARY KEY (connection, name)
);
