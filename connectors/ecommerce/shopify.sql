-- Shopify -> canonical columns. Money is in the shop's own currency (shopMoney); what the customer saw stays in the payload.

-- stage: orders -> customer_order
WITH orders AS (
  SELECT source_record_id, from_json(payload, '{
    "name": "VARCHAR", "createdAt": "VARCHAR", "processedAt": "VARCHAR", "cancelledAt": "VARCHAR", "test": "VARCHAR",
    "displayFinancialStatus": "VARCHAR", "customer": {"legacyResourceId": "VARCHAR"},
    "totalPriceSet": {"shopMoney": {"amount": "VARCHAR", "currencyCode": "VARCHAR"}},
    "totalDiscountsSet": {"shopMoney": {"amount": "VARCHAR"}},
    "totalTaxSet": {"shopMoney": {"amount": "VARCHAR"}},
    "totalShippingPriceSet": {"shopMoney": {"amount": "VARCHAR"}},
    "totalRefundedSet": {"shopMoney": {"amount": "VARCHAR"}},
    "customerJourneySummary": {
      "firstVisit": {"landingPage": "VARCHAR", "referrerUrl": "VARCHAR", "utmParameters": {
        "source": "VARCHAR", "medium": "VARCHAR", "campaign": "VARCHAR", "term": "VARCHAR", "content": "VARCHAR"}},
      "lastVisit": {"landingPage": "VARCHAR", "referrerUrl": "VARCHAR", "utmParameters": {
        "source": "VARCHAR", "medium": "VARCHAR", "campaign": "VARCHAR", "term": "VARCHAR", "content": "VARCHAR"}}}}') AS o
  FROM src
), visited AS (
  -- the visit that began the journey to this order says what won the customer; both stay in the payload
  SELECT source_record_id, o, coalesce(o.customerJourneySummary.firstVisit, o.customerJourneySummary.lastVisit) AS visit FROM orders
), campaigns AS (
  -- where that visit came by no campaign and the last one did, the last one tells the campaign; all of it is of one visit
  SELECT source_record_id, o, visit,
         CASE WHEN coalesce(visit.utmParameters.source, visit.utmParameters.medium, visit.utmParameters.campaign) IS NOT NULL
                OR regexp_matches(visit.landingPage, '[?&](utm_[a-z]+|gclid|gbraid|wbraid|fbclid|msclkid|ttclid)=[^&#]')
              THEN visit ELSE coalesce(o.customerJourneySummary.lastVisit, visit) END AS v
  FROM visited
), clicks AS (
  SELECT source_record_id, o, visit, v.utmParameters AS utm, v.landingPage AS page,
         regexp_extract(v.landingPage, '[?&](gclid|gbraid|wbraid|fbclid|msclkid|ttclid)=([^&#]+)', ['type', 'id']) AS click
  FROM campaigns
)
SELECT
  source_record_id,
  -- a guest's order is its own party, see the last block
  coalesce(o.customer.legacyResourceId, source_record_id) AS party_id,
  CASE WHEN o.customer.legacyResourceId IS NULL THEN 'orders' ELSE 'customers' END AS party_stream,
  o.name AS order_number,
  coalesce(o.processedAt, o.createdAt) AS ordered_at, -- an imported order is processed before it is created here
  CASE
    WHEN o.cancelledAt IS NOT NULL OR o.displayFinancialStatus = 'VOIDED' THEN 'cancelled'
    WHEN o.displayFinancialStatus IN ('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED') THEN lower(o.displayFinancialStatus)
    ELSE 'open'
  END AS status,
  o.totalPriceSet.shopMoney.currencyCode AS currency,
  o.totalPriceSet.shopMoney.amount AS gross_amount,
  o.totalDiscountsSet.shopMoney.amount AS discount_amount,
  o.totalTaxSet.shopMoney.amount AS tax_amount,
  o.totalShippingPriceSet.shopMoney.amount AS shipping_amount,
  o.totalRefundedSet.shopMoney.amount AS refund_amount,
  visit.landingPage AS landing_url,
  visit.referrerUrl AS referrer_url,
  coalesce(utm.source, nullif(TRY(url_decode(replace(regexp_extract(page, '[?&]utm_source=([^&#]*)', 1), '+', ' '))), '')) AS utm_source,
  coalesce(utm.medium, nullif(TRY(url_decode(replace(regexp_extract(page, '[?&]utm_medium=([^&#]*)', 1), '+', ' '))), '')) AS utm_medium,
  coalesce(utm.campaign, nullif(TRY(url_decode(replace(regexp_extract(page, '[?&]utm_campaign=([^&#]*)', 1), '+', ' '))), '')) AS utm_campaign,
  coalesce(utm.content, nullif(TRY(url_decode(replace(regexp_extract(page, '[?&]utm_content=([^&#]*)', 1), '+', ' '))), '')) AS utm_content,
  coalesce(utm.term, nullif(TRY(url_decode(replace(regexp_extract(page, '[?&]utm_term=([^&#]*)', 1), '+', ' '))), '')) AS utm_term,
  nullif(click.type, '') AS click_id_type,
  nullif(coalesce(TRY(url_decode(click.id)), click.id), '') AS click_id,
  o.test AS is_test,
  o.createdAt AS created_at
FROM clicks;

-- stage: orders -> order_line
-- A line as it was sold, before refunds, as the order's own sums are; how much of it is left stays in the payload (currentQuantity).
-- Its discounts are all that fall on it, also its part of those on the whole order. Prices hold tax where the shop's prices do.
WITH orders AS (
  SELECT source_record_id, from_json(payload, '{
    "createdAt": "VARCHAR", "test": "VARCHAR", "customer": {"legacyResourceId": "VARCHAR"},
    "lineItems": {"nodes": [{
      "id": "VARCHAR", "sku": "VARCHAR", "name": "VARCHAR", "quantity": "VARCHAR",
      "originalUnitPriceSet": {"shopMoney": {"amount": "VARCHAR"}},
      "originalTotalSet": {"shopMoney": {"amount": "VARCHAR", "currencyCode": "VARCHAR"}},
      "discountAllocations": [{"allocatedAmountSet": {"shopMoney": {"amount": "VARCHAR"}}}],
      "taxLines": [{"priceSet": {"shopMoney": {"amount": "VARCHAR"}}}]}]}}') AS o
  FROM src
), lines AS (
  SELECT source_record_id, o, unnest(o.lineItems.nodes) AS line FROM orders
), summed AS (
  -- one part that cannot be read leaves the sum unknown, and says so below; a sum without it would be wrong
  SELECT source_record_id, o, line,
         list_reduce(list_transform(line.discountAllocations, lambda d:
           TRY_CAST(d.allocatedAmountSet.shopMoney.amount AS DECIMAL(18, 4))::DECIMAL(38, 4)),
           lambda x, y: x + y, 0::DECIMAL(38, 4)) AS discount,
         list_reduce(list_transform(line.taxLines, lambda t:
           TRY_CAST(t.priceSet.shopMoney.amount AS DECIMAL(18, 4))::DECIMAL(38, 4)),
           lambda x, y: x + y, 0::DECIMAL(38, 4)) AS tax
  FROM lines
)
SELECT
  source_record_id,
  coalesce(o.customer.legacyResourceId, source_record_id) AS party_id,
  CASE WHEN o.customer.legacyResourceId IS NULL THEN 'orders' ELSE 'customers' END AS party_stream,
  nullif(regexp_extract(line.id, '([^/]+)$', 1), '') AS line_no, -- gid://shopify/LineItem/123
  source_record_id AS order_id,
  line.sku,
  line.name AS product_name,
  line.quantity,
  line.originalTotalSet.shopMoney.currencyCode AS currency,
  line.originalUnitPriceSet.shopMoney.amount AS unit_price,
  CASE WHEN line.discountAllocations IS NOT NULL
       THEN coalesce(CAST(TRY_CAST(line.originalTotalSet.shopMoney.amount AS DECIMAL(18, 4)) - discount AS VARCHAR),
                     line.originalTotalSet.shopMoney.amount || ' (less discounts that cannot be read)') END AS net_amount,
  CASE WHEN line.taxLines IS NOT NULL THEN coalesce(CAST(tax AS VARCHAR), 'taxes that cannot be read') END AS tax_amount,
  o.test AS is_test,
  o.createdAt AS created_at
FROM summed;

-- stage: orders -> refund
-- A refund has no state of its own at Shopify; its amount is the sum of its transactions.
WITH orders AS (
  SELECT source_record_id, from_json(payload, '{
    "test": "VARCHAR", "customer": {"legacyResourceId": "VARCHAR"},
    "refunds": [{"id": "VARCHAR", "legacyResourceId": "VARCHAR", "createdAt": "VARCHAR", "processedAt": "VARCHAR",
                 "totalRefundedSet": {"shopMoney": {"amount": "VARCHAR", "currencyCode": "VARCHAR"}}}]}') AS o
  FROM src
), refunds AS (
  SELECT source_record_id, o, unnest(o.refunds) AS refund FROM orders
)
SELECT
  source_record_id,
  coalesce(o.customer.legacyResourceId, source_record_id) AS party_id,
  CASE WHEN o.customer.legacyResourceId IS NULL THEN 'orders' ELSE 'customers' END AS party_stream,
  coalesce(refund.legacyResourceId, nullif(regexp_extract(refund.id, '([^/]+)$', 1), '')) AS refund_no,
  'refund' AS refund_type,
  source_record_id AS order_id,
  coalesce(refund.processedAt, refund.createdAt) AS refunded_at,
  refund.totalRefundedSet.shopMoney.currencyCode AS currency,
  refund.totalRefundedSet.shopMoney.amount AS amount,
  o.test AS is_test,
  refund.createdAt AS created_at
FROM refunds;

-- stage: customers -> party_record
WITH customers AS (
  SELECT source_record_id, from_json(payload, '{
    "firstName": "VARCHAR", "lastName": "VARCHAR", "locale": "VARCHAR", "createdAt": "VARCHAR",
    "verifiedEmail": "VARCHAR", "defaultEmailAddress": {"emailAddress": "VARCHAR"}, "defaultPhoneNumber": {"phoneNumber": "VARCHAR"},
    "defaultAddress": {"firstName": "VARCHAR", "lastName": "VARCHAR", "company": "VARCHAR", "phone": "VARCHAR",
                       "address1": "VARCHAR", "address2": "VARCHAR", "city": "VARCHAR", "provinceCode": "VARCHAR",
                       "zip": "VARCHAR", "countryCodeV2": "VARCHAR"}}') AS c
  FROM src
), named AS (
  -- a customer may have no name of their own and one on the address; the two names are taken together or not at all
  SELECT source_record_id, c, c.defaultAddress AS address, coalesce(c.firstName, c.lastName) IS NULL AS nameless FROM customers
)
SELECT
  source_record_id,
  'customer' AS record_role,
  CASE WHEN nameless THEN address.firstName ELSE c.firstName END AS given_name,
  CASE WHEN nameless THEN address.lastName ELSE c.lastName END AS family_name,
  address.company AS company_name,
  c.defaultEmailAddress.emailAddress AS email,
  c.verifiedEmail AS email_verified,
  coalesce(c.defaultPhoneNumber.phoneNumber, address.phone) AS phone,
  address.address1 AS address_line1,
  address.address2 AS address_line2,
  address.city,
  address.provinceCode AS region,
  address.zip AS postal_code,
  address.countryCodeV2 AS country,
  c.locale,
  c.createdAt AS created_at
FROM named;

-- stage: orders -> party_record
-- Guest checkouts: the order is all we know of its buyer.
WITH orders AS (
  SELECT source_record_id, from_json(payload, '{
    "createdAt": "VARCHAR", "test": "VARCHAR", "email": "VARCHAR", "phone": "VARCHAR", "customerLocale": "VARCHAR",
    "customer": {"legacyResourceId": "VARCHAR"},
    "billingAddress": {"firstName": "VARCHAR", "lastName": "VARCHAR", "company": "VARCHAR", "phone": "VARCHAR",
                       "address1": "VARCHAR", "address2": "VARCHAR", "city": "VARCHAR", "provinceCode": "VARCHAR",
                       "zip": "VARCHAR", "countryCodeV2": "VARCHAR"},
    "shippingAddress": {"firstName": "VARCHAR", "lastName": "VARCHAR", "company": "VARCHAR", "phone": "VARCHAR",
                        "address1": "VARCHAR", "address2": "VARCHAR", "city": "VARCHAR", "provinceCode": "VARCHAR",
                        "zip": "VARCHAR", "countryCodeV2": "VARCHAR"}}') AS o
  FROM src
), guests AS (
  SELECT source_record_id, o, coalesce(o.billingAddress, o.shippingAddress) AS address
  FROM orders
  WHERE o.customer.legacyResourceId IS NULL
)
SELECT
  source_record_id,
  'guest' AS record_role,
  address.firstName AS given_name,
  address.lastName AS family_name,
  address.company AS company_name,
  o.email,
  coalesce(o.phone, address.phone) AS phone,
  address.address1 AS address_line1,
  address.address2 AS address_line2,
  address.city,
  address.provinceCode AS region,
  address.zip AS postal_code,
  address.countryCodeV2 AS country,
  o.customerLocale AS locale,
  o.test AS is_test,
  o.createdAt AS created_at
FROM guests;

-- stage: customers -> consent
-- Of the customer's own address and number. NOT_SUBSCRIBED is nobody's word: never asked, or a box left empty.
WITH customers AS (
  SELECT source_record_id, from_json(payload, '{
    "defaultEmailAddress": {"emailAddress": "VARCHAR", "marketingState": "VARCHAR", "marketingOptInLevel": "VARCHAR",
                            "marketingUpdatedAt": "VARCHAR"},
    "defaultPhoneNumber": {"phoneNumber": "VARCHAR",
                           "smsMarketingConsent": {"state": "VARCHAR", "optInLevel": "VARCHAR", "updatedAt": "VARCHAR"}}}') AS c
  FROM src
), signals AS (
  SELECT source_record_id, 'email' AS channel, c.defaultEmailAddress.emailAddress AS identifier,
         c.defaultEmailAddress.marketingState AS state, c.defaultEmailAddress.marketingOptInLevel AS level,
         c.defaultEmailAddress.marketingUpdatedAt AS said_at
  FROM customers
  UNION ALL
  SELECT source_record_id, 'sms', c.defaultPhoneNumber.phoneNumber, c.defaultPhoneNumber.smsMarketingConsent.state,
         c.defaultPhoneNumber.smsMarketingConsent.optInLevel, c.defaultPhoneNumber.smsMarketingConsent.updatedAt
  FROM customers
)
SELECT
  source_record_id,
  source_record_id AS party_id,
  'customers' AS party_stream,
  channel AS signal,
  'marketing' AS purpose,
  channel,
  identifier,
  -- the shop wiped the number of a person who asked to be forgotten; an address that bounces is no word of theirs
  CASE state WHEN 'REDACTED' THEN 'denied' WHEN 'INVALID' THEN 'not_given' ELSE state END AS status,
  'consent' AS legal_basis,
  said_at AS captured_at,
  'Shopify ' || state || coalesce(' (' || level || ')', '') AS evidence
FROM signals
WHERE state IS NOT NULL;
