-- Receipts that wait for their attempt.

CREATE TABLE parking (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    applied INTEGER NOT NULL,    -- the last journal frame whose effects are in this file
    last INTEGER NOT NULL        -- the highest id ever given
) STRICT;

CREATE TABLE parked (
    id INTEGER PRIMARY KEY,
    received_at INTEGER NOT NULL,
    digest BLOB NOT NULL,
    body BLOB NOT NULL
) STRICT;
