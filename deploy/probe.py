"""Health check of a container: ``python deploy/probe.py URL [AIRFLOW_COMPONENT]``, exit code 0 when healthy.

Standard library only and nothing of ours imported: it runs every few seconds in every container. With a component
(scheduler, dag_processor, triggerer) the api-server's answer must call it healthy; asking that is a thousand times
cheaper than ``airflow jobs check``, which imports all of Airflow.
"""

import json
import sys
import urllib.error
import urllib.request

TIMEOUT_SECONDS = 5


def main(url: str, component: str | None = None) -> int:
    """Return 0 when *url* answers 200 and, if asked, says that *component* is healthy."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - the URL is in our compose file
            body = answer.read()
    except (urllib.error.URLError, OSError) as error:
        sys.stderr.write(f"{url}: {error}\n")
        return 1
    if component is None:
        return 0
    status = json.loads(body).get(component, {}).get("status")
    if status != "healthy":
        sys.stderr.write(f"{component} is {status}\n")
    return int(status != "healthy")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
