-- Which rule decided and because of which delivery (encoded; NULL: no rule did), and what is known
-- of a delivery besides address and values (encoded; NULL: nothing).
ALTER TABLE delivery ADD COLUMN reason_rule BLOB;
ALTER TABLE delivery ADD COLUMN facts BLOB;
ALTER TABLE event ADD COLUMN reason_rule BLOB;
