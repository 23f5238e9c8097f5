"""What Platform Ops knows, as plain Python: one package per domain, no Airflow."""
