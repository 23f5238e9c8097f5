"""What is told to people from Airflow, through the providers' notifiers."""
