"""The local stack: everything of Platform Ops as real processes on one machine, below one directory."""
