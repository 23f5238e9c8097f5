"""Become a component: read its command and environment from a private file, and exec it.

The process manager's own configuration cannot hold a JSON value safely (it splits at quotes and at " #"), and it is
shown by its interface; the files here are 0600. The process id stays the same, so signals reach the component.
"""

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Exec the program described by the file named in the first argument; the second only marks its version."""
    program = json.loads(Path(sys.argv[1]).read_text())
    os.chdir(program["directory"])
    os.execvpe(program["command"][0], program["command"], program["environment"])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
