"""The conformance suite: what every connector must withstand, asked of each in the same words.

A connector joins with one module here that defines `COUNTERPART`, a subclass of `Counterpart`; `suite.py` finds it by itself.
"""
