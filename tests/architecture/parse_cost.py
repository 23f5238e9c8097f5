"""Measure one fresh interpreter: CPU seconds to import Airflow, then to parse the DAG folder. Prints both as JSON.

Started by `test_parse_time.py`. While the DAGs are parsed nothing may be asked from outside: a connection, a database
file or a child process ends the measurement with the name of what was tried.
"""

import json
import sys
import time

from tools.dag_bag import load_dags

FORBIDDEN_EVENTS = ("socket.connect", "socket.getaddrinfo", "sqlite3.connect", "subprocess.Popen", "os.system")


def main() -> None:
    """Import Airflow, forbid the outside, parse."""
    started = time.process_time()
    import airflow.dag_processing.dagbag
    import airflow.sdk  # noqa: F401

    imported = time.process_time()
    sys.addaudithook(_refuse)
    count = len(load_dags())
    parsed = time.process_time()
    print(json.dumps({"dags": count, "import_seconds": imported - started, "parse_seconds": parsed - imported}))  # noqa: T201


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in FORBIDDEN_EVENTS:
        raise PermissionError(f"parsing a DAG file must not reach outside: {event}{arguments!r}")


if __name__ == "__main__":
    main()
