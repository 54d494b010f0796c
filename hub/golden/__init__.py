"""The unified customer: survivorship with provenance, and facts resolved through the crosswalk.

Builds the tables of the load being made; whether it is good enough and where it is published is decided elsewhere.
"""
