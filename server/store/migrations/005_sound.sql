-- Sound that is encoded anew, for segments to be laid over.
ALTER TABLE task DROP CONSTRAINT task_kind_check;
ALTER TABLE task ADD CONSTRAINT task_kind_check
  CHECK (kind IN ('probe', 'process', 'sound', 'follow', 'render', 'stitch'));
