-- What Stripe's fields mean. Each payload is parsed once, by json_transform: reading field by field takes seven times as long.
--
-- Amounts are integers in the currency's smallest unit as Stripe counts it (docs.stripe.com/currencies): most have two decimals, some
-- none, five have three. ISK and UGX have none in life but two at Stripe. What is no integer is passed on in a form that cannot be
-- read as an amount, so that staging turns the row down instead of taking minor units for major ones. Times are unix seconds.
-- Another object is named by its ID, or stands there whole where somebody had it expanded; its ID is taken from either.

-- stage: invoices -> invoice
WITH doc AS (
  SELECT source_record_id, json_transform(payload, '{
    "customer": "VARCHAR", "number": "VARCHAR", "status": "VARCHAR", "livemode": "VARCHAR",
    "currency": "VARCHAR", "total": "VARCHAR", "amount_paid": "VARCHAR", "amount_remaining": "VARCHAR",
    "created": "VARCHAR", "due_date": "VARCHAR", "status_transitions": {"finalized_at": "VARCHAR", "paid_at": "VARCHAR"}
  }') AS d
  FROM src
), unit AS (
  SELECT source_record_id, d, upper(d.currency) AS currency,
         CASE WHEN upper(d.currency) IN ('BIF', 'CLP', 'DJF', 'GNF', 'JPY', 'KMF', 'KRW', 'MGA', 'PYG', 'RWF', 'VND', 'VUV', 'XAF',
                                         'XOF', 'XPF') THEN 1.000
              WHEN upper(d.currency) IN ('BHD', 'JOD', 'KWD', 'OMR', 'TND') THEN 0.001
              ELSE 0.010 END AS unit
  FROM doc
), read AS (
  SELECT source_record_id, d, currency,
         list_transform([d.total, d.amount_paid, d.amount_remaining], lambda a:
           CASE WHEN regexp_full_match(a, '-?[0-9]{1,15}') THEN (TRY_CAST(a AS DECIMAL(18,0)) * unit)::VARCHAR
                ELSE a || ' (no whole number of minor units)' END) AS amounts,
         -- a draft has not been issued; it is dated by its creation
         list_transform([coalesce(d.status_transitions.finalized_at, d.created), d.due_date, d.status_transitions.paid_at, d.created],
           lambda t: CASE WHEN regexp_full_match(t, '[0-9]{1,11}')
                          THEN strftime(make_timestamp(TRY_CAST(t AS BIGINT) * 1000000), '%Y-%m-%dT%H:%M:%SZ') ELSE t END) AS times
  FROM unit
)
SELECT source_record_id,
       CASE WHEN starts_with(d.customer, '{') THEN TRY(d.customer ->> '$.id') ELSE d.customer END AS party_id,
       'customers' AS party_stream,
       d.number AS invoice_number,
       times[1] AS issued_at,
       times[2] AS due_at,
       times[3] AS paid_at,
       d.status AS status,
       currency,
       amounts[1] AS total_amount,
       amounts[2] AS amount_paid,
       amounts[3] AS amount_due,  -- Stripe's own amount_due does not fall when a part is paid
       d.livemode = 'false' AS is_test,
       times[4] AS created_at
FROM read;

-- stage: charges -> payment
-- A charge without a customer belongs to the guest that the charge itself describes, if it describes anybody.
WITH doc AS (
  SELECT source_record_id, json_transform(payload, '{
    "customer": "VARCHAR", "invoice": "VARCHAR", "invoice_payments": {"data": [{"invoice": "VARCHAR"}]},
    "status": "VARCHAR", "captured": "VARCHAR", "livemode": "VARCHAR", "currency": "VARCHAR", "amount": "VARCHAR",
    "amount_refunded": "VARCHAR", "created": "VARCHAR", "receipt_email": "VARCHAR", "payment_method_details": {"type": "VARCHAR"},
    "billing_details": {"name": "VARCHAR", "email": "VARCHAR", "phone": "VARCHAR"},
    "shipping": {"name": "VARCHAR", "phone": "VARCHAR"}
  }') AS d
  FROM src
), unit AS (
  SELECT source_record_id, d, upper(d.currency) AS currency,
         CASE WHEN upper(d.currency) IN ('BIF', 'CLP', 'DJF', 'GNF', 'JPY', 'KMF', 'KRW', 'MGA', 'PYG', 'RWF', 'VND', 'VUV', 'XAF',
                                         'XOF', 'XPF') THEN 1.000
              WHEN upper(d.currency) IN ('BHD', 'JOD', 'KWD', 'OMR', 'TND') THEN 0.001
              ELSE 0.010 END AS unit
  FROM doc
), read AS (
  SELECT source_record_id, d, currency,
         list_transform([d.amount, d.amount_refunded], lambda a:
           CASE WHEN regexp_full_match(a, '-?[0-9]{1,15}') THEN (TRY_CAST(a AS DECIMAL(18,0)) * unit)::VARCHAR
                ELSE a || ' (no whole number of minor units)' END) AS amounts,
         CASE WHEN regexp_full_match(d.created, '[0-9]{1,11}')
              THEN strftime(make_timestamp(TRY_CAST(d.created AS BIGINT) * 1000000), '%Y-%m-%dT%H:%M:%SZ') ELSE d.created END AS created,
         d.customer IS NULL AND coalesce(d.billing_details.name, d.billing_details.email, d.billing_details.phone, d.receipt_email,
                                         d.shipping.name, d.shipping.phone) IS NOT NULL AS is_guest,
         list_distinct(list_transform(d.invoice_payments.data, lambda p: p.invoice)) AS invoices
  FROM unit
)
SELECT source_record_id,
       CASE WHEN is_guest THEN source_record_id WHEN starts_with(d.customer, '{') THEN TRY(d.customer ->> '$.id')
            ELSE d.customer END AS party_id,
       CASE WHEN is_guest THEN 'charges' ELSE 'customers' END AS party_stream,
       -- only API versions before 2025-03-31 say it; later the payment's intent leads to it, or to several, which is none
       coalesce(CASE WHEN starts_with(d.invoice, '{') THEN TRY(d.invoice ->> '$.id') ELSE d.invoice END,
                CASE WHEN len(invoices) = 1 THEN invoices[1] END) AS invoice_id,
       created AS paid_at,
       -- a hold on a card is no payment yet, though Stripe calls the charge succeeded
       CASE WHEN d.status = 'succeeded' AND d.captured = 'false' THEN 'uncaptured' ELSE d.status END AS status,
       currency,
       amounts[1] AS amount,
       amounts[2] AS refund_amount,
       d.payment_method_details.type AS method,
       d.livemode = 'false' AS is_test,
       created AS created_at
FROM read;

-- stage: refunds -> refund
-- A refund seldom names its customer; its charge does.
WITH doc AS (
  SELECT source_record_id, json_transform(payload, '{
    "customer": "VARCHAR", "charge": "VARCHAR", "status": "VARCHAR", "reason": "VARCHAR",
    "currency": "VARCHAR", "amount": "VARCHAR", "created": "VARCHAR"
  }') AS d
  FROM src
), unit AS (
  SELECT source_record_id, d, upper(d.currency) AS currency,
         CASE WHEN upper(d.currency) IN ('BIF', 'CLP', 'DJF', 'GNF', 'JPY', 'KMF', 'KRW', 'MGA', 'PYG', 'RWF', 'VND', 'VUV', 'XAF',
                                         'XOF', 'XPF') THEN 1.000
              WHEN upper(d.currency) IN ('BHD', 'JOD', 'KWD', 'OMR', 'TND') THEN 0.001
              ELSE 0.010 END AS unit
  FROM doc
), read AS (
  SELECT source_record_id, d, currency,
         CASE WHEN regexp_full_match(d.amount, '-?[0-9]{1,15}') THEN (TRY_CAST(d.amount AS DECIMAL(18,0)) * unit)::VARCHAR
              ELSE d.amount || ' (no whole number of minor units)' END AS amount,
         CASE WHEN regexp_full_match(d.created, '[0-9]{1,11}')
              THEN strftime(make_timestamp(TRY_CAST(d.created AS BIGINT) * 1000000), '%Y-%m-%dT%H:%M:%SZ') ELSE d.created END AS created
  FROM unit
)
SELECT source_record_id,
       CASE WHEN starts_with(d.customer, '{') THEN TRY(d.customer ->> '$.id') ELSE d.customer END AS party_id,
       'customers' AS party_stream,
       'refund' AS refund_type,
       CASE WHEN starts_with(d.charge, '{') THEN TRY(d.charge ->> '$.id') ELSE d.charge END AS payment_id,
       created AS refunded_at,
       CASE d.status WHEN 'canceled' THEN 'cancelled' ELSE d.status END AS status,
       d.reason AS reason,
       currency,
       amount AS amount,
       created AS created_at
FROM read;

-- stage: credit_notes -> refund
-- What of a credit note goes back to a card is a refund besides, with an entry of its own.
WITH doc AS (
  SELECT source_record_id, json_transform(payload, '{
    "customer": "VARCHAR", "invoice": "VARCHAR", "status": "VARCHAR", "reason": "VARCHAR", "livemode": "VARCHAR",
    "currency": "VARCHAR", "amount": "VARCHAR", "created": "VARCHAR", "effective_at": "VARCHAR"
  }') AS d
  FROM src
), unit AS (
  SELECT source_record_id, d, upper(d.currency) AS currency,
         CASE WHEN upper(d.currency) IN ('BIF', 'CLP', 'DJF', 'GNF', 'JPY', 'KMF', 'KRW', 'MGA', 'PYG', 'RWF', 'VND', 'VUV', 'XAF',
                                         'XOF', 'XPF') THEN 1.000
              WHEN upper(d.currency) IN ('BHD', 'JOD', 'KWD', 'OMR', 'TND') THEN 0.001
              ELSE 0.010 END AS unit
  FROM doc
), read AS (
  SELECT source_record_id, d, currency,
         CASE WHEN regexp_full_match(d.amount, '-?[0-9]{1,15}') THEN (TRY_CAST(d.amount AS DECIMAL(18,0)) * unit)::VARCHAR
              ELSE d.amount || ' (no whole number of minor units)' END AS amount,
         list_transform([coalesce(d.effective_at, d.created), d.created],
           lambda t: CASE WHEN regexp_full_match(t, '[0-9]{1,11}')
                          THEN strftime(make_timestamp(TRY_CAST(t AS BIGINT) * 1000000), '%Y-%m-%dT%H:%M:%SZ') ELSE t END) AS times
  FROM unit
)
SELECT source_record_id,
       CASE WHEN starts_with(d.customer, '{') THEN TRY(d.customer ->> '$.id') ELSE d.customer END AS party_id,
       'customers' AS party_stream,
       'credit_note' AS refund_type,
       CASE WHEN starts_with(d.invoice, '{') THEN TRY(d.invoice ->> '$.id') ELSE d.invoice END AS invoice_id,
       times[1] AS refunded_at,
       CASE d.status WHEN 'issued' THEN 'succeeded' WHEN 'void' THEN 'cancelled' ELSE d.status END AS status,
       d.reason AS reason,
       currency,
       amount AS amount,
       d.livemode = 'false' AS is_test,
       times[2] AS created_at
FROM read;

-- stage: charges -> party_record
WITH doc AS (
  SELECT source_record_id, json_transform(payload, '{
    "customer": "VARCHAR", "livemode": "VARCHAR", "created": "VARCHAR", "receipt_email": "VARCHAR",
    "billing_details": {"name": "VARCHAR", "email": "VARCHAR", "phone": "VARCHAR", "tax_id": "VARCHAR",
      "address": {"line1": "VARCHAR", "line2": "VARCHAR", "city": "VARCHAR", "state": "VARCHAR", "postal_code": "VARCHAR",
                  "country": "VARCHAR"}},
    "shipping": {"name": "VARCHAR", "phone": "VARCHAR",
      "address": {"line1": "VARCHAR", "line2": "VARCHAR", "city": "VARCHAR", "state": "VARCHAR", "postal_code": "VARCHAR",
                  "country": "VARCHAR"}}
  }') AS d
  FROM src
), part AS (
  SELECT source_record_id, d, d.billing_details AS bill, d.shipping AS ship FROM doc WHERE d.customer IS NULL
), guest AS (
  SELECT source_record_id, d, bill,
         coalesce(bill.name, ship.name) AS name,
         coalesce(bill.email, d.receipt_email) AS email,
         coalesce(bill.phone, ship.phone) AS phone,
         -- one address or the other, never a mixture
         CASE WHEN coalesce(bill.address.line1, bill.address.city) IS NOT NULL OR ship.address.line1 IS NULL
              THEN bill.address ELSE ship.address END AS address
  FROM part
)
SELECT source_record_id,
       'guest' AS record_role,
       name AS full_name,
       email,
       phone,
       address.line1 AS address_line1,
       address.line2 AS address_line2,
       address.city AS city,
       address.state AS region,
       address.postal_code AS postal_code,
       address.country AS country,
       bill.tax_id AS tax_id,
       d.livemode = 'false' AS is_test,
       CASE WHEN regexp_full_match(d.created, '[0-9]{1,11}')
            THEN strftime(make_timestamp(TRY_CAST(d.created AS BIGINT) * 1000000), '%Y-%m-%dT%H:%M:%SZ') ELSE d.created END AS created_at
FROM guest
WHERE coalesce(name, email, phone) IS NOT NULL;

-- stage: customers -> party_record
-- Whether a customer is a person or a company Stripe says only where business_name or individual_name is used; name may be either.
WITH doc AS (
  SELECT source_record_id, json_transform(payload, '{
    "name": "VARCHAR", "individual_name": "VARCHAR", "business_name": "VARCHAR", "email": "VARCHAR", "phone": "VARCHAR",
    "created": "VARCHAR", "livemode": "VARCHAR", "preferred_locales": ["VARCHAR"], "tax_ids": {"data": [{"value": "VARCHAR"}]},
    "address": {"line1": "VARCHAR", "line2": "VARCHAR", "city": "VARCHAR", "state": "VARCHAR", "postal_code": "VARCHAR",
                "country": "VARCHAR"},
    "shipping": {"name": "VARCHAR", "phone": "VARCHAR",
      "address": {"line1": "VARCHAR", "line2": "VARCHAR", "city": "VARCHAR", "state": "VARCHAR", "postal_code": "VARCHAR",
                  "country": "VARCHAR"}}
  }') AS d
  FROM src
), part AS (
  SELECT source_record_id, d, d.shipping AS ship FROM doc
), customer AS (
  SELECT source_record_id, d, ship,
         CASE WHEN coalesce(d.address.line1, d.address.city) IS NOT NULL OR ship.address.line1 IS NULL
              THEN d.address ELSE ship.address END AS address
  FROM part
)
SELECT source_record_id,
       CASE WHEN d.business_name IS NOT NULL AND d.individual_name IS NULL THEN 'company'
            WHEN d.individual_name IS NOT NULL AND d.business_name IS NULL THEN 'person' END AS party_type,
       'customer' AS record_role,
       coalesce(d.individual_name, nullif(d.name, d.business_name), ship.name) AS full_name,
       d.business_name AS company_name,
       d.email AS email,
       coalesce(d.phone, ship.phone) AS phone,
       address.line1 AS address_line1,
       address.line2 AS address_line2,
       address.city AS city,
       address.state AS region,
       address.postal_code AS postal_code,
       address.country AS country,
       d.tax_ids.data[1].value AS tax_id,
       d.preferred_locales[1] AS locale,
       d.livemode = 'false' AS is_test,
       CASE WHEN regexp_full_match(d.created, '[0-9]{1,11}')
            THEN strftime(make_timestamp(TRY_CAST(d.created AS BIGINT) * 1000000), '%Y-%m-%dT%H:%M:%SZ') ELSE d.created END AS created_at
FROM customer
