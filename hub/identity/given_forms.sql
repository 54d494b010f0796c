-- Each given name with the full names it may stand for, in the one spelling of match keys. bits: a fast first answer to "do two names
-- have a form in common?"
CREATE OR REPLACE TEMP TABLE id_given_form AS
WITH spelt AS (
  SELECT id_spelt(name) AS name, list_distinct(flatten(list(list_transform(forms, lambda f: id_spelt(f))))) AS forms FROM id_form GROUP BY ALL
)
SELECT name, forms, list_reduce(list_transform(forms, lambda f: 1::UBIGINT << (hash(f) % 64)::INT), lambda a, b: a | b) AS bits FROM spelt;
