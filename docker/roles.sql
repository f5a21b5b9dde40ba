-- The two roles and the database of the house, made once by a superuser: by compose.yaml in a fresh volume, or by
-- an operator with psql. The owner migrates; the application has only what app/migrations/grants.sql gives it.
-- The passwords come from the environment: MILES_OWNER_PASSWORD and MILES_APP_PASSWORD.
\set ON_ERROR_STOP on
\getenv owner_password MILES_OWNER_PASSWORD
\getenv app_password MILES_APP_PASSWORD

CREATE ROLE miles_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE miles_app LOGIN PASSWORD :'app_password';
CREATE DATABASE miles OWNER miles_owner;
REVOKE ALL ON DATABASE miles FROM PUBLIC;
GRANT CONNECT ON DATABASE miles TO miles_app;
