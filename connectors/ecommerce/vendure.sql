-- What Vendure's fields mean. Each payload is parsed once, by json_transform, into a table of its own: a filter behind it would else
-- parse it again. Amounts are whole numbers of the shop's smallest unit; _precision, which the connector adds, says how many decimal
-- digits that is, for every currency alike. An amount that cannot be brought to major units keeps its text and says so, so that
-- staging turns it down rather than takes it for a smaller one.

-- stage: orders -> customer_order
WITH doc AS MATERIALIZED (
  SELECT source_record_id, json_transform(payload, '{
    "_precision": "VARCHAR", "code": "VARCHAR", "state": "VARCHAR", "createdAt": "VARCHAR", "orderPlacedAt": "VARCHAR",
    "currencyCode": "VARCHAR", "total": "VARCHAR", "totalWithTax": "VARCHAR", "shippingWithTax": "VARCHAR",
    "customer": {"id": "VARCHAR"}, "discounts": [{"amountWithTax": "VARCHAR"}],
    "payments": [{"amount": "VARCHAR", "state": "VARCHAR", "refunds": [{"total": "VARCHAR", "state": "VARCHAR"}]}]}') AS d
  FROM src
), said AS (
  SELECT source_record_id, d,
         CAST(list_extract([1, 0.1, 0.01, 0.001, 0.0001], greatest(TRY_CAST(d._precision AS INTEGER) + 1, 0)) AS DECIMAL(5,4)) AS unit,
         TRY_CAST(d.totalWithTax AS DECIMAL(18,0)) AS total,
         -- what was paid or promised to be paid; a cancelled order has a total of nothing, and what is given back is told apart
         list_transform(list_filter(d.payments, lambda p: p.state IN ('Settled', 'Authorized')), lambda p: p.amount) AS paid,
         list_transform(list_filter(flatten(list_transform(d.payments, lambda p: p.refunds)), lambda r: r.state <> 'Failed'),
                        lambda r: r.total) AS returned,
         list_transform(d.discounts, lambda x: x.amountWithTax) AS discounts
  FROM doc
), summed AS (
  -- one part that cannot be read leaves the sum unknown; a sum without it would be wrong
  SELECT source_record_id, d, unit, total, returned, discounts,
         CASE WHEN coalesce(len(paid), 0) = 0 THEN total
              ELSE list_reduce(list_transform(paid, lambda a: TRY_CAST(a AS DECIMAL(18,0))::DECIMAL(38,0)),
                               lambda x, y: x + y) END AS gross,
         list_reduce(list_transform(returned, lambda a: TRY_CAST(a AS DECIMAL(18,0))::DECIMAL(38,0)), lambda x, y: x + y,
                     0::DECIMAL(38,0)) AS refunded,
         list_reduce(list_transform(discounts, lambda a: TRY_CAST(a AS DECIMAL(18,0))::DECIMAL(38,0)), lambda x, y: x + y,
                     0::DECIMAL(38,0)) AS discounted
  FROM said
)
SELECT source_record_id,
       -- an order without a customer is its own party, see the last block
       coalesce(d.customer.id, source_record_id) AS party_id,
       CASE WHEN d.customer.id IS NULL THEN 'orders' ELSE 'customers' END AS party_stream,
       d.code AS order_number,
       d.orderPlacedAt AS ordered_at,
       CASE WHEN d.state = 'Cancelled' THEN 'cancelled'
            WHEN d.state IN ('PaymentAuthorized', 'ArrangingPayment', 'ArrangingAdditionalPayment', 'Modifying') THEN 'open'
            WHEN d.state IN ('PaymentSettled', 'PartiallyShipped', 'Shipped', 'PartiallyDelivered', 'Delivered')
            THEN CASE WHEN refunded >= gross AND gross > 0 THEN 'refunded' WHEN refunded > 0 THEN 'partially_refunded' ELSE 'paid' END
            ELSE d.state END AS status,
       d.currencyCode AS currency,
       coalesce(CAST(gross * unit AS VARCHAR), d.totalWithTax || ' in units that cannot be read') AS gross_amount,
       coalesce(CAST(abs(discounted) * unit AS VARCHAR), CASE WHEN len(discounts) > 0 THEN 'discounts that cannot be read' END)
         AS discount_amount,
       coalesce(CAST((total - TRY_CAST(d.total AS DECIMAL(18,0))) * unit AS VARCHAR), d.total || ' in units that cannot be read')
         AS tax_amount,
       coalesce(CAST(TRY_CAST(d.shippingWithTax AS DECIMAL(18,0)) * unit AS VARCHAR),
                d.shippingWithTax || ' in units that cannot be read') AS shipping_amount,
       coalesce(CAST(refunded * unit AS VARCHAR), CASE WHEN len(returned) > 0 THEN 'refunds that cannot be read' END) AS refund_amount,
       d.createdAt AS created_at
FROM summed;

-- stage: orders -> order_line
-- A line as it was ordered. What was cancelled since is left out of Vendure's own sums, so that those are reckoned anew for it.
WITH doc AS MATERIALIZED (
  SELECT source_record_id, json_transform(payload, '{
    "_precision": "VARCHAR", "createdAt": "VARCHAR", "currencyCode": "VARCHAR", "customer": {"id": "VARCHAR"},
    "lines": [{"id": "VARCHAR", "quantity": "VARCHAR", "orderPlacedQuantity": "VARCHAR", "unitPrice": "VARCHAR",
               "proratedUnitPrice": "VARCHAR", "proratedLinePrice": "VARCHAR", "lineTax": "VARCHAR", "taxRate": "VARCHAR",
               "productVariant": {"sku": "VARCHAR", "name": "VARCHAR"}}]}') AS d
  FROM src
), line AS (
  SELECT source_record_id, d, unnest(d.lines) AS item,
         CAST(list_extract([1, 0.1, 0.01, 0.001, 0.0001], greatest(TRY_CAST(d._precision AS INTEGER) + 1, 0)) AS DECIMAL(5,4)) AS unit
  FROM doc
), counted AS (
  SELECT source_record_id, d, item, unit,
         TRY_CAST(item.quantity AS DECIMAL(18,0)) AS quantity,
         greatest(TRY_CAST(item.quantity AS DECIMAL(18,0)), TRY_CAST(item.orderPlacedQuantity AS DECIMAL(18,0))) AS ordered
  FROM line
), reckoned AS (
  SELECT source_record_id, d, item, unit, ordered,
         CASE WHEN quantity = ordered THEN TRY_CAST(item.proratedLinePrice AS DECIMAL(18,0))::DECIMAL(38,0)
              ELSE TRY_CAST(item.proratedUnitPrice AS DECIMAL(18,0))::DECIMAL(38,0) * ordered END AS net,
         CASE WHEN quantity = ordered THEN TRY_CAST(item.lineTax AS DECIMAL(18,0))::DECIMAL(38,0)
              ELSE round(TRY_CAST(item.proratedUnitPrice AS DECIMAL(18,0))::DECIMAL(24,0) * ordered::DECIMAL(9,0)
                         * TRY_CAST(item.taxRate AS DECIMAL(5,2)) / 100)::DECIMAL(38,0) END AS tax
  FROM counted
)
SELECT source_record_id,
       coalesce(d.customer.id, source_record_id) AS party_id,
       CASE WHEN d.customer.id IS NULL THEN 'orders' ELSE 'customers' END AS party_stream,
       item.id AS line_no,
       source_record_id AS order_id,
       item.productVariant.sku AS sku,
       item.productVariant.name AS product_name,
       coalesce(CAST(ordered AS VARCHAR), item.quantity) AS quantity,
       d.currencyCode AS currency,
       coalesce(CAST(TRY_CAST(item.unitPrice AS DECIMAL(18,0)) * unit AS VARCHAR), item.unitPrice || ' in units that cannot be read')
         AS unit_price,
       coalesce(CAST(net * unit AS VARCHAR), item.proratedLinePrice || ' in units that cannot be read') AS net_amount,
       coalesce(CAST(tax * unit AS VARCHAR), item.lineTax || ' in units that cannot be read') AS tax_amount,
       d.createdAt AS created_at
FROM reckoned;

-- stage: orders -> refund
-- The reason is what somebody typed, so it stays where it is and is not asked for.
WITH doc AS MATERIALIZED (
  SELECT source_record_id, json_transform(payload, '{
    "_precision": "VARCHAR", "currencyCode": "VARCHAR", "customer": {"id": "VARCHAR"},
    "payments": [{"refunds": [{"id": "VARCHAR", "createdAt": "VARCHAR", "total": "VARCHAR", "state": "VARCHAR"}]}]}') AS d
  FROM src
), refunded AS (
  SELECT source_record_id, d, unnest(flatten(list_transform(d.payments, lambda p: p.refunds))) AS refund,
         CAST(list_extract([1, 0.1, 0.01, 0.001, 0.0001], greatest(TRY_CAST(d._precision AS INTEGER) + 1, 0)) AS DECIMAL(5,4)) AS unit
  FROM doc
)
SELECT source_record_id,
       coalesce(d.customer.id, source_record_id) AS party_id,
       CASE WHEN d.customer.id IS NULL THEN 'orders' ELSE 'customers' END AS party_stream,
       refund.id AS refund_no,
       'refund' AS refund_type,
       source_record_id AS order_id,
       refund.createdAt AS refunded_at,
       CASE refund.state WHEN 'Settled' THEN 'succeeded' WHEN 'Pending' THEN 'pending' WHEN 'Failed' THEN 'failed'
                         ELSE refund.state END AS status,
       d.currencyCode AS currency,
       coalesce(CAST(TRY_CAST(refund.total AS DECIMAL(18,0)) * unit AS VARCHAR), refund.total || ' in units that cannot be read') AS amount,
       refund.createdAt AS created_at
FROM refunded;

-- stage: customers -> party_record
-- A guest is a customer without a user. The address is the one for bills, else the one to ship to, else the first.
WITH doc AS MATERIALIZED (
  SELECT source_record_id, json_transform(payload, '{
    "createdAt": "VARCHAR", "firstName": "VARCHAR", "lastName": "VARCHAR", "phoneNumber": "VARCHAR", "emailAddress": "VARCHAR",
    "user": {"id": "VARCHAR", "verified": "VARCHAR"},
    "addresses": [{"company": "VARCHAR", "streetLine1": "VARCHAR", "streetLine2": "VARCHAR", "city": "VARCHAR",
                   "province": "VARCHAR", "postalCode": "VARCHAR", "country": {"code": "VARCHAR"}, "phoneNumber": "VARCHAR",
                   "defaultBillingAddress": "VARCHAR", "defaultShippingAddress": "VARCHAR"}]}') AS d
  FROM src
), addressed AS (
  SELECT source_record_id, d,
         coalesce(list_filter(d.addresses, lambda a: a.defaultBillingAddress = 'true')[1],
                  list_filter(d.addresses, lambda a: a.defaultShippingAddress = 'true')[1], d.addresses[1]) AS address
  FROM doc
)
SELECT source_record_id,
       CASE WHEN d.user.id IS NULL THEN 'guest' ELSE 'customer' END AS record_role,
       nullif(d.firstName, '') AS given_name,
       nullif(d.lastName, '') AS family_name,
       nullif(address.company, '') AS company_name,
       nullif(d.emailAddress, '') AS email,
       d.user.verified AS email_verified,
       coalesce(nullif(d.phoneNumber, ''), nullif(address.phoneNumber, '')) AS phone,
       nullif(address.streetLine1, '') AS address_line1,
       nullif(address.streetLine2, '') AS address_line2,
       nullif(address.city, '') AS city,
       nullif(address.province, '') AS region,
       nullif(address.postalCode, '') AS postal_code,
       nullif(address.country.code, '') AS country,
       d.createdAt AS created_at
FROM addressed;

-- stage: orders -> party_record
-- An order without a customer: all we know of its buyer is in its addresses. One that names nobody is no party.
WITH doc AS MATERIALIZED (
  SELECT source_record_id, json_transform(payload, '{
    "createdAt": "VARCHAR", "customer": {"id": "VARCHAR"},
    "billingAddress": {"fullName": "VARCHAR", "company": "VARCHAR", "streetLine1": "VARCHAR", "streetLine2": "VARCHAR",
                       "city": "VARCHAR", "province": "VARCHAR", "postalCode": "VARCHAR", "countryCode": "VARCHAR",
                       "phoneNumber": "VARCHAR"},
    "shippingAddress": {"fullName": "VARCHAR", "company": "VARCHAR", "streetLine1": "VARCHAR", "streetLine2": "VARCHAR",
                        "city": "VARCHAR", "province": "VARCHAR", "postalCode": "VARCHAR", "countryCode": "VARCHAR",
                        "phoneNumber": "VARCHAR"}}') AS d
  FROM src
), guest AS (
  SELECT source_record_id, d,
         CASE WHEN coalesce(d.billingAddress.streetLine1, d.billingAddress.fullName, '') <> ''
              THEN d.billingAddress ELSE d.shippingAddress END AS address
  FROM doc
  WHERE d.customer.id IS NULL
)
SELECT source_record_id,
       'guest' AS record_role,
       nullif(address.fullName, '') AS full_name,
       nullif(address.company, '') AS company_name,
       nullif(address.phoneNumber, '') AS phone,
       nullif(address.streetLine1, '') AS address_line1,
       nullif(address.streetLine2, '') AS address_line2,
       nullif(address.city, '') AS city,
       nullif(address.province, '') AS region,
       nullif(address.postalCode, '') AS postal_code,
       nullif(address.countryCode, '') AS country,
       d.createdAt AS created_at
FROM guest
WHERE concat_ws('', address.fullName, address.company, address.phoneNumber) <> '';
