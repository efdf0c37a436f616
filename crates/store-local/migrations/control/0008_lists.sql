-- Lists of words and calendars that policies name. What was deleted leaves its version behind, so
-- that one of the same name goes on counting.

CREATE TABLE word_lists (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version >= 1),
    team TEXT,
    words TEXT, -- one a line, as they were written; NULL: deleted
    reason TEXT,
    author TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE calendars (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version >= 1),
    days TEXT CHECK (json_valid(days)), -- NULL: deleted
    reason TEXT,
    author TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
