-- A site may have a policy of its own; nothing: the organization's holds.
ALTER TABLE sites ADD COLUMN "emergency_policy" {TEXT};
