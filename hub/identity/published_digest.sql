-- What customers a schema tells of: changes with any ID of the registry and any row of the crosswalk.
SELECT concat_ws(':',
  (SELECT concat_ws(':', count(*), sum(hash(r)::HUGEINT)) FROM {schema}.customer_registry AS r),
  (SELECT concat_ws(':', count(*), sum(hash(record_key, customer_id, valid_from, is_current)::HUGEINT)) FROM {schema}.customer_xref))
