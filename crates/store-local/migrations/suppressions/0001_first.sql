-- Who must not be messaged. Times are UTC milliseconds; channels, reasons and sources are the
-- numbers of austin-domain, channel 0 is all of them; ids are its 63-bit ids.

CREATE TABLE suppressions (
    id INTEGER PRIMARY KEY,
    channel INTEGER NOT NULL,
    address TEXT NOT NULL,
    reason INTEGER NOT NULL,
    source INTEGER NOT NULL,
    until INTEGER,
    cause INTEGER,
    note TEXT,
    author TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    lifted_at INTEGER
) STRICT;

CREATE INDEX suppressions_by_address ON suppressions (address);

-- What happened to an entry after it was put in force. The first change brings a row that says
-- how it was before.
CREATE TABLE changes (
    number INTEGER PRIMARY KEY,
    suppression INTEGER NOT NULL REFERENCES suppressions (id),
    at INTEGER NOT NULL,
    step TEXT NOT NULL CHECK (step IN ('created', 'changed', 'lifted')),
    author TEXT NOT NULL,
    source INTEGER NOT NULL,
    until INTEGER,
    note TEXT,
    cause INTEGER
) STRICT;

CREATE INDEX changes_by_suppression ON changes (suppression);

-- How often in a row an address was found bad.
CREATE TABLE strikes (
    channel INTEGER NOT NULL,
    address TEXT NOT NULL,
    count INTEGER NOT NULL CHECK (count >= 1),
    last INTEGER NOT NULL,
    PRIMARY KEY (channel, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE imports (
    id INTEGER PRIMARY KEY,
    -- -1: rows must name it.
    channel INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    author TEXT NOT NULL,
    state TEXT NOT NULL CHECK (
        state IN ('receiving', 'waiting', 'running', 'done', 'failed', 'interrupted')
    ),
    bytes INTEGER NOT NULL DEFAULT 0,
    rows_read INTEGER NOT NULL DEFAULT 0,
    taken INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    faults INTEGER NOT NULL DEFAULT 0,
    fault TEXT CHECK (json_valid(fault)),
    created_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;

CREATE TABLE import_faults (
    import INTEGER NOT NULL REFERENCES imports (id),
    number INTEGER NOT NULL,
    line INTEGER NOT NULL,
    name TEXT NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (import, number)
) STRICT, WITHOUT ROWID;

-- Keys of unsubscribe links, sealed.
CREATE TABLE link_keys (
    version INTEGER PRIMARY KEY CHECK (version BETWEEN 1 AND 255),
    sealed BLOB NOT NULL
) STRICT;
