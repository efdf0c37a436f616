-- What people configure. Times are UTC milliseconds; channels, classes and lanes are the numbers
-- of austin-domain; ids are its 63-bit ids.

CREATE TABLE templates (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    channel INTEGER NOT NULL,
    class INTEGER NOT NULL,
    owner TEXT NOT NULL CHECK (json_valid(owner)),
    state TEXT NOT NULL CHECK (state IN ('draft', 'enabled', 'disabled')),
    current INTEGER NOT NULL CHECK (current >= 1),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE template_versions (
    template INTEGER NOT NULL REFERENCES templates (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    content TEXT NOT NULL CHECK (json_valid(content)),
    variables TEXT NOT NULL CHECK (json_valid(variables)),
    vendor_templates TEXT NOT NULL CHECK (json_valid(vendor_templates)),
    policies TEXT CHECK (json_valid(policies)),
    author TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (template, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER template_versions_stay BEFORE UPDATE ON template_versions
BEGIN SELECT RAISE(ABORT, 'a template version never changes'); END;
CREATE TRIGGER template_versions_are_kept BEFORE DELETE ON template_versions
BEGIN SELECT RAISE(ABORT, 'a template version is never removed'); END;

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    channel INTEGER NOT NULL,
    adapter TEXT NOT NULL,
    settings TEXT NOT NULL CHECK (json_valid(settings)),
    -- Secrets and receipt token, sealed for this id.
    sealed BLOB NOT NULL,
    limits TEXT NOT NULL CHECK (json_valid(limits)),
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;

-- A deleted account frees its key.
CREATE UNIQUE INDEX account_keys ON accounts (key) WHERE deleted_at IS NULL;

CREATE TABLE routes (
    lane INTEGER NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    reason TEXT,
    author TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (lane, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE route_shares (
    lane INTEGER NOT NULL,
    version INTEGER NOT NULL,
    place INTEGER NOT NULL,
    account INTEGER NOT NULL REFERENCES accounts (id),
    weight INTEGER NOT NULL,
    PRIMARY KEY (lane, version, place),
    FOREIGN KEY (lane, version) REFERENCES routes (lane, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE apps (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    team TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE keys (
    id INTEGER PRIMARY KEY,
    app INTEGER NOT NULL REFERENCES apps (id),
    role TEXT NOT NULL CHECK (role IN ('admin', 'sender', 'reader')),
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    hint TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;

-- Append-only and chained: `chain` is a digest over the row and the `chain` of the row before.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    author TEXT NOT NULL,
    subject TEXT NOT NULL,
    action TEXT NOT NULL,
    detail TEXT NOT NULL CHECK (json_valid(detail)),
    chain BLOB NOT NULL CHECK (length(chain) = 32)
) STRICT;
CREATE INDEX audit_subjects ON audit (subject, number);

-- The end of the chain, so that rows cut off at the end are missed.
CREATE TABLE audit_end (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    number INTEGER NOT NULL,
    chain BLOB NOT NULL CHECK (length(chain) = 32)
) STRICT;
INSERT INTO audit_end (only, number, chain) VALUES (1, 0, zeroblob(32));

CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail never changes'); END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is never removed'); END;
