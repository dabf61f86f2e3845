-- A task whose attempt failed for no fault of the node's is not tried again at once.
ALTER TABLE task ADD COLUMN wait_until timestamptz;
