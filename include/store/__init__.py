"""The `ops` database: its roles, migrations and connection, the ledger, and one module of queries per domain."""
