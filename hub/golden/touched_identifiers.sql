-- The touched customers as they are now, and what won for those whose records changed.
CREATE OR REPLACE TEMP TABLE own_customer AS FROM golden.customer SEMI JOIN touched_customer USING (customer_id);
CREATE OR REPLACE TEMP VIEW person_attribute AS FROM own_customer_attribute SEMI JOIN touched_person USING (customer_id);
