-- How URLs and the states of facts are read.

-- The value of a query parameter. What is no text in UTF-8 stays as it stands in the URL.
CREATE OR REPLACE TEMP MACRO url_parameter(url, name) AS
  nullif(trim(coalesce(TRY(url_decode(replace(regexp_extract(url, '[?&]' || name || '=([^&#]*)', 1), '+', ' '))),
                       regexp_extract(url, '[?&]' || name || '=([^&#]*)', 1))), '');

CREATE OR REPLACE TEMP MACRO click_parameter(url) AS
  nullif(regexp_extract(url, '[?&](gclid|gbraid|wbraid|fbclid|msclkid|ttclid|li_fat_id|twclid|rdt_cid|epik|ScCid)=[^&#]', 1), '');

-- Which facts count in sums: no test, and neither called off nor only drafted. Those that do not are kept all the same.
CREATE OR REPLACE TEMP MACRO order_counts(is_test, status) AS NOT is_test AND coalesce(status, '') <> 'cancelled';
CREATE OR REPLACE TEMP MACRO invoice_counts(is_test, status) AS NOT is_test AND coalesce(status, '') NOT IN ('draft', 'void');
CREATE OR REPLACE TEMP MACRO payment_counts(is_test, status) AS NOT is_test AND coalesce(status, 'succeeded') = 'succeeded';
-- a credit note lowers a claim; money went back only with a refund
CREATE OR REPLACE TEMP MACRO refund_counts(is_test, refund_type, status) AS
  NOT is_test AND refund_type IS DISTINCT FROM 'credit_note' AND coalesce(status, '') NOT IN ('failed', 'cancelled');
