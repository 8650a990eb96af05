-- What people can be depended on by, and what they refer to: one table a kind, as in the first migration.

CREATE TABLE emergency_locations (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "name" {TEXT} NOT NULL,
    "name_key" {TEXT} NOT NULL,
    "owner" {ID},
    "site" {ID},
    "country" {TEXT},
    "street" {TEXT},
    "house_number" {TEXT},
    "unit" {TEXT},
    "city" {TEXT},
    "state" {TEXT},
    "postal_code" {TEXT},
    "notify" {TEXT} NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, "owner") REFERENCES users (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, "site") REFERENCES sites (org_id, id) DEFERRABLE INITIALLY DEFERRED
) {CLUSTERED};
CREATE INDEX emergency_locations_name_key ON emergency_locations (org_id, "name_key", id);
CREATE INDEX emergency_locations_owner ON emergency_locations (org_id, "owner", id);
CREATE INDEX emergency_locations_site ON emergency_locations (org_id, "site", id);

CREATE TABLE shipping_addresses (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "name" {TEXT} NOT NULL,
    "name_key" {TEXT} NOT NULL,
    "recipient" {TEXT},
    "company" {TEXT},
    "country" {TEXT},
    "street" {TEXT},
    "house_number" {TEXT},
    "unit" {TEXT},
    "city" {TEXT},
    "state" {TEXT},
    "postal_code" {TEXT},
    "note" {TEXT},
    PRIMARY KEY (org_id, id)
) {CLUSTERED};
CREATE INDEX shipping_addresses_name_key ON shipping_addresses (org_id, "name_key", id);

CREATE TABLE groups (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "name" {TEXT} NOT NULL,
    "name_key" {TEXT} NOT NULL,
    "kind" {TEXT} NOT NULL,
    "connection" {ID},
    "extension" {TEXT},
    "site" {ID},
    "ring_order" {TEXT} NOT NULL,
    "ring_time_s" {INT} NOT NULL,
    "members" {TEXT} NOT NULL,
    "mailbox" {ID},
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, "connection") REFERENCES connections (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, "site") REFERENCES sites (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, "mailbox") REFERENCES mailboxes (org_id, id) DEFERRABLE INITIALLY DEFERRED
) {CLUSTERED};
CREATE INDEX groups_name_key ON groups (org_id, "name_key", id);
CREATE INDEX groups_connection ON groups (org_id, "connection", id);
CREATE INDEX groups_extension ON groups (org_id, "extension", id);
CREATE INDEX groups_site ON groups (org_id, "site", id);
CREATE INDEX groups_mailbox ON groups (org_id, "mailbox", id);

CREATE TABLE menus (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "name" {TEXT} NOT NULL,
    "name_key" {TEXT} NOT NULL,
    "connection" {ID},
    "extension" {TEXT},
    "site" {ID},
    "greeting" {TEXT},
    "entries" {TEXT} NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, "connection") REFERENCES connections (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, "site") REFERENCES sites (org_id, id) DEFERRABLE INITIALLY DEFERRED
) {CLUSTERED};
CREATE INDEX menus_name_key ON menus (org_id, "name_key", id);
CREATE INDEX menus_connection ON menus (org_id, "connection", id);
CREATE INDEX menus_extension ON menus (org_id, "extension", id);
CREATE INDEX menus_site ON menus (org_id, "site", id);

CREATE TABLE fax_accounts (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "name" {TEXT} NOT NULL,
    "name_key" {TEXT} NOT NULL,
    "number" {ID},
    "users" {TEXT} NOT NULL,
    "notification_addresses" {TEXT} NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, "number") REFERENCES numbers (org_id, id) DEFERRABLE INITIALLY DEFERRED
) {CLUSTERED};
CREATE INDEX fax_accounts_name_key ON fax_accounts (org_id, "name_key", id);
CREATE INDEX fax_accounts_number ON fax_accounts (org_id, "number", id);

CREATE TABLE sms_senders (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "name" {TEXT} NOT NULL,
    "name_key" {TEXT} NOT NULL,
    "number" {ID},
    "campaign_approved" {BOOL} NOT NULL,
    "users" {TEXT} NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, "number") REFERENCES numbers (org_id, id) DEFERRABLE INITIALLY DEFERRED
) {CLUSTERED};
CREATE INDEX sms_senders_name_key ON sms_senders (org_id, "name_key", id);
CREATE INDEX sms_senders_number ON sms_senders (org_id, "number", id);

CREATE TABLE on_call_schedules (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "name" {TEXT} NOT NULL,
    "name_key" {TEXT} NOT NULL,
    "site" {ID},
    "members" {TEXT} NOT NULL,
    "shift_h" {INT} NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, "site") REFERENCES sites (org_id, id) DEFERRABLE INITIALLY DEFERRED
) {CLUSTERED};
CREATE INDEX on_call_schedules_name_key ON on_call_schedules (org_id, "name_key", id);
CREATE INDEX on_call_schedules_site ON on_call_schedules (org_id, "site", id);

CREATE TABLE roles (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "name" {TEXT} NOT NULL,
    "name_key" {TEXT} NOT NULL,
    "based_on" {TEXT},
    "permissions" {TEXT} NOT NULL,
    "description" {TEXT},
    PRIMARY KEY (org_id, id)
) {CLUSTERED};
CREATE INDEX roles_name_key ON roles (org_id, "name_key", id);

CREATE TABLE tags (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "name" {TEXT} NOT NULL,
    "colour" {TEXT} NOT NULL,
    PRIMARY KEY (org_id, id)
) {CLUSTERED};
CREATE INDEX tags_name ON tags (org_id, "name", id);

-- Where a field names many things, each of them: a list cannot be looked up. Written with the row.
CREATE TABLE links (
    org_id {ID} NOT NULL,
    to_id {ID} NOT NULL,
    kind {TEXT} NOT NULL,
    from_id {ID} NOT NULL,
    field {TEXT} NOT NULL,
    PRIMARY KEY (org_id, to_id, kind, from_id, field)
) {CLUSTERED};
CREATE INDEX links_from ON links (org_id, from_id, field);

-- Who is forwarded to somebody who goes.
CREATE INDEX users_alternate_number ON users (org_id, "alternate_number", id);

{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('emergency_locations', 'emergency_locations', '1000 500 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('emergency_locations', 'emergency_locations_name_key', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('emergency_locations', 'emergency_locations_owner', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('emergency_locations', 'emergency_locations_site', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('shipping_addresses', 'shipping_addresses', '1000 500 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('shipping_addresses', 'shipping_addresses_name_key', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('groups', 'groups', '1000 500 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('groups', 'groups_name_key', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('groups', 'groups_connection', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('groups', 'groups_extension', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('groups', 'groups_site', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('groups', 'groups_mailbox', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('menus', 'menus', '1000 500 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('menus', 'menus_name_key', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('menus', 'menus_connection', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('menus', 'menus_extension', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('menus', 'menus_site', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('fax_accounts', 'fax_accounts', '1000 500 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('fax_accounts', 'fax_accounts_name_key', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('fax_accounts', 'fax_accounts_number', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('sms_senders', 'sms_senders', '1000 500 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('sms_senders', 'sms_senders_name_key', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('sms_senders', 'sms_senders_number', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('on_call_schedules', 'on_call_schedules', '1000 500 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('on_call_schedules', 'on_call_schedules_name_key', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('on_call_schedules', 'on_call_schedules_site', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('roles', 'roles', '1000 500 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('roles', 'roles_name_key', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('tags', 'tags', '1000 500 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('tags', 'tags_name', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('links', 'links', '100000 50000 2 2 1 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('links', 'links_from', '100000 50000 2 1 1 1 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'users_alternate_number', '100000 50000 200 1');
{ONLY_SQLITE} ANALYZE sqlite_schema;
