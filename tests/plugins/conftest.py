"""Airflow without a database: a home that is thrown away, chosen before Airflow is first imported."""

from tools.airflow_home import use_temporary_home

use_temporary_home()
