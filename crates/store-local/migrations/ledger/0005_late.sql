-- Deliveries that waited for a time (scheduled or held) and when they went out, where that was not
-- at once: they count against limits from then on, whatever the time in their id.
CREATE TABLE late (
    delivery INTEGER PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX late_at ON late (at);
