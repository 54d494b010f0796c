"""What a landed part says of its payloads, so that the warehouse need not read them to know their fields."""

# key in a part's Parquet metadata; absent where whoever landed it does not know. Its value is JSON:
# {"payloads": how many upserts the part holds, "fields": {name: [types, how many of the payloads have it]}}
# with types as `warehouse.drift` names them; fields are in the order of the payloads' keys, none of them nested
FIELDS = b"hub.fields"
