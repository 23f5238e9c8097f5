"""An identity for PostgreSQL, which refuses to run as root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from stack.errors import NoUnprivilegedIdentity

_PROBE_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Identity:
    """How a command is run so that it does not see itself as root.

    `prefix` goes before the command and ends in exec, so the process id stays the command's own.
    `owner` is the (uid, gid) that must own its files, None when they may stay ours.
    """

    prefix: tuple[str, ...]
    owner: tuple[int, int] | None = None

    def own(self, path: Path) -> None:
        """Give `path` to the identity."""
        if self.owner is not None:
            os.chown(path, *self.owner)

    def can_enter(self, directory: Path) -> bool:
        """Say whether the identity can reach `directory` (root's home is 0700)."""
        return _succeeds(*self.prefix, "test", "-x", str(directory))


@cache
def unprivileged_identity() -> Identity:
    """Find an identity that PostgreSQL accepts.

    A user namespace comes first: root's files stay reachable in it, also below a 0700 directory. Containers often
    forbid namespaces; there the `postgres` user of Debian's package takes over.

    Raises:
        NoUnprivilegedIdentity: run as root, without user namespaces and without a `postgres` user.
    """
    if os.geteuid() != 0:
        return Identity(prefix=())
    namespace = ("unshare", "--user", "--map-user=1000", "--")
    if _succeeds(*namespace, "true"):
        return Identity(prefix=namespace)
    try:
        account = pwd.getpwnam("postgres")
    except KeyError as error:
        message = "PostgreSQL cannot run as root: allow user namespaces or install postgresql-common (user postgres)"
        raise NoUnprivilegedIdentity(message) from error
    uid, gid = account.pw_uid, account.pw_gid
    return Identity(prefix=("setpriv", f"--reuid={uid}", f"--regid={gid}", "--init-groups", "--"), owner=(uid, gid))


def _succeeds(*command: str) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PROBE_SECONDS, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0
