-- What is paused. `subject` is as in the audit trail.
CREATE TABLE pauses (
    subject TEXT PRIMARY KEY,
    paused TEXT NOT NULL, -- what, as JSON
    pause TEXT NOT NULL   -- since when, by whom, why, as JSON
) STRICT;
