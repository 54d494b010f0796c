-- What was published before: registry and crosswalk of the live load.
CREATE OR REPLACE TEMP TABLE id_live_registry AS FROM {live}.customer_registry WHERE $has_live;
CREATE OR REPLACE TEMP TABLE id_live_xref AS FROM {live}.customer_xref WHERE $has_live;
