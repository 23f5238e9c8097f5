"""Load the project's DAGs without a database, a running Airflow or an Airflow home of one's own."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tools.airflow_home import use_temporary_home

if TYPE_CHECKING:
    from airflow.sdk import DAG

ROOT = Path(__file__).resolve().parent.parent
DAGS = ROOT / "dags"


class DagImportFailed(Exception):
    """A DAG file cannot be imported; the message names each file and its error."""


def load_dags(folder: Path = DAGS) -> Mapping[str, "DAG"]:
    """Return the DAGs below *folder* by id, sorted.

    Raises:
        DagImportFailed: at least one file cannot be imported.
    """
    isolate_airflow()
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(folder))
    if bag.import_errors:
        raise DagImportFailed("\n".join(f"{file}: {error}" for file, error in sorted(bag.import_errors.items())))
    return dict(sorted(bag.dags.items()))


def isolate_airflow() -> None:
    """Set what Airflow reads on its first import. An Airflow home that is set already stays."""
    for path in (str(ROOT / "plugins"), str(ROOT)):
        if path not in sys.path:
            sys.path.insert(0, path)
    use_temporary_home()
    os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "ERROR")
