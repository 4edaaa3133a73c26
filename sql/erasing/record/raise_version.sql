-- Purpose: begin to record erasures: no transaction that merges events can commit between this
--   statement and the commit, and each that commits later knows them.
-- Parameters: key_check (proof of the key of the pseudonyms; null: no pseudonym is recorded).
-- Result: the new version, the proof that is kept from now on, and the time of the database.
-- Grain: one row. Re-run: safe; a higher version only makes consumers read the erasures again.
update ingest.erasures_version as present
set
    version = present.version + 1,
    key_check = coalesce(present.key_check, %(key_check)s)
returning present.version, present.key_check, clock_timestamp()
