-- What the application's role may do. Run after every migration; each line says all, so order does not matter.
-- On the log: read and append, nothing else.
GRANT USAGE ON SCHEMA public TO :app_role;
GRANT SELECT, INSERT ON events TO :app_role;
GRANT SELECT, USAGE ON SEQUENCE events_position_seq TO :app_role;
GRANT SELECT ON schema_migrations, secrets TO :app_role;
GRANT SELECT, INSERT, UPDATE ON snapshots, tracking TO :app_role;
GRANT SELECT, INSERT, UPDATE ON directory, reasons, job_runs, products TO :app_role;
GRANT SELECT ON product_words TO :app_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency, recoveries TO :app_role;
GRANT SELECT, INSERT, UPDATE ON balances, lots, orders, transactions, daily TO :app_role;
GRANT SELECT, INSERT, UPDATE ON sandbox_charges, sandbox_refunds TO :app_role;
GRANT SELECT, INSERT ON checkpoints, readings, rules TO :app_role;
GRANT SELECT, INSERT, UPDATE ON tree TO :app_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON panel_users TO :app_role;
GRANT SELECT, INSERT, DELETE ON panel_tokens, panel_failures TO :app_role;
