-- Sent deliveries that may be sent again: until when their secret values are kept at the longest.
CREATE TABLE kept (
    delivery INTEGER PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT;
