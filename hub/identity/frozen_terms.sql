-- The terms that were counted when the model was made. Versions before communal.sql kept with them who shared a value on that day.
CREATE OR REPLACE TEMP TABLE id_term AS
SELECT term_type, term, records FROM {live}.term_frequency
WHERE term_type NOT IN ('phone_people', 'email_towns', 'tax_companies');
