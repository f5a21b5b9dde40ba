-- migrate:up

-- The order of the list of accounts, byte by byte: a page of it is then read in that order and no further.
CREATE INDEX directory_by_user ON directory (user_id COLLATE "C") WHERE user_id IS NOT NULL;

-- migrate:down

DROP INDEX directory_by_user;
