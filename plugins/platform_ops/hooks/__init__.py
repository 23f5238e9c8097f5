"""How Airflow reaches the services: one module per service, each returns a plain client for `include`."""
