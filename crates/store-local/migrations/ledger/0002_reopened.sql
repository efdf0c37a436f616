-- Sent deliveries that went back to wait because no receipt came in time. A sealed segment's list
-- of open deliveries does not know them.
CREATE TABLE reopened (
    delivery INTEGER PRIMARY KEY
) STRICT;
