"""Fixtures shared by the tests: real servers on free ports, in directories of their own."""
