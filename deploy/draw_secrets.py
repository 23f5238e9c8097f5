"""Draw what `docker-compose.yaml` asks for: ``python3 -m deploy.draw_secrets``.

The same secrets as the local stack's, in the same file (`.local/secrets.env`, readable by the owner only), and one more
for Redis. What is there already stays as it is. Standard library only: it runs before anything is installed.
"""

import secrets

from stack.config import StackConfig, read_env_file
from stack.secrets import load_secrets, secrets_file

REDIS = "REDIS_PASSWORD"


def main(config: StackConfig | None = None) -> None:
    """Draw what is missing and say how to use it."""
    config = config or StackConfig.load()
    load_secrets(config)
    path = secrets_file(config)
    if REDIS not in read_env_file(path):
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{REDIS}={secrets.token_urlsafe(18)}\n")
    print(f"set -a; . {path}; set +a")  # noqa: T201 - the command line is what was asked for


if __name__ == "__main__":
    main()
