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
    "customerJourneySummary": {"firstVisit": {"landingPage": "VARCHAR", "referrerUrl": "VARCHAR"},
                               "lastVisit": {"landingPage": "VARCHAR", "referrerUrl": "VARCHAR"}}}') AS o
  FROM src
), visited AS (
  -- the visit that began the journey to this order says what won the customer; both stay in the payload
  SELECT source_record_id, o, coalesce(o.customerJourneySummary.firstVisit, o.customerJourneySummary.lastVisit) AS visit FROM orders
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
  o.test AS is_test,
  o.createdAt AS created_at
FROM visited;

-- stage: customers -> party_record
WITH customers AS (
  SELECT source_record_id, from_json(payload, '{
    "firstName": "VARCHAR", "lastName": "VARCHAR", "locale": "VARCHAR", "createdAt": "VARCHAR",
    "defaultEmailAddress": {"emailAddress": "VARCHAR"}, "defaultPhoneNumber": {"phoneNumber": "VARCHAR"},
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
