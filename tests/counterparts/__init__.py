"""Connectors against real servers that nobody here wrote. A server is started by hand and named by an environment variable, see
tests/conftest.py; the tests make what they read, and look at nothing else that is there.
"""
