-- One segment of the ledger. Every integer that changes in the life of a row is stored in the
-- same width from the start (states + 16, sentinels instead of NULL), so that an update
-- overwrites the row in place and never splits a page.

CREATE TABLE segment (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    applied INTEGER NOT NULL,    -- the last journal frame whose effects are in this file
    floor INTEGER NOT NULL,      -- every id in this file is above it
    last INTEGER NOT NULL,       -- the highest id in this file; the floor while it is empty
    deliveries INTEGER NOT NULL,
    open INTEGER NOT NULL,       -- how many of them are in an open state
    oldest_at INTEGER NOT NULL,  -- least accepted_at
    newest_at INTEGER NOT NULL,  -- greatest accepted_at
    drift INTEGER NOT NULL,      -- greatest lead of an id's time over its accepted_at
    calls INTEGER NOT NULL       -- the highest call id
) STRICT;

CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    app INTEGER NOT NULL,
    template INTEGER NOT NULL,
    version INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    reference TEXT,
    vars BLOB NOT NULL,
    attachments BLOB,
    account INTEGER,
    accepted_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    recipients INTEGER NOT NULL
) STRICT;

CREATE TABLE delivery (
    id INTEGER PRIMARY KEY,
    state INTEGER NOT NULL,      -- code + 16
    attempts INTEGER NOT NULL,   -- begun so far
    account INTEGER NOT NULL,    -- of the last attempt; -2^63 before the first
    due_at INTEGER NOT NULL,     -- 2^47-1: at once; while sending: when the attempt counts as lost
    updated_at INTEGER NOT NULL, -- when it last moved
    place INTEGER NOT NULL,      -- its index in the message: message id = id - 1 - place
    lane INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    reason_code TEXT,
    reason_detail TEXT,
    address TEXT NOT NULL,
    reference TEXT,
    vars BLOB,
    secret BLOB                  -- sealed; NULL once the delivery is settled
) STRICT;

-- The attempt nearly every delivery has only one of, by integer key: appending to such a table
-- fills its pages, appending to one with a composed key splits them.
CREATE TABLE first_attempt (
    delivery INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    verdict BLOB,                -- NULL: begun, and moved on before its outcome was recorded
    segments INTEGER,
    call INTEGER,                -- a row of call; NULL: the columns below hold it
    took_us INTEGER,             -- NULL: lost in a crash
    recipients INTEGER,
    request TEXT,
    answer TEXT
) STRICT;

CREATE TABLE later_attempt (
    delivery INTEGER NOT NULL,
    n INTEGER NOT NULL,
    account INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    verdict BLOB,                -- NULL: begun, and moved on before its outcome was recorded
    segments INTEGER,
    call INTEGER,                -- a row of call; NULL: the columns below hold it
    took_us INTEGER,             -- NULL: lost in a crash
    recipients INTEGER,
    request TEXT,
    answer TEXT,
    PRIMARY KEY (delivery, n)
) STRICT, WITHOUT ROWID;

CREATE VIEW attempt AS
    SELECT delivery, 1 AS n, account, started_at, verdict, segments, call, took_us, recipients,
        request, answer FROM first_attempt
    UNION ALL
    SELECT delivery, n, account, started_at, verdict, segments, call, took_us, recipients,
        request, answer FROM later_attempt;

CREATE TABLE call (
    id INTEGER PRIMARY KEY,
    took_us INTEGER NOT NULL,
    recipients INTEGER NOT NULL,
    request TEXT NOT NULL,
    answer TEXT NOT NULL
) STRICT;

CREATE TABLE receipt (
    delivery INTEGER NOT NULL,
    digest BLOB NOT NULL,
    n INTEGER NOT NULL,          -- the order they came in
    received_at INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (delivery, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
    delivery INTEGER NOT NULL,
    n INTEGER NOT NULL,
    at INTEGER NOT NULL,
    state INTEGER NOT NULL,
    reason_code TEXT NOT NULL,
    reason_detail TEXT NOT NULL,
    due_at INTEGER,
    PRIMARY KEY (delivery, n)
) STRICT, WITHOUT ROWID;
