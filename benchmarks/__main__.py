"""`python -m benchmarks [NAME ...]`: run the named benchmarks, or all."""

from __future__ import annotations

import importlib
import sys

NAMES = ("provisioning",)


def main(names: list[str]) -> int:
    """Run benchmarks; 2 for an unknown name, 1 when a result was wrong."""
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there is: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    return max(importlib.import_module(f"benchmarks.{name}").main() for name in names or NAMES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
