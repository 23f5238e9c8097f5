"""Secrets are drawn once, kept private, and completed when a new version needs one more."""

from stack.config import StackConfig, read_env_file
from stack.secrets import USERS, load_secrets, secrets_file, user_password_variable


def test_secrets_are_kept_and_readable_by_the_owner_only(tmp_path) -> None:
    config = StackConfig.load({"LOCAL_DIR": str(tmp_path)})

    first = load_secrets(config)

    assert load_secrets(config) == first
    assert secrets_file(config).stat().st_mode & 0o777 == 0o600
    assert len(set(first.values())) == len(first)


def test_a_missing_secret_is_added_and_the_others_stay(tmp_path) -> None:
    config = StackConfig.load({"LOCAL_DIR": str(tmp_path)})
    first = load_secrets(config)
    path = secrets_file(config)
    path.write_text("".join(line for line in path.read_text().splitlines(True) if "TWILIO_AUTH" not in line))

    second = load_secrets(config)

    assert first.keys() == second.keys() == read_env_file(path).keys()
    assert {name for name in first if first[name] != second[name]} == {"SANDBOX_TWILIO_AUTH_TOKEN"}


def test_every_user_has_a_password_that_can_be_typed(tmp_path) -> None:
    secrets = load_secrets(StackConfig.load({"LOCAL_DIR": str(tmp_path)}))

    for name in USERS:
        password = secrets[user_password_variable(name)]
        assert len(password) == 14
        assert not set(password) & set("01lIoO")
