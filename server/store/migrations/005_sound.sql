-- Sound that is encoded anew, for segments to be laid over.
ALTER TABLE task DROP CONSTRAINT task_kind_check;
ALTER TABLE task ADD CONSTRAINT task_kind_check
  CHECK (kind IN ('probe', 'process', 'sound', 'follow', 'render', 'stitch'));

-- Key of what an address held that answers no ranges: fetched once, for as long as the job goes on.
ALTER TABLE source_mark ADD COLUMN copy text;
CREATE INDEX source_mark_copied ON source_mark (job) WHERE copy IS NOT NULL;
