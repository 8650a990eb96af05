-- One table per kind of thing, one column per field; `x_key` is the folded copy of `x`. References among
-- things are checked at the commit, so that what belongs together can be written in any order; a secret
-- must be there before what names it. While a reference is open, SQLite looks for who refers to each new
-- row: the columns of deferred references to what there are many of need an index.

CREATE TABLE tenant_keys (
    org_id {ID} NOT NULL,
    key_id {INT} NOT NULL,
    wrapped {BLOB} NOT NULL,
    PRIMARY KEY (org_id, key_id)
) {CLUSTERED};

CREATE TABLE secrets (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    kind {TEXT} NOT NULL,
    ciphertext {BLOB} NOT NULL,
    PRIMARY KEY (org_id, id)
) {CLUSTERED};

CREATE TABLE organizations (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "name" {TEXT} NOT NULL,
    "name_key" {TEXT} NOT NULL,
    "slug" {TEXT} NOT NULL,
    "domain" {TEXT} NOT NULL,
    "domain_aliases" {TEXT} NOT NULL,
    "country" {TEXT},
    "time_zone" {TEXT},
    "emergency_policy" {TEXT} NOT NULL,
    "secrets_exported_at" {INT},
    "backed_up_at" {INT},
    head_seq {INT} NOT NULL DEFAULT 0,
    head_hash {BLOB},
    PRIMARY KEY (org_id, id)
) {CLUSTERED};
CREATE INDEX organizations_name_key ON organizations (org_id, "name_key", id);
CREATE UNIQUE INDEX organizations_slug ON organizations ("slug");

CREATE TABLE sites (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "name" {TEXT} NOT NULL,
    "name_key" {TEXT} NOT NULL,
    "country" {TEXT},
    "time_zone" {TEXT},
    "address" {TEXT},
    "caller_id_name" {TEXT},
    "caller_id_number" {TEXT},
    "emergency_location" {TEXT},
    "emergency_numbers" {TEXT} NOT NULL,
    PRIMARY KEY (org_id, id)
) {CLUSTERED};
CREATE INDEX sites_name_key ON sites (org_id, "name_key", id);

CREATE TABLE connections (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "name" {TEXT} NOT NULL,
    "name_key" {TEXT} NOT NULL,
    "kind" {TEXT} NOT NULL,
    "prefix" {TEXT},
    PRIMARY KEY (org_id, id)
) {CLUSTERED};
CREATE INDEX connections_name_key ON connections (org_id, "name_key", id);

CREATE TABLE mailboxes (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "owner" {ID},
    "name" {TEXT} NOT NULL,
    "name_key" {TEXT} NOT NULL,
    "voicemail_pin" {ID},
    "email" {TEXT},
    PRIMARY KEY (org_id, id),
    {ONLY_SQLITE} FOREIGN KEY (org_id, "owner") REFERENCES users (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, "voicemail_pin") REFERENCES secrets (org_id, id)
) {CLUSTERED};
CREATE INDEX mailboxes_owner ON mailboxes (org_id, "owner", id);
CREATE INDEX mailboxes_name_key ON mailboxes (org_id, "name_key", id);

CREATE TABLE users (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "user_type" {TEXT} NOT NULL,
    "display_name" {TEXT} NOT NULL,
    "display_name_key" {TEXT} NOT NULL,
    "given_name" {TEXT},
    "family_name" {TEXT},
    "family_name_key" {TEXT} NOT NULL,
    "extension" {TEXT},
    "username" {TEXT} NOT NULL,
    "username_key" {TEXT} NOT NULL,
    "email" {TEXT},
    "email_key" {TEXT} NOT NULL,
    "service" {TEXT} NOT NULL,
    "disabled_reason" {TEXT},
    "disabled_comment" {TEXT},
    "disabled_until" {INT},
    "record" {TEXT} NOT NULL,
    "setup_wizard" {TEXT} NOT NULL,
    "site" {ID} NOT NULL,
    "connection" {ID} NOT NULL,
    "sip_secret" {ID},
    "max_bindings" {INT} NOT NULL,
    "roles" {TEXT} NOT NULL,
    "caller_id_name" {TEXT},
    "caller_id_number" {TEXT},
    "direct_number" {TEXT},
    "mobile_number" {TEXT},
    "alternate_number" {TEXT},
    "call_timeout_s" {INT} NOT NULL,
    "forward_behaviour" {TEXT} NOT NULL,
    "press_1_to_accept" {BOOL} NOT NULL,
    "alternate_ring_time_s" {INT} NOT NULL,
    "emergency_location" {TEXT},
    "mailbox" {ID},
    "notification_addresses" {TEXT} NOT NULL,
    "voice_file_addresses" {TEXT} NOT NULL,
    "fax_account" {TEXT},
    "on_call_pin" {ID},
    "on_call_reminder_min" {INT} NOT NULL,
    "sms" {BOOL} NOT NULL,
    "mobile_stun" {BOOL} NOT NULL,
    "unassigned_extension_country" {TEXT},
    "unassigned_extension_area_code" {TEXT},
    "title" {TEXT},
    "department" {TEXT},
    "company" {TEXT},
    "cost_centre" {TEXT},
    "language" {TEXT},
    "time_zone" {TEXT},
    "tags" {TEXT} NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, "site") REFERENCES sites (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, "connection") REFERENCES connections (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, "sip_secret") REFERENCES secrets (org_id, id),
    FOREIGN KEY (org_id, "mailbox") REFERENCES mailboxes (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, "on_call_pin") REFERENCES secrets (org_id, id)
) {CLUSTERED};
CREATE INDEX users_display_name_key ON users (org_id, "display_name_key", id);
CREATE INDEX users_family_name_key ON users (org_id, "family_name_key", id);
CREATE INDEX users_extension ON users (org_id, "extension", id);
CREATE INDEX users_username_key ON users (org_id, "username_key", id);
CREATE INDEX users_email_key ON users (org_id, "email_key", id);
CREATE INDEX users_service ON users (org_id, "service", id);
-- What is filtered most is shown by name.
CREATE INDEX users_service_by_name ON users (org_id, "service", "display_name_key", id);
CREATE INDEX users_site_by_name ON users (org_id, "site", "display_name_key", id);
-- For removing a mailbox: whoever points at it is looked for.
CREATE INDEX users_mailbox ON users (org_id, "mailbox", id);
{ONLY_POSTGRES} ALTER TABLE mailboxes ADD FOREIGN KEY (org_id, "owner") REFERENCES users (org_id, id) DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE devices (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "name" {TEXT} NOT NULL,
    "name_key" {TEXT} NOT NULL,
    "model" {TEXT},
    "mac" {TEXT},
    "serial" {TEXT},
    "user" {ID},
    "auth_name" {TEXT},
    "sip_secret" {ID},
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, "user") REFERENCES users (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, "sip_secret") REFERENCES secrets (org_id, id)
) {CLUSTERED};
CREATE INDEX devices_name_key ON devices (org_id, "name_key", id);
CREATE INDEX devices_mac ON devices (org_id, "mac", id);
CREATE INDEX devices_user ON devices (org_id, "user", id);

CREATE TABLE numbers (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "number" {TEXT} NOT NULL,
    "kind" {TEXT} NOT NULL,
    "owned_elsewhere" {BOOL} NOT NULL,
    "user" {ID},
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, "user") REFERENCES users (org_id, id) DEFERRABLE INITIALLY DEFERRED
) {CLUSTERED};
CREATE INDEX numbers_number ON numbers (org_id, "number", id);
CREATE INDEX numbers_user ON numbers (org_id, "user", id);

CREATE TABLE tokens (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "name" {TEXT} NOT NULL,
    "role" {TEXT} NOT NULL,
    "token_hash" {TEXT} NOT NULL,
    "record" {TEXT} NOT NULL,
    "expires_at" {INT},
    PRIMARY KEY (org_id, id)
) {CLUSTERED};
CREATE INDEX tokens_token_hash ON tokens (org_id, "token_hash", id);
CREATE UNIQUE INDEX tokens_by_hash ON tokens ("token_hash");

CREATE TABLE claims (
    org_id {ID} NOT NULL,
    space {TEXT} NOT NULL,
    key {TEXT} NOT NULL,
    kind {TEXT} NOT NULL,
    owner_id {ID} NOT NULL,
    PRIMARY KEY (org_id, space, key)
) {CLUSTERED};

-- The chained part of the change log: kept for good.
CREATE TABLE changes (
    org_id {ID} NOT NULL,
    seq {INT} NOT NULL,
    at {INT} NOT NULL,
    kind {TEXT} NOT NULL,
    entity {TEXT} NOT NULL,
    entity_id {ID} NOT NULL,
    actor {ID} NOT NULL,
    set_id {ID} NOT NULL,
    counted {BOOL},
    user_type {TEXT},
    body_hash {BLOB} NOT NULL,
    hash {BLOB} NOT NULL,
    PRIMARY KEY (org_id, seq)
) {CLUSTERED};
-- Who is counted is read from here alone.
CREATE INDEX changes_entity ON changes (org_id, entity_id, seq, counted, user_type);

-- Between which lines those of a change set are; what was recorded at the same time may lie among them.
CREATE TABLE change_sets (
    org_id {ID} NOT NULL,
    set_id {ID} NOT NULL,
    first_seq {INT} NOT NULL,
    last_seq {INT} NOT NULL,
    PRIMARY KEY (org_id, set_id)
) {CLUSTERED};

-- The part that can be erased: both columns become NULL then.
CREATE TABLE change_bodies (
    org_id {ID} NOT NULL,
    seq {INT} NOT NULL,
    salt {BLOB},
    body {BLOB},
    PRIMARY KEY (org_id, seq)
) {CLUSTERED};

CREATE TABLE idempotency (
    org_id {ID} NOT NULL,
    actor {ID} NOT NULL,
    key {TEXT} NOT NULL,
    request_hash {BLOB} NOT NULL,
    response {BLOB} NOT NULL,
    at {INT} NOT NULL,
    PRIMARY KEY (org_id, actor, key)
) {CLUSTERED};
CREATE INDEX idempotency_at ON idempotency (at);

CREATE TABLE jobs (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    kind {TEXT} NOT NULL,
    state {TEXT} NOT NULL,
    actor {ID} NOT NULL,
    options {TEXT} NOT NULL,
    set_id {ID},
    created_at {INT} NOT NULL,
    updated_at {INT} NOT NULL,
    rows_total {INT},
    rows_done {INT} NOT NULL,
    cursor {TEXT},
    summary {TEXT},
    problem {TEXT},
    cancel_requested {BOOL} NOT NULL,
    lease_holder {TEXT},
    lease_until {INT},
    undone_by {INT},
    PRIMARY KEY (org_id, id)
) {CLUSTERED};
CREATE INDEX jobs_open ON jobs (id) WHERE state IN ('queued', 'running');

CREATE TABLE job_results (
    org_id {ID} NOT NULL,
    job_id {ID} NOT NULL,
    row_number {INT} NOT NULL,
    part {INT} NOT NULL,
    outcome {TEXT} NOT NULL,
    text {TEXT} NOT NULL,
    PRIMARY KEY (org_id, job_id, row_number, part)
) {CLUSTERED};
CREATE INDEX job_results_outcome ON job_results (org_id, job_id, outcome, row_number, part);

-- Uploaded files hold passwords: encrypted, in pieces, and they expire.
CREATE TABLE job_inputs (
    org_id {ID} NOT NULL,
    job_id {ID} NOT NULL,
    piece {INT} NOT NULL,
    ciphertext {BLOB} NOT NULL,
    expires_at {INT} NOT NULL,
    PRIMARY KEY (org_id, job_id, piece)
);
CREATE INDEX job_inputs_expiry ON job_inputs (expires_at);

CREATE TABLE followers (
    follower {TEXT} NOT NULL,
    org_id {ID} NOT NULL,
    seq {INT} NOT NULL,
    parked {TEXT},
    PRIMARY KEY (follower, org_id)
) {CLUSTERED};

CREATE TABLE leases (
    name {TEXT} NOT NULL PRIMARY KEY,
    holder {TEXT} NOT NULL,
    until {INT} NOT NULL
) {CLUSTERED};

-- SQLite's planner is told once what a large organization looks like, and never looks for itself: its plans
-- are then the same on every day. Without this it takes all rows of an organization for few.
{ONLY_SQLITE} ANALYZE;
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('secrets', 'secrets', '100000 50000 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('organizations', 'organizations', '20 10 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('sites', 'sites', '20 10 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('connections', 'connections', '20 10 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('mailboxes', 'mailboxes', '100000 50000 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'users', '100000 50000 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('devices', 'devices', '100000 50000 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('numbers', 'numbers', '100000 50000 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('tokens', 'tokens', '20 10 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('claims', 'claims', '100000 50000 20000 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('changes', 'changes', '100000 50000 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('change_bodies', 'change_bodies', '100000 50000 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('idempotency', 'idempotency', '20 10 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('jobs', 'jobs', '20 10 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('job_results', 'job_results', '100000 50000 20000 1 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('organizations', 'organizations_name_key', '20 10 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('organizations', 'organizations_slug', '20 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('sites', 'sites_name_key', '20 10 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('connections', 'connections_name_key', '20 10 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('mailboxes', 'mailboxes_owner', '100000 50000 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('mailboxes', 'mailboxes_name_key', '100000 50000 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'users_display_name_key', '100000 50000 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'users_family_name_key', '100000 50000 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'users_extension', '100000 50000 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'users_username_key', '100000 50000 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'users_email_key', '100000 50000 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'users_service', '100000 50000 20000 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'users_service_by_name', '100000 50000 20000 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'users_site_by_name', '100000 50000 20000 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'users_mailbox', '100000 50000 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('devices', 'devices_name_key', '100000 50000 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('devices', 'devices_mac', '100000 50000 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('devices', 'devices_user', '100000 50000 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('numbers', 'numbers_number', '100000 50000 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('numbers', 'numbers_user', '100000 50000 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('tokens', 'tokens_token_hash', '20 10 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('tokens', 'tokens_by_hash', '20 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('changes', 'changes_entity', '100000 50000 2 1 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('idempotency', 'idempotency_at', '20 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('jobs', 'jobs_open', '20 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('job_results', 'job_results_outcome', '100000 50000 20000 20000 1 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('job_inputs', 'job_inputs_expiry', '100000 1');
{ONLY_SQLITE} ANALYZE sqlite_schema;
