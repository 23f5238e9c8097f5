"""Any value reaches a component as it is: quotes, percent signs, new lines, Korean."""

import json
import os
import subprocess
import sys
from pathlib import Path

from stack import launch
from stack.config import COMPONENT_MARKER, MARKER

LAUNCHER = Path(__file__).parents[2] / "stack" / "launch.py"
VALUES = {"JSON": '{"a": "it\'s 100 % #1; \\\\"}', "LINES": "one\ntwo", "KOREAN": "한빛", "EMPTY": ""}


def test_environment_directory_and_process_id_are_kept(tmp_path: Path) -> None:
    show = "import json, os; print(json.dumps([dict(os.environ), os.getcwd(), os.getpid()]))"
    program = tmp_path / "program with space.json"
    program.write_text(
        json.dumps({"command": [sys.executable, "-c", show], "environment": VALUES, "directory": str(tmp_path)})
    )

    with subprocess.Popen([sys.executable, "-IS", LAUNCHER, program], stdout=subprocess.PIPE, text=True) as process:
        output, _ = process.communicate(timeout=30)

    environment, directory, pid = json.loads(output)
    assert {name: environment[name] for name in VALUES} == VALUES
    assert set(environment) <= {*VALUES, "LC_CTYPE"}  # Python coerces the C locale
    assert (directory, pid) == (str(tmp_path), process.pid)


def test_what_a_predecessor_left_is_ended_and_its_neighbours_live(tmp_path: Path) -> None:
    assert launch.MARKERS == (MARKER, COMPONENT_MARKER)
    ours = {MARKER: str(tmp_path), COMPONENT_MARKER: "scheduler"}
    environments = [ours, ours | {COMPONENT_MARKER: "engine"}, ours | {MARKER: f"{tmp_path}2"}, {}]
    started = [subprocess.Popen(["sleep", "60"], env={"PATH": os.environ["PATH"], **each}) for each in environments]
    try:
        launch.end_predecessors(ours)

        assert started[0].wait(timeout=10) < 0
        assert [process.poll() for process in started[1:]] == [None, None, None]
    finally:
        for process in started:
            process.kill()
            process.wait()
