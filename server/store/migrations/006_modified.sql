-- For origins that give no ETag.
ALTER TABLE source_mark ADD COLUMN modified text;
