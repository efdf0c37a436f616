-- What was answered to requests that may come again.
CREATE TABLE answers (
    app INTEGER NOT NULL,
    key TEXT NOT NULL,
    at INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (app, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_at ON answers (at);
