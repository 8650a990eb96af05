-- How long people in the trash can be restored, in days; nothing: until somebody erases them.
ALTER TABLE organizations ADD COLUMN "trash_retention_days" {INT};

-- Those in the trash are few.
CREATE INDEX users_trashed ON users (org_id, id) WHERE record = 'trashed';

-- When a phone of somebody was last seen registered, and since when that is watched (under the organization's own
-- id). It is observed, not decided: the log does not speak of it.
CREATE TABLE last_seen (
    org_id {ID} NOT NULL,
    user_id {ID} NOT NULL,
    at {INT} NOT NULL,
    PRIMARY KEY (org_id, user_id)
) {CLUSTERED};
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('last_seen', 'last_seen', '100000 50000 1');
{ONLY_SQLITE} ANALYZE sqlite_schema;
