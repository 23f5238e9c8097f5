"""Operators of the project; they hold wiring, the knowledge is in `include`."""
