-- What things cost, what was ordered, and what there is to have: one table a kind, as in the first migration. Calls
-- that have ended and the lines of invoices are kept beside the log: a call is a fact of its own, and the digest of an
-- invoice's lines is in the log.

CREATE TABLE subscriptions (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "name" {TEXT} NOT NULL,
    "name_key" {TEXT} NOT NULL,
    "currency" {TEXT} NOT NULL,
    "billing_model" {TEXT} NOT NULL,
    "counting" {TEXT} NOT NULL,
    "user_types" {TEXT} NOT NULL,
    "prices" {TEXT} NOT NULL,
    "unassigned_extensions" {BOOL} NOT NULL,
    PRIMARY KEY (org_id, id)
) {CLUSTERED};
CREATE INDEX subscriptions_name_key ON subscriptions (org_id, "name_key", id);

CREATE TABLE phone_models (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "name" {TEXT} NOT NULL,
    "name_key" {TEXT} NOT NULL,
    "brand" {TEXT},
    "brand_key" {TEXT} NOT NULL,
    "model" {TEXT},
    "model_key" {TEXT} NOT NULL,
    "lines" {INT} NOT NULL,
    "features" {TEXT} NOT NULL,
    "price_minor" {INT} NOT NULL,
    "currency" {TEXT} NOT NULL,
    "available" {BOOL} NOT NULL,
    PRIMARY KEY (org_id, id)
) {CLUSTERED};
CREATE INDEX phone_models_name_key ON phone_models (org_id, "name_key", id);
CREATE INDEX phone_models_brand_key ON phone_models (org_id, "brand_key", id);
CREATE INDEX phone_models_model_key ON phone_models (org_id, "model_key", id);

CREATE TABLE stock_numbers (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "number" {TEXT} NOT NULL,
    "country" {TEXT},
    "region" {TEXT},
    "area_code" {TEXT},
    "state" {TEXT} NOT NULL,
    "organization" {TEXT},
    "order" {TEXT},
    "reserved_until" {INT},
    PRIMARY KEY (org_id, id)
) {CLUSTERED};
CREATE INDEX stock_numbers_number ON stock_numbers (org_id, "number", id);
CREATE INDEX stock_numbers_country ON stock_numbers (org_id, "country", id);
CREATE INDEX stock_numbers_area_code ON stock_numbers (org_id, "area_code", id);
CREATE INDEX stock_numbers_state ON stock_numbers (org_id, "state", id);

CREATE TABLE unassigned_extensions (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "kind" {TEXT} NOT NULL,
    "country" {TEXT},
    "area_code" {TEXT},
    "extension" {TEXT},
    "number" {TEXT},
    "user" {ID},
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, "user") REFERENCES users (org_id, id) DEFERRABLE INITIALLY DEFERRED
) {CLUSTERED};
CREATE INDEX unassigned_extensions_kind ON unassigned_extensions (org_id, "kind", id);
CREATE INDEX unassigned_extensions_country ON unassigned_extensions (org_id, "country", id);
CREATE INDEX unassigned_extensions_area_code ON unassigned_extensions (org_id, "area_code", id);
CREATE INDEX unassigned_extensions_number ON unassigned_extensions (org_id, "number", id);
CREATE INDEX unassigned_extensions_user ON unassigned_extensions (org_id, "user", id);

CREATE TABLE orders (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "state" {TEXT} NOT NULL,
    "note" {TEXT},
    "currency" {TEXT} NOT NULL,
    "once_minor" {INT} NOT NULL,
    "first_cycle_minor" {INT} NOT NULL,
    "per_cycle_minor" {INT} NOT NULL,
    "price_digest" {TEXT},
    "expires_at" {INT} NOT NULL,
    "confirmed_at" {INT},
    "ended_at" {INT},
    "reason" {TEXT},
    PRIMARY KEY (org_id, id)
) {CLUSTERED};
CREATE INDEX orders_state ON orders (org_id, "state", id);

CREATE TABLE order_items (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "order" {ID},
    "kind" {TEXT} NOT NULL,
    "user_type" {TEXT},
    "quantity" {INT} NOT NULL,
    "model" {TEXT},
    "number" {TEXT},
    "user" {ID},
    "address" {ID},
    "once_minor" {INT} NOT NULL,
    "first_cycle_minor" {INT} NOT NULL,
    "per_cycle_minor" {INT} NOT NULL,
    "starts_at" {INT},
    "ends_at" {INT},
    "phone_number" {ID},
    "device" {ID},
    "delivery" {TEXT},
    "carrier" {TEXT},
    "tracking" {TEXT},
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, "order") REFERENCES orders (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, "user") REFERENCES users (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, "address") REFERENCES shipping_addresses (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, "phone_number") REFERENCES numbers (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, "device") REFERENCES devices (org_id, id) DEFERRABLE INITIALLY DEFERRED
) {CLUSTERED};
CREATE INDEX order_items_order ON order_items (org_id, "order", id);
CREATE INDEX order_items_number ON order_items (org_id, "number", id);
CREATE INDEX order_items_user ON order_items (org_id, "user", id);
CREATE INDEX order_items_address ON order_items (org_id, "address", id);
CREATE INDEX order_items_phone_number ON order_items (org_id, "phone_number", id);
CREATE INDEX order_items_device ON order_items (org_id, "device", id);

CREATE TABLE licences (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "user_type" {TEXT} NOT NULL,
    "quantity" {INT} NOT NULL,
    "starts_at" {INT} NOT NULL,
    "ends_at" {INT},
    "order" {ID},
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, "order") REFERENCES orders (org_id, id) DEFERRABLE INITIALLY DEFERRED
) {CLUSTERED};
CREATE INDEX licences_order ON licences (org_id, "order", id);

CREATE TABLE invoices (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "cycle" {TEXT} NOT NULL,
    "starts_at" {INT} NOT NULL,
    "ends_at" {INT} NOT NULL,
    "closed_at" {INT} NOT NULL,
    "log_seq" {INT} NOT NULL,
    "currency" {TEXT} NOT NULL,
    "total_minor" {INT} NOT NULL,
    "line_count" {INT} NOT NULL,
    "digest" {TEXT},
    PRIMARY KEY (org_id, id)
) {CLUSTERED};
CREATE INDEX invoices_cycle ON invoices (org_id, "cycle", id);

CREATE TABLE port_orders (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    version {INT} NOT NULL,
    created_at {INT} NOT NULL,
    "numbers" {TEXT} NOT NULL,
    "state" {TEXT} NOT NULL,
    "carrier" {TEXT},
    "account" {TEXT},
    "reason" {TEXT},
    "due_at" {INT},
    "user" {ID},
    "temporary" {ID},
    "activated_at" {INT},
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, "user") REFERENCES users (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, "temporary") REFERENCES numbers (org_id, id) DEFERRABLE INITIALLY DEFERRED
) {CLUSTERED};
CREATE INDEX port_orders_state ON port_orders (org_id, "state", id);
CREATE INDEX port_orders_user ON port_orders (org_id, "user", id);
CREATE INDEX port_orders_temporary ON port_orders (org_id, "temporary", id);

-- Written once, when the cycle closes.
CREATE TABLE invoice_lines (
    org_id {ID} NOT NULL,
    invoice_id {ID} NOT NULL,
    line {INT} NOT NULL,
    why {TEXT} NOT NULL,
    user_id {ID},
    what {TEXT} NOT NULL,
    quantity {INT} NOT NULL,
    days {INT} NOT NULL,
    of_days {INT} NOT NULL,
    from_day {INT} NOT NULL,
    to_day {INT} NOT NULL,
    calls {INT} NOT NULL,
    unit_minor {INT} NOT NULL,
    amount_minor {INT} NOT NULL,
    PRIMARY KEY (org_id, invoice_id, line),
    FOREIGN KEY (org_id, invoice_id) REFERENCES invoices (org_id, id) DEFERRABLE INITIALLY DEFERRED
) {CLUSTERED};

-- Calls that have ended. `recorded_at` is when this was learned: an invoice has what was known when it was closed.
CREATE TABLE calls (
    org_id {ID} NOT NULL,
    id {ID} NOT NULL,
    caller {ID},
    callee {ID},
    dialled {TEXT} NOT NULL,
    started_at {INT} NOT NULL,
    answered_at {INT},
    ended_at {INT} NOT NULL,
    ending {TEXT} NOT NULL,
    status {INT} NOT NULL,
    for_help {BOOL} NOT NULL,
    ringout {ID},
    recorded_at {INT} NOT NULL,
    PRIMARY KEY (org_id, id)
) {CLUSTERED};
-- All that a meter asks of a call.
CREATE INDEX calls_answered ON calls (org_id, answered_at, id, caller, callee, ringout, for_help, recorded_at);

-- The terms of an organization as they changed: few lines of a long log.
CREATE INDEX changes_subscription ON changes (org_id, seq) WHERE entity = 'subscription';

-- How far a phone that was bought has come; nothing of one that was brought along.
ALTER TABLE devices ADD COLUMN "state" {TEXT};
ALTER TABLE numbers ADD COLUMN "country" {TEXT};
ALTER TABLE numbers ADD COLUMN "region" {TEXT};
ALTER TABLE numbers ADD COLUMN "area_code" {TEXT};
CREATE INDEX numbers_country ON numbers (org_id, "country", id);
CREATE INDEX numbers_area_code ON numbers (org_id, "area_code", id);

{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('subscriptions', 'subscriptions', '1000 500 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('subscriptions', 'subscriptions_name_key', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('phone_models', 'phone_models', '1000 500 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('phone_models', 'phone_models_name_key', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('phone_models', 'phone_models_brand_key', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('phone_models', 'phone_models_model_key', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('stock_numbers', 'stock_numbers', '1000 500 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('stock_numbers', 'stock_numbers_number', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('stock_numbers', 'stock_numbers_country', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('stock_numbers', 'stock_numbers_area_code', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('stock_numbers', 'stock_numbers_state', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('unassigned_extensions', 'unassigned_extensions', '1000 500 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('unassigned_extensions', 'unassigned_extensions_kind', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('unassigned_extensions', 'unassigned_extensions_country', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('unassigned_extensions', 'unassigned_extensions_area_code', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('unassigned_extensions', 'unassigned_extensions_number', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('unassigned_extensions', 'unassigned_extensions_user', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('orders', 'orders', '1000 500 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('orders', 'orders_state', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('order_items', 'order_items', '1000 500 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('order_items', 'order_items_order', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('order_items', 'order_items_number', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('order_items', 'order_items_user', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('order_items', 'order_items_address', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('order_items', 'order_items_phone_number', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('order_items', 'order_items_device', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('licences', 'licences', '1000 500 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('licences', 'licences_order', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('invoices', 'invoices', '1000 500 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('invoices', 'invoices_cycle', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('port_orders', 'port_orders', '1000 500 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('port_orders', 'port_orders_state', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('port_orders', 'port_orders_user', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('port_orders', 'port_orders_temporary', '1000 500 2 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('invoice_lines', 'invoice_lines', '100000 50000 1000 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('calls', 'calls', '1000000 500000 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('calls', 'calls_answered', '1000000 500000 2 1 1 1 1 1 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('changes', 'changes_subscription', '20 5 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('numbers', 'numbers_country', '100000 50000 20000 1');
{ONLY_SQLITE} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('numbers', 'numbers_area_code', '100000 50000 1000 1');
{ONLY_SQLITE} ANALYZE sqlite_schema;
