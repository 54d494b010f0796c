-- What WooCommerce's fields mean. Each payload is parsed once, by json_transform, into a table of its own: a filter behind it would
-- else parse it again. Times named _gmt are in UTC and do not say so; what is not filled in is an empty text. Amounts are major units
-- with as many decimals as the shop shows, whatever the currency has. A checkout-draft is a basket somebody stopped at before
-- ordering, auto-draft and draft an order being typed in: no orders yet.

-- stage: orders -> customer_order
WITH doc AS MATERIALIZED (
  SELECT source_record_id, json_transform(payload, '{
    "status": "VARCHAR", "number": "VARCHAR", "currency": "VARCHAR", "total": "VARCHAR", "discount_total": "VARCHAR",
    "total_tax": "VARCHAR", "shipping_total": "VARCHAR", "customer_id": "VARCHAR", "date_created_gmt": "VARCHAR",
    "billing": {"first_name": "VARCHAR", "last_name": "VARCHAR", "company": "VARCHAR", "email": "VARCHAR", "phone": "VARCHAR"},
    "shipping": {"first_name": "VARCHAR", "last_name": "VARCHAR", "company": "VARCHAR", "phone": "VARCHAR"},
    "refunds": [{"total": "VARCHAR"}], "meta_data": [{"key": "VARCHAR", "value": "VARCHAR"}]}') AS d
  FROM src
), read AS (
  SELECT source_record_id, d,
         coalesce(d.customer_id, '0') IN ('', '0') AS no_account,
         concat_ws('', d.billing.first_name, d.billing.last_name, d.billing.company, d.billing.email, d.billing.phone,
                   d.shipping.first_name, d.shipping.last_name, d.shipping.company, d.shipping.phone) <> '' AS named,
         TRY_CAST(d.total AS DECIMAL(18,4)) AS total,
         list_sum(list_transform(d.refunds, lambda r: abs(TRY_CAST(r.total AS DECIMAL(18,4))))) AS refunded,
         regexp_replace(d.date_created_gmt, '^(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?)$', '\1Z') AS created,
         -- where the visit came from, as WooCommerce's order attribution noted it (since 8.5); (direct) and (none) say that nothing was
         list_transform(['session_entry', 'referrer', 'utm_source', 'utm_medium', 'utm_campaign', 'utm_content', 'utm_term'],
           lambda name: nullif(list_filter(d.meta_data, lambda m: m.key = '_wc_order_attribution_' || name)[1].value, '')) AS origin
  FROM doc
  WHERE coalesce(d.status, '') NOT IN ('checkout-draft', 'auto-draft', 'draft')
), traced AS (
  SELECT *,
         list_transform(origin[3:7], lambda said: CASE WHEN said NOT IN ('(direct)', '(none)', '(not set)') THEN said END) AS utm,
         nullif(regexp_extract(origin[1], '[?&](gclid|gbraid|wbraid|fbclid|msclkid|ttclid)=[^&#]', 1), '') AS click_id_type,
         nullif(regexp_extract(origin[1], '[?&](gclid|gbraid|wbraid|fbclid|msclkid|ttclid)=([^&#]+)', 2), '') AS click_id
  FROM read
)
SELECT source_record_id,
       -- a guest's order is its own party, see the last block
       CASE WHEN NOT no_account THEN d.customer_id WHEN named THEN source_record_id END AS party_id,
       CASE WHEN no_account THEN 'orders' ELSE 'customers' END AS party_stream,
       d.number AS order_number,
       created AS ordered_at,
       CASE WHEN d.status IN ('pending', 'on-hold') THEN 'open'
            WHEN d.status IN ('cancelled', 'failed') THEN 'cancelled'
            WHEN d.status IN ('processing', 'completed') AND refunded >= total AND total > 0 THEN 'refunded'
            WHEN d.status IN ('processing', 'completed') AND refunded > 0 THEN 'partially_refunded'
            WHEN d.status IN ('processing', 'completed') THEN 'paid'
            ELSE d.status END AS status,
       d.currency AS currency,
       d.total AS gross_amount,
       d.discount_total AS discount_amount,
       d.total_tax AS tax_amount,
       d.shipping_total AS shipping_amount,
       coalesce(refunded, 0) AS refund_amount,
       origin[1] AS landing_url,
       origin[2] AS referrer_url,
       utm[1] AS utm_source,
       utm[2] AS utm_medium,
       utm[3] AS utm_campaign,
       utm[4] AS utm_content,
       utm[5] AS utm_term,
       click_id_type,
       coalesce(TRY(url_decode(click_id)), click_id) AS click_id,
       created AS created_at
FROM traced;

-- stage: orders -> order_line
WITH doc AS MATERIALIZED (
  SELECT source_record_id, json_transform(payload, '{
    "status": "VARCHAR", "currency": "VARCHAR", "customer_id": "VARCHAR", "date_created_gmt": "VARCHAR",
    "line_items": [{"id": "VARCHAR", "sku": "VARCHAR", "name": "VARCHAR", "quantity": "VARCHAR", "price": "VARCHAR",
                    "total": "VARCHAR", "total_tax": "VARCHAR"}]}') AS d
  FROM src
), line AS (
  SELECT source_record_id, d, unnest(d.line_items) AS item FROM doc
  WHERE coalesce(d.status, '') NOT IN ('checkout-draft', 'auto-draft', 'draft')
)
SELECT source_record_id,
       CASE WHEN coalesce(d.customer_id, '0') IN ('', '0') THEN source_record_id ELSE d.customer_id END AS party_id,
       CASE WHEN coalesce(d.customer_id, '0') IN ('', '0') THEN 'orders' ELSE 'customers' END AS party_stream,
       item.id AS line_no,
       source_record_id AS order_id,
       item.sku AS sku,
       item.name AS product_name,
       item.quantity AS quantity,
       d.currency AS currency,
       item.price AS unit_price,  -- what the line came to, by piece: after discounts, without tax
       item.total AS net_amount,
       item.total_tax AS tax_amount,
       regexp_replace(d.date_created_gmt, '^(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?)$', '\1Z') AS created_at
FROM line;

-- stage: orders -> refund
-- What was given back is in the order, when in _refunds, which the connector adds. A refund whose date could not be read has none here,
-- and staging turns it down rather than guess. The reason is what somebody typed, so it stays in the payload.
WITH doc AS MATERIALIZED (
  SELECT source_record_id, json_transform(payload, '{
    "status": "VARCHAR", "currency": "VARCHAR", "customer_id": "VARCHAR", "refunds": [{"id": "VARCHAR", "total": "VARCHAR"}],
    "_refunds": [{"id": "VARCHAR", "date_created_gmt": "VARCHAR"}]}') AS d
  FROM src
), refunded AS (
  SELECT source_record_id, d, unnest(d.refunds) AS refund FROM doc
  WHERE coalesce(d.status, '') NOT IN ('checkout-draft', 'auto-draft', 'draft')
), dated AS (
  SELECT source_record_id, d, refund,
         regexp_replace(list_filter(d._refunds, lambda r: r.id = refund.id)[1].date_created_gmt,
                        '^(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?)$', '\1Z') AS refunded_at
  FROM refunded
)
SELECT source_record_id,
       CASE WHEN coalesce(d.customer_id, '0') IN ('', '0') THEN source_record_id ELSE d.customer_id END AS party_id,
       CASE WHEN coalesce(d.customer_id, '0') IN ('', '0') THEN 'orders' ELSE 'customers' END AS party_stream,
       refund.id AS refund_no,
       'refund' AS refund_type,
       source_record_id AS order_id,
       refunded_at,
       'succeeded' AS status,
       d.currency AS currency,
       ltrim(refund.total, '-') AS amount,
       refunded_at AS created_at
FROM dated;

-- stage: customers -> party_record
-- Those who run the shop are no customers of it; they stay in raw.
WITH doc AS MATERIALIZED (
  SELECT source_record_id, json_transform(payload, '{
    "role": "VARCHAR", "email": "VARCHAR", "first_name": "VARCHAR", "last_name": "VARCHAR", "date_created_gmt": "VARCHAR",
    "billing": {"first_name": "VARCHAR", "last_name": "VARCHAR", "company": "VARCHAR", "email": "VARCHAR", "phone": "VARCHAR",
                "address_1": "VARCHAR", "address_2": "VARCHAR", "city": "VARCHAR", "state": "VARCHAR", "postcode": "VARCHAR",
                "country": "VARCHAR"},
    "shipping": {"first_name": "VARCHAR", "last_name": "VARCHAR", "company": "VARCHAR", "phone": "VARCHAR",
                 "address_1": "VARCHAR", "address_2": "VARCHAR", "city": "VARCHAR", "state": "VARCHAR", "postcode": "VARCHAR",
                 "country": "VARCHAR"}}') AS d
  FROM src
), part AS (
  SELECT source_record_id, d, d.billing AS bill, d.shipping AS ship,
         -- one address or the other, and one name or the other, never a mixture
         concat_ws('', d.billing.address_1, d.billing.city, d.billing.postcode) = '' AS ships_only,
         CASE WHEN concat_ws('', d.first_name, d.last_name) <> '' THEN [d.first_name, d.last_name]
              WHEN concat_ws('', d.billing.first_name, d.billing.last_name) <> '' THEN [d.billing.first_name, d.billing.last_name]
              ELSE [d.shipping.first_name, d.shipping.last_name] END AS name
  FROM doc
  WHERE coalesce(d.role, 'customer') NOT IN ('administrator', 'shop_manager')
)
SELECT source_record_id,
       'customer' AS record_role,
       nullif(name[1], '') AS given_name,
       nullif(name[2], '') AS family_name,
       coalesce(nullif(bill.company, ''), nullif(ship.company, '')) AS company_name,
       coalesce(nullif(d.email, ''), nullif(bill.email, '')) AS email,
       coalesce(nullif(bill.phone, ''), nullif(ship.phone, '')) AS phone,
       nullif(CASE WHEN ships_only THEN ship.address_1 ELSE bill.address_1 END, '') AS address_line1,
       nullif(CASE WHEN ships_only THEN ship.address_2 ELSE bill.address_2 END, '') AS address_line2,
       nullif(CASE WHEN ships_only THEN ship.city ELSE bill.city END, '') AS city,
       nullif(CASE WHEN ships_only THEN ship.state ELSE bill.state END, '') AS region,
       nullif(CASE WHEN ships_only THEN ship.postcode ELSE bill.postcode END, '') AS postal_code,
       coalesce(nullif(CASE WHEN ships_only THEN ship.country END, ''), nullif(bill.country, '')) AS country,
       regexp_replace(d.date_created_gmt, '^(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?)$', '\1Z') AS created_at
FROM part;

-- stage: orders -> party_record
-- Guests, and those whose account was deleted since: the order is all the shop knows of them. One that names nobody is no party.
WITH doc AS MATERIALIZED (
  SELECT source_record_id, json_transform(payload, '{
    "status": "VARCHAR", "customer_id": "VARCHAR", "date_created_gmt": "VARCHAR",
    "billing": {"first_name": "VARCHAR", "last_name": "VARCHAR", "company": "VARCHAR", "email": "VARCHAR", "phone": "VARCHAR",
                "address_1": "VARCHAR", "address_2": "VARCHAR", "city": "VARCHAR", "state": "VARCHAR", "postcode": "VARCHAR",
                "country": "VARCHAR"},
    "shipping": {"first_name": "VARCHAR", "last_name": "VARCHAR", "company": "VARCHAR", "phone": "VARCHAR",
                 "address_1": "VARCHAR", "address_2": "VARCHAR", "city": "VARCHAR", "state": "VARCHAR", "postcode": "VARCHAR",
                 "country": "VARCHAR"}}') AS d
  FROM src
), guest AS (
  SELECT source_record_id, d, d.billing AS bill, d.shipping AS ship,
         concat_ws('', d.billing.address_1, d.billing.city, d.billing.postcode) = '' AS ships_only,
         CASE WHEN concat_ws('', d.billing.first_name, d.billing.last_name) <> '' THEN [d.billing.first_name, d.billing.last_name]
              ELSE [d.shipping.first_name, d.shipping.last_name] END AS name
  FROM doc
  WHERE coalesce(d.customer_id, '0') IN ('', '0') AND coalesce(d.status, '') NOT IN ('checkout-draft', 'auto-draft', 'draft')
)
SELECT source_record_id,
       'guest' AS record_role,
       nullif(name[1], '') AS given_name,
       nullif(name[2], '') AS family_name,
       coalesce(nullif(bill.company, ''), nullif(ship.company, '')) AS company_name,
       nullif(bill.email, '') AS email,
       coalesce(nullif(bill.phone, ''), nullif(ship.phone, '')) AS phone,
       nullif(CASE WHEN ships_only THEN ship.address_1 ELSE bill.address_1 END, '') AS address_line1,
       nullif(CASE WHEN ships_only THEN ship.address_2 ELSE bill.address_2 END, '') AS address_line2,
       nullif(CASE WHEN ships_only THEN ship.city ELSE bill.city END, '') AS city,
       nullif(CASE WHEN ships_only THEN ship.state ELSE bill.state END, '') AS region,
       nullif(CASE WHEN ships_only THEN ship.postcode ELSE bill.postcode END, '') AS postal_code,
       coalesce(nullif(CASE WHEN ships_only THEN ship.country END, ''), nullif(bill.country, '')) AS country,
       regexp_replace(d.date_created_gmt, '^(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?)$', '\1Z') AS created_at
FROM guest
WHERE concat_ws('', name[1], name[2], bill.company, ship.company, bill.email, bill.phone, ship.phone) <> '';
