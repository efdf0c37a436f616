-- The look-up index of one segment: sorted runs of (key, delivery) pairs, packed in blocks.
-- Derived from the segment and disposable.

CREATE TABLE coverage (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    upto INTEGER NOT NULL,       -- the entries of all journal frames up to this one are in the runs
    listed INTEGER NOT NULL      -- 1 once open_row is filled (the segment takes no new rows)
) STRICT;

CREATE TABLE block (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    first_key INTEGER NOT NULL,
    first_id INTEGER NOT NULL,
    sum INTEGER NOT NULL,        -- CRC-32C of entries
    entries BLOB NOT NULL        -- 16 bytes each: key and id, little endian, sorted
) STRICT;
CREATE UNIQUE INDEX block_start ON block (run, first_key, first_id);

-- A superset of the segment's open deliveries: those open when it was sealed.
CREATE TABLE open_row (
    id INTEGER PRIMARY KEY,
    lane INTEGER NOT NULL
) STRICT;
