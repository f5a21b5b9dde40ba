-- migrate:up

CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- to_json() is only STABLE, because of types whose text depends on a setting; of text it is immutable.
CREATE FUNCTION json_text(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN to_json(value)::text;

-- The catalogue: plain rows, replaced by the import.
-- `item` is the product as lists give it, rendered once: a list of 50 is then a concatenation.
-- `document` holds names and categories twice: stemmed, and as written, for words still being typed. What is as written
-- stands last, so that a phrase does not run from the end of a name into its beginning.
CREATE TABLE products (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku text NOT NULL UNIQUE,
    name text NOT NULL,
    brand text NOT NULL,
    category text NOT NULL,
    price_minor bigint NOT NULL CHECK (price_minor >= 0),
    currency text NOT NULL,
    image_url text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '',
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    item text NOT NULL GENERATED ALWAYS AS (
        '{"id":' || id::text || ',"sku":' || json_text(sku) || ',"name":' || json_text(name)
        || ',"brand":' || json_text(brand) || ',"category":' || json_text(category)
        || ',"price":' || price_minor::text || ',"currency":' || json_text(currency)
        || ',"image_url":' || json_text(image_url) || '}'
    ) STORED,
    document tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('english', name), 'A')
        || setweight(to_tsvector('simple', brand), 'B')
        || setweight(to_tsvector('english', category), 'C')
        || setweight(to_tsvector('english', description), 'D')
        || setweight(to_tsvector('simple', name), 'A')
        || setweight(to_tsvector('simple', category), 'C')
    ) STORED
);

-- One index an order (the primary key is `newest`), one a filter, each ending as the keyset does.
CREATE INDEX products_by_price ON products (price_minor, id) WHERE active;
CREATE INDEX products_by_name ON products (name, id) WHERE active;
CREATE INDEX products_by_category ON products (category, brand, price_minor, id) WHERE active;
CREATE INDEX products_by_brand ON products (brand, price_minor, id) WHERE active;
-- Without fastupdate no search ever pays for reading a pending list.
CREATE INDEX products_by_document ON products USING gin (document) WITH (fastupdate = off);

-- Every word that names, brands and categories have had: what a misspelt word is corrected against.
-- Words stay when their product goes: a word too many finds nothing.
CREATE TABLE product_words (word text PRIMARY KEY);
CREATE INDEX product_words_by_likeness ON product_words USING gist (word gist_trgm_ops);

-- SECURITY DEFINER: so that the words follow the products whoever writes them, and nobody needs to write words.
-- In order of the words, so that two imports never wait for each other in a ring.
CREATE FUNCTION product_words_learn() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO product_words (word)
    SELECT DISTINCT found.word
    FROM written,
        unnest(tsvector_to_array(to_tsvector('simple', concat_ws(' ', name, brand, category)))) AS found (word)
    WHERE found.word ~ '^[[:alpha:]]{3,40}$'
        AND NOT EXISTS (SELECT FROM product_words AS known WHERE known.word = found.word)
    ORDER BY found.word
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER product_words_of_new AFTER INSERT ON products
REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION product_words_learn();
CREATE TRIGGER product_words_of_changed AFTER UPDATE ON products
REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION product_words_learn();

-- migrate:down

DROP TABLE products;
DROP FUNCTION product_words_learn();
DROP TABLE product_words;
DROP FUNCTION json_text(text);
DROP EXTENSION pg_trgm;
