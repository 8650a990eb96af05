-- What people sign in with, invites, the spool of mail, and who is signed in.

ALTER TABLE organizations ADD COLUMN "require_unique_emails" {BOOL} NOT NULL DEFAULT TRUE;
ALTER TABLE organizations ADD COLUMN "invite_days" {INT} NOT NULL DEFAULT 7;
ALTER TABLE organizations ADD COLUMN "single_sign_on" {BOOL} NOT NULL DEFAULT FALSE;

CREATE TABLE sign_ins (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "user" {ID},
    "password" {ID},
    "password_temporary" {BOOL} NOT NULL,
    "sign_in_pin" {ID},
    "security_question" {TEXT},
    "security_answer" {ID},
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, "user") REFERENCES users (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, "password") REFERENCES secrets (org_id, id),
    FOREIGN KEY (org_id, "sign_in_pin") REFERENCES secrets (org_id, id),
    FOREIGN KEY (org_id, "security_answer") REFERENCES secrets (org_id, id)
) {CLUSTERED};
CREATE INDEX sign_ins_user ON sign_ins (org_id, "user", id);

CREATE TABLE invites (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "user" {ID},
    "state" {TEXT} NOT NULL,
    "email" {TEXT},
    "send_at" {INT},
    "time_zone" {TEXT},
    "sent_at" {INT},
    "expires_at" {INT},
    "accepted_at" {INT},
    "token" {ID},
    "ended_because" {TEXT},
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, "user") REFERENCES users (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, "token") REFERENCES secrets (org_id, id)
) {CLUSTERED};
CREATE INDEX invites_user ON invites (org_id, "user", id);
CREATE INDEX invites_state ON invites (org_id, "state", id);
-- Those that are to leave, of all organizations.
CREATE INDEX invites_due ON invites ("send_at") WHERE "state" = 'scheduled';

CREATE TABLE mail_servers (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "host" {TEXT} NOT NULL,
    "port" {INT} NOT NULL,
    "security" {TEXT} NOT NULL,
    "login" {TEXT},
    "password" {ID},
    "from_address" {TEXT} NOT NULL,
    "from_name" {TEXT},
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, "password") REFERENCES secrets (org_id, id)
) {CLUSTERED};

-- Mail that is to leave or has left. What it says holds links that sign in: encrypted, and NULL once it has left.
CREATE TABLE mails (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    kind {TEXT} NOT NULL,
    recipient {TEXT} NOT NULL,
    user_id {ID},
    invite_id {ID},
    state {TEXT} NOT NULL,
    ciphertext {BLOB},
    created_at {INT} NOT NULL,
    next_at {INT} NOT NULL,
    attempts {INT} NOT NULL,
    first_attempt_at {INT},
    last_attempt_at {INT},
    sent_at {INT},
    problem {TEXT},
    PRIMARY KEY (org_id, id)
) {CLUSTERED};
CREATE INDEX mails_due ON mails (next_at) WHERE state = 'waiting';
CREATE INDEX mails_state ON mails (org_id, state, id);

CREATE TABLE sessions (
    token_hash {TEXT} NOT NULL PRIMARY KEY,
    org_id {ID} NOT NULL,
    user_id {ID} NOT NULL,
    password {ID},
    created_at {INT} NOT NULL,
    expires_at {INT} NOT NULL
) {CLUSTERED};
CREATE INDEX sessions_user ON sessions (org_id, user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Wrong passwords, PINs and answers since the last right one.
CREATE TABLE sign_in_failures (
    org_id {ID} NOT NULL,
    user_id {ID} NOT NULL,
    what {TEXT} NOT NULL,
    failures {INT} NOT NULL,
    last_at {INT} NOT NULL,
    PRIMARY KEY (org_id, user_id, what)
) {CLUSTERED};

{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('sign_ins', 'sign_ins', '100000 50000 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('sign_ins', 'sign_ins_user', '100000 50000 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('invites', 'invites', '100000 50000 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('invites', 'invites_user', '100000 50000 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('invites', 'invites_state', '100000 50000 20000 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('invites', 'invites_due', '1000 2');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('mails', 'mails', '100000 50000 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('mails', 'mails_due', '1000 2');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('mails', 'mails_state', '100000 50000 20000 1');
{ONLY_SQLITE} ANALYZE sqlite_schema;
