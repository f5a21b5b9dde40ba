-- migrate:up

-- A word as written, and with each one of its letters left out. Two words that one slip tells apart (a letter left out,
-- added, mistaken, or swapped with the next) have at least one of these forms in common.
-- In plpgsql because an SQL function with a subselect takes three times as long, and an import pays for every new word.
CREATE FUNCTION word_slips(word text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    forms text[] := ARRAY[word];
BEGIN
    FOR n IN 1..length(word) LOOP
        forms := forms || overlay(word PLACING '' FROM n FOR 1);
    END LOOP;
    RETURN array_to_tsvector(forms);
END $$;

-- An index over what is computed, and no table: it fills itself with the words that stand already and with those that
-- are learned, whoever writes them, and nobody needs a right to it. A tsvector, because its index finds the beginnings
-- of forms, too: the last word of a search may be unfinished. Without fastupdate no search pays for a pending list.
CREATE INDEX product_words_by_slips ON product_words USING gin (word_slips(word)) WITH (fastupdate = off);

-- migrate:down

DROP INDEX product_words_by_slips;
DROP FUNCTION word_slips(text);
