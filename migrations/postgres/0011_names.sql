-- The folded name of what a create makes, so that who creates somebody of that name finds it; empty in all other
-- intents, and in those of releases that did not write it.

ALTER TABLE intents ADD COLUMN name_key TEXT COLLATE "C" NOT NULL DEFAULT '';
DROP INDEX intents_creates;
CREATE INDEX intents_creates ON intents (connection, kind, name_key, created_at, id)
    WHERE operation = 'create' AND state IN ('journaled', 'attempting', 'ambiguous');
