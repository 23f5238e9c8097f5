"""`python -m include.engine`: run the engine in the foreground. Settings come from the environment."""

from __future__ import annotations

import asyncio
import logging
import sys

from pydantic import ValidationError

from include.common.errors import CommonError
from include.engine.errors import EngineError
from include.engine.service import run_engine
from include.settings import get_settings


def main() -> int:
    """Run until a signal; 1 with one line on stderr when the engine cannot start."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # one line per request otherwise
    try:
        asyncio.run(run_engine(get_settings()))
    except (EngineError, CommonError, ValidationError) as error:
        print(f"engine: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
