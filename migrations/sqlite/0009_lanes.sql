-- What counts against an intent: refusals that stand, and panics. One that has too many is given up.

ALTER TABLE intents ADD COLUMN strikes INTEGER NOT NULL DEFAULT 0;
