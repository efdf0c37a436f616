-- Adapters that people upload. Built-in ones are in the binary.

CREATE TABLE adapters (
    name TEXT PRIMARY KEY,
    -- The number of the next version: numbers are never used again.
    next INTEGER NOT NULL CHECK (next >= 1),
    active INTEGER,
    former INTEGER,
    canary TEXT CHECK (json_valid(canary)),
    switched_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE adapter_versions (
    adapter TEXT NOT NULL REFERENCES adapters (name) ON DELETE CASCADE,
    number INTEGER NOT NULL CHECK (number >= 1),
    definition TEXT NOT NULL CHECK (json_valid(definition)),
    script TEXT,
    examples TEXT NOT NULL CHECK (json_valid(examples)),
    state TEXT NOT NULL
        CHECK (state IN ('draft', 'checked', 'canary', 'active', 'retired', 'quarantined')),
    author TEXT NOT NULL,
    reason TEXT,
    created_at INTEGER NOT NULL,
    checked_at INTEGER,
    note TEXT,
    PRIMARY KEY (adapter, number)
) STRICT;

CREATE TRIGGER adapter_versions_stay
BEFORE UPDATE OF definition, script, examples, author, reason, created_at ON adapter_versions
BEGIN SELECT RAISE(ABORT, 'what an adapter version says never changes'); END;
