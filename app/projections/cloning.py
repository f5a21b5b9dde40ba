"""A table beside the live one: of the same name and definition, in a schema of its own.

The catalog is asked for everything, so that a table is cloned as migrations and the operator have made it. What cannot
be cloned (a trigger, a comment, a view that stands on it) shows as a difference of the two definitions, and is never
left out in silence. It writes nothing to the live schema.
"""

from __future__ import annotations

from psycopg2.extensions import cursor as Cursor

LIVE, BESIDE = "public", "rebuilding"
"""The schema that is served, and the one that holds the clones."""

_CREATE = """
SELECT format('CREATE TABLE {beside}.%I (LIKE {live}.%I INCLUDING ALL EXCLUDING INDEXES EXCLUDING STATISTICS)%s',
    relname, relname, ' WITH (' || array_to_string(reloptions, ', ') || ')')
FROM pg_class WHERE oid = '{live}.{table}'::regclass
"""

_PRIMARY_KEY, _OTHER_CONSTRAINTS = (
    f"""
SELECT format('ALTER TABLE {{beside}}.{{table}} ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = '{{live}}.{{table}}'::regclass AND contype IN ({kinds}) ORDER BY conname
"""
    for kinds in ("'p'", "'u', 'x', 'f'")
)

# pg_get_indexdef() always names the schema.
_INDEXES = """
SELECT replace(pg_get_indexdef(indexrelid), ' ON {live}.', ' ON {beside}.') FROM pg_index i
WHERE indrelid = '{live}.{table}'::regclass
AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.conrelid = i.indrelid)
ORDER BY indexrelid
"""

_GRANTS = """
SELECT format('GRANT %s ON {beside}.{table} TO %s%s', privilege_type,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
    CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END)
FROM pg_class, aclexplode(relacl) WHERE oid = '{live}.{table}'::regclass
"""

# One line for each thing that makes a table what it is, told without its schema.
_DEFINITION = """
WITH t AS (SELECT * FROM pg_class WHERE oid = '{schema}.{table}'::regclass)
SELECT concat_ws(' ', 'kind', relkind, relpersistence, 'owner', relowner::regrole, 'options', reloptions,
    'tablespace', reltablespace, 'row security', relrowsecurity, relforcerowsecurity, 'identity', relreplident) FROM t
UNION ALL
SELECT concat_ws(' ', 'column', row_number() OVER (ORDER BY attnum), attname, format_type(atttypid, atttypmod),
    CASE WHEN attnotnull THEN 'NOT NULL' END, pg_get_expr(adbin, adrelid), attcollation, attidentity::text,
    attgenerated::text, attstorage, attcompression::text, attstattarget, attoptions, attacl,
    col_description(attrelid, attnum))
FROM t JOIN pg_attribute ON attrelid = t.oid AND attnum > 0 AND NOT attisdropped
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
UNION ALL
SELECT concat_ws(' ', 'constraint', conname, pg_get_constraintdef(c.oid), condeferrable, convalidated)
FROM t JOIN pg_constraint c ON conrelid = t.oid
UNION ALL
SELECT concat_ws(' ', 'index', replace(pg_get_indexdef(indexrelid), ' ON {schema}.', ' ON '), indisvalid)
FROM t JOIN pg_index ON indrelid = t.oid
UNION ALL
SELECT concat_ws(' ', 'at index', i.relname, CASE WHEN indisclustered THEN 'the mark of CLUSTER' END,
    'tablespace ' || spcname, 'comment ' || obj_description(i.oid, 'pg_class'))
FROM t JOIN pg_index ON indrelid = t.oid JOIN pg_class i ON i.oid = indexrelid
LEFT JOIN pg_tablespace s ON s.oid = i.reltablespace
WHERE indisclustered OR spcname IS NOT NULL OR obj_description(i.oid, 'pg_class') IS NOT NULL
UNION ALL
SELECT concat_ws(' ', 'at constraint', conname, 'comment', obj_description(c.oid, 'pg_constraint'))
FROM t JOIN pg_constraint c ON conrelid = t.oid WHERE obj_description(c.oid, 'pg_constraint') IS NOT NULL
UNION ALL
SELECT concat_ws(' ', 'comment', obj_description(t.oid, 'pg_class')) FROM t
UNION ALL
SELECT concat_ws(' ', 'toast options', toast.reloptions) FROM t JOIN pg_class toast ON toast.oid = t.reltoastrelid
WHERE toast.reloptions IS NOT NULL
UNION ALL
SELECT 'rule ' || rulename FROM t JOIN pg_rewrite ON ev_class = t.oid
UNION ALL
SELECT concat_ws(' ', 'right', privilege_type, 'of', grantee, is_grantable)
FROM t, aclexplode(coalesce(relacl, acldefault('r', relowner)))
UNION ALL
SELECT 'trigger ' || tgname FROM t JOIN pg_trigger ON tgrelid = t.oid AND NOT tgisinternal
UNION ALL
SELECT 'policy ' || polname FROM t JOIN pg_policy ON polrelid = t.oid
UNION ALL
SELECT 'statistics ' || stxname FROM t JOIN pg_statistic_ext ON stxrelid = t.oid
UNION ALL
SELECT 'publication ' || pubname
FROM t JOIN pg_publication_rel ON prrelid = t.oid JOIN pg_publication p ON p.oid = prpubid
UNION ALL
SELECT 'used by ' || pg_describe_object(d.classid, d.objid, 0)
FROM t JOIN pg_depend d ON refclassid = 'pg_class'::regclass AND refobjid = t.oid AND deptype = 'n'
LEFT JOIN pg_constraint c ON d.classid = 'pg_constraint'::regclass AND c.oid = d.objid
WHERE c.conrelid IS DISTINCT FROM t.oid
"""


def clone(cursor: Cursor, table: str) -> None:
    """Make the empty clone: its columns, checks, options, rights and primary key, which is all that a fold needs."""
    for written in (_CREATE, _PRIMARY_KEY, _GRANTS):
        _run(cursor, table, written)


def furnish(cursor: Cursor, table: str) -> None:
    """Give a filled clone what costs less afterwards: statistics, and every other constraint and index."""
    cursor.execute(f"VACUUM (ANALYZE) {BESIDE}.{table}")
    for written in (_OTHER_CONSTRAINTS, _INDEXES):
        _run(cursor, table, written)


def differences(cursor: Cursor, table: str, *, is_furnished: bool = True) -> list[str]:
    """What the live table has and the clone has not, or the other way round; a line each, empty where they are alike.

    Before the clone is furnished its indexes and constraints are left out.
    """
    live, beside = definition(cursor, LIVE, table), definition(cursor, BESIDE, table)
    later = () if is_furnished else ("constraint ", "index ")
    told = {f"{table} has {line}": line for line in live - beside}
    told |= {f"{table} would have {line}": line for line in beside - live}
    return sorted(sentence for sentence, line in told.items() if not line.startswith(later))


def definition(cursor: Cursor, schema: str, table: str) -> set[str]:
    """All that makes a table what it is but its rows, a line each."""
    cursor.execute(_DEFINITION.format(schema=schema, table=table))
    return {line for (line,) in cursor.fetchall()}


def _run(cursor: Cursor, table: str, written: str) -> None:
    """Run the statements that a query of the catalog writes."""
    cursor.execute(written.format(live=LIVE, beside=BESIDE, table=table))
    for (statement,) in cursor.fetchall():
        cursor.execute(statement)
