"""Become a component: read its command and environment from a private file, and exec it.

The process manager's own configuration cannot hold a JSON value safely (it splits at quotes and at " #"), and it is
shown by its interface; the files here are 0600. The process id stays the same, so signals reach the component.
"""

import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

# As in stack.config, which cannot be imported here: this runs without the project's path to be quick.
MARKERS = ("PLATFORM_OPS_STACK", "PLATFORM_OPS_COMPONENT")


def main() -> None:
    """Exec the program described by the file named in the first argument; the second only marks its version."""
    program = json.loads(Path(sys.argv[1]).read_text())
    end_predecessors(program["environment"])
    os.chdir(program["directory"])
    os.execvpe(program["command"][0], program["command"], program["environment"])  # noqa: S606 - no shell is wanted


def end_predecessors(environment: dict[str, str]) -> None:
    """Kill what a killed predecessor of this component left, before there are two of it.

    LocalExecutor's workers outlive a killed scheduler: each holds both ends of their queue, so none sees it end, and
    they ignore TERM. The new scheduler gives their tasks to its own workers.
    """
    wanted = {os.fsencode(f"{name}={value}") for name, value in environment.items() if name in MARKERS}
    for process in Path("/proc").iterdir():
        with suppress(OSError, ValueError):  # not a process, ended meanwhile, or somebody else's
            pid = int(process.name)
            if len(wanted) == len(MARKERS) and wanted <= set((process / "environ").read_bytes().split(b"\0")):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
