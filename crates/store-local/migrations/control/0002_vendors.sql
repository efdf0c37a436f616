-- Tags and steering of accounts, plans of routes, quotas, and what austin notes down for itself.

ALTER TABLE accounts ADD COLUMN tags TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags));
ALTER TABLE accounts ADD COLUMN steer TEXT CHECK (json_valid(steer));

-- Versions written before have their accounts in route_shares.
ALTER TABLE routes ADD COLUMN plan TEXT CHECK (json_valid(plan));
ALTER TABLE routes ADD COLUMN shift TEXT CHECK (json_valid(shift));

CREATE TABLE quotas (
    kind TEXT NOT NULL CHECK (kind IN ('app', 'template')),
    id INTEGER NOT NULL,
    quota TEXT NOT NULL CHECK (json_valid(quota)),
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE remembered (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL CHECK (json_valid(value))
) STRICT, WITHOUT ROWID;
