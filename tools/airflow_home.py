"""An Airflow home for a process that only reads DAGs or tries hooks; call it before Airflow is first imported."""

import atexit
import os
import shutil
import tempfile


def use_temporary_home() -> None:
    """Set `AIRFLOW_HOME` to a folder that is removed at exit; one that is set already stays."""
    if "AIRFLOW_HOME" in os.environ:
        return
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-home-")
    atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)
