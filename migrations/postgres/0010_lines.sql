-- What waits for its next attempt, in the order it is gone on with; creates that may have been
-- applied, by connection; open tasks by their kind.

CREATE INDEX intents_line ON intents (connection, sticky, next_attempt_at, id)
    WHERE state IN ('journaled', 'attempting', 'ambiguous');
CREATE INDEX intents_creates ON intents (connection, created_at, id)
    WHERE operation = 'create' AND state IN ('journaled', 'attempting', 'ambiguous');
DROP INDEX intents_due;
CREATE INDEX tasks_kind ON tasks (connection, kind, created_at, id) WHERE state = 'open';
