-- Requests that may come again. An index in memory finds them by key.
CREATE TABLE remembered (
    message INTEGER PRIMARY KEY, -- the first message of the request
    app INTEGER NOT NULL,
    key TEXT NOT NULL,
    request BLOB NOT NULL,       -- digest of what was asked
    answer BLOB NOT NULL,        -- what was answered but for the ids
    messages BLOB NOT NULL,      -- their ids, encoded
    at INTEGER NOT NULL
) STRICT;
