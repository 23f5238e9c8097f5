-- A login for postgres_exporter that may read statistics and nothing else, in the database that psql is connected to.
-- psql -v password=…; safe to run again.
SET client_min_messages = warning;  -- says otherwise that the membership is there already
SELECT 'CREATE ROLE postgres_exporter' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'postgres_exporter') \gexec
ALTER ROLE postgres_exporter LOGIN PASSWORD :'password';
GRANT pg_monitor TO postgres_exporter;
SELECT format('GRANT CONNECT ON DATABASE %I TO postgres_exporter', current_database()) \gexec
