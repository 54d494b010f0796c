"""Any SQL database through SQLAlchemy: what is asked, how values become JSON, where a reading stands.

What a column means is said in hub.yaml (`connectors.fields`), not here.
"""
