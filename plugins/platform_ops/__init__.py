"""What ties the project to Airflow: defaults, operators, hooks, the auth manager."""
