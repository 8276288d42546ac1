-- The fence of the lease an intent was journaled under. One process alone needs no table of leases.

ALTER TABLE intents ADD COLUMN fence INTEGER;
