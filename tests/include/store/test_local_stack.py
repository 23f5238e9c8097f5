"""Finding the local stack's database from a shell that knows nothing of it."""

from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from include.store.local_stack import local_stack_dsn


def test_without_a_stack_there_is_nothing(tmp_path: Path) -> None:
    assert local_stack_dsn("ops_auditor", root=tmp_path, environ={}) is None


def test_the_password_comes_from_the_stacks_secrets(tmp_path: Path) -> None:
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "secrets.env").write_text("# drawn\nOPS_AUDITOR_PASSWORD=a=b\nOPS_TASKS_PASSWORD=c\n")

    dsn = local_stack_dsn("ops_auditor", root=tmp_path, environ={})

    assert dsn is not None
    assert conninfo_to_dict(dsn) == {
        "host": "127.0.0.1",
        "port": "15432",
        "user": "ops_auditor",
        "password": "a=b",
        "dbname": "ops",
    }


def test_places_are_those_of_the_env_file_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PG_STATE_PORT=25432\nLOCAL_DIR=elsewhere\n")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secrets.env").write_text("OPS_AUDITOR_PASSWORD=x\n")

    ports = {
        given: conninfo_to_dict(local_stack_dsn("ops_auditor", root=tmp_path, environ=environ) or "")["port"]
        for given, environ in (("file", {}), ("environment", {"PG_STATE_PORT": "35432"}))
    }

    assert ports == {"file": "25432", "environment": "35432"}
