"""The conformance suite: what every stream of every connector must withstand, asked of each in the same words.

A connector joins with one module here that defines `COUNTERPARTS`, a subclass of `Counterpart` for each of its streams;
``test_suite.py`` finds them by itself, and misses those that are not there.
"""
