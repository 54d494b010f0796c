-- What Xero's fields mean. Each payload is parsed once, by json_transform: reading field by field takes seven times as long.
--
-- Amounts are in major units. Times are /Date(milliseconds+0000)/. What ends in UTC is a moment; Date, DueDate and FullyPaidOnDate
-- are days in the organisation's own zone, written as if it were UTC. The reading adds that zone as OrganisationTimezone; where it is
-- unknown the day is passed on without one and staging takes the source's setting. A zone that DuckDB does not know would end the query,
-- so that zones are joined, not trusted.

-- stage: invoices -> invoice
WITH doc AS (
  SELECT source_record_id, json_transform(payload, '{
    "Type": "VARCHAR", "Contact": {"ContactID": "VARCHAR"}, "InvoiceNumber": "VARCHAR", "Status": "VARCHAR", "CurrencyCode": "VARCHAR",
    "Total": "VARCHAR", "AmountPaid": "VARCHAR", "AmountDue": "VARCHAR",
    "Date": "VARCHAR", "DueDate": "VARCHAR", "FullyPaidOnDate": "VARCHAR", "OrganisationTimezone": "VARCHAR"
  }') AS d
  FROM src
), days AS (
  SELECT source_record_id, d,
         list_transform([d.Date, d.DueDate, d.FullyPaidOnDate], lambda t:
           CASE WHEN regexp_matches(t, '^/Date\(-?[0-9]{1,14}\D') THEN make_timestamp(regexp_extract(t, '-?[0-9]+')::BIGINT * 1000) END)
           AS midnights
  FROM doc
), read AS (
  SELECT source_record_id, d,
         list_transform(midnights, lambda m: coalesce(strftime(timezone('UTC', timezone(zone.name, m)), '%Y-%m-%dT%H:%M:%SZ'),
                                                      strftime(m, '%Y-%m-%dT%H:%M:%S'))) AS times
  FROM days LEFT JOIN pg_timezone_names() zone ON zone.name = d.OrganisationTimezone
)
SELECT source_record_id,
       d.Contact.ContactID AS party_id,
       'contacts' AS party_stream,
       d.InvoiceNumber AS invoice_number,
       coalesce(times[1], d.Date) AS issued_at,
       coalesce(times[2], d.DueDate) AS due_at,
       coalesce(times[3], d.FullyPaidOnDate) AS paid_at,
       CASE d.Status WHEN 'DRAFT' THEN 'draft' WHEN 'SUBMITTED' THEN 'draft' WHEN 'AUTHORISED' THEN 'open' WHEN 'PAID' THEN 'paid'
                     WHEN 'VOIDED' THEN 'void' ELSE lower(d.Status) END AS status,
       d.CurrencyCode AS currency,
       d.Total AS total_amount,
       d.AmountPaid AS amount_paid,
       d.AmountDue AS amount_due
FROM read
WHERE coalesce(d.Type, '') <> 'ACCPAY';

-- stage: credit_notes -> refund
-- A credit note lowers a claim, whether or not money goes back later. It names an invoice where all of it went to one.
WITH doc AS (
  SELECT source_record_id, json_transform(payload, '{
    "Type": "VARCHAR", "Contact": {"ContactID": "VARCHAR"}, "Status": "VARCHAR", "CurrencyCode": "VARCHAR", "Total": "VARCHAR",
    "Date": "VARCHAR", "OrganisationTimezone": "VARCHAR", "Allocations": [{"Invoice": {"InvoiceID": "VARCHAR"}}]
  }') AS d
  FROM src
), read AS (
  SELECT source_record_id, d,
         CASE WHEN regexp_matches(d.Date, '^/Date\(-?[0-9]{1,14}\D')
              THEN make_timestamp(regexp_extract(d.Date, '-?[0-9]+')::BIGINT * 1000) END AS midnight,
         list_distinct(list_transform(d.Allocations, lambda a: a.Invoice.InvoiceID)) AS invoices
  FROM doc
)
SELECT source_record_id,
       d.Contact.ContactID AS party_id,
       'contacts' AS party_stream,
       'credit_note' AS refund_type,
       CASE WHEN len(invoices) = 1 THEN invoices[1] END AS invoice_id,
       coalesce(strftime(timezone('UTC', timezone(zone.name, midnight)), '%Y-%m-%dT%H:%M:%SZ'),
                strftime(midnight, '%Y-%m-%dT%H:%M:%S'), d.Date) AS refunded_at,
       CASE d.Status WHEN 'DRAFT' THEN 'pending' WHEN 'SUBMITTED' THEN 'pending' WHEN 'AUTHORISED' THEN 'succeeded'
                     WHEN 'PAID' THEN 'succeeded' WHEN 'VOIDED' THEN 'cancelled' ELSE lower(d.Status) END AS status,
       d.CurrencyCode AS currency,
       d.Total AS amount
FROM read LEFT JOIN pg_timezone_names() zone ON zone.name = d.OrganisationTimezone
WHERE coalesce(d.Type, '') <> 'ACCPAYCREDIT';

-- stage: payments -> payment
-- Amount is in the invoice's currency, BankAmount in that of the bank account. What was paid to suppliers is not ours to map.
WITH doc AS (
  SELECT source_record_id, json_transform(payload, '{
    "PaymentType": "VARCHAR", "Status": "VARCHAR", "Amount": "VARCHAR", "Date": "VARCHAR", "OrganisationTimezone": "VARCHAR",
    "Invoice": {"Type": "VARCHAR", "InvoiceID": "VARCHAR", "CurrencyCode": "VARCHAR", "Contact": {"ContactID": "VARCHAR"}}
  }') AS d
  FROM src
), read AS (
  SELECT source_record_id, d,
         CASE WHEN regexp_matches(d.Date, '^/Date\(-?[0-9]{1,14}\D')
              THEN make_timestamp(regexp_extract(d.Date, '-?[0-9]+')::BIGINT * 1000) END AS midnight
  FROM doc
)
SELECT source_record_id,
       d.Invoice.Contact.ContactID AS party_id,
       'contacts' AS party_stream,
       d.Invoice.InvoiceID AS invoice_id,
       coalesce(strftime(timezone('UTC', timezone(zone.name, midnight)), '%Y-%m-%dT%H:%M:%SZ'),
                strftime(midnight, '%Y-%m-%dT%H:%M:%S'), d.Date) AS paid_at,
       CASE d.Status WHEN 'AUTHORISED' THEN 'succeeded' ELSE lower(d.Status) END AS status,
       d.Invoice.CurrencyCode AS currency,
       d.Amount AS amount
FROM read LEFT JOIN pg_timezone_names() zone ON zone.name = d.OrganisationTimezone
WHERE coalesce(d.PaymentType, CASE d.Invoice.Type WHEN 'ACCREC' THEN 'ACCRECPAYMENT' END) = 'ACCRECPAYMENT';

-- stage: payments -> refund
-- Money that went back: a credit note, an overpayment or a prepayment of a customer's was paid out. Xero gives what was paid out
-- under Invoice, whatever it is.
WITH doc AS (
  SELECT source_record_id, json_transform(payload, '{
    "PaymentType": "VARCHAR", "Status": "VARCHAR", "Amount": "VARCHAR", "Date": "VARCHAR", "OrganisationTimezone": "VARCHAR",
    "Invoice": {"CurrencyCode": "VARCHAR", "Contact": {"ContactID": "VARCHAR"}},
    "CreditNote": {"CurrencyCode": "VARCHAR", "Contact": {"ContactID": "VARCHAR"}},
    "Overpayment": {"CurrencyCode": "VARCHAR", "Contact": {"ContactID": "VARCHAR"}},
    "Prepayment": {"CurrencyCode": "VARCHAR", "Contact": {"ContactID": "VARCHAR"}}
  }') AS d
  FROM src
), read AS (
  SELECT source_record_id, d, coalesce(d.Invoice, d.CreditNote, d.Overpayment, d.Prepayment) AS credit,
         CASE WHEN regexp_matches(d.Date, '^/Date\(-?[0-9]{1,14}\D')
              THEN make_timestamp(regexp_extract(d.Date, '-?[0-9]+')::BIGINT * 1000) END AS midnight
  FROM doc
)
SELECT source_record_id,
       credit.Contact.ContactID AS party_id,
       'contacts' AS party_stream,
       'refund' AS refund_type,
       coalesce(strftime(timezone('UTC', timezone(zone.name, midnight)), '%Y-%m-%dT%H:%M:%SZ'),
                strftime(midnight, '%Y-%m-%dT%H:%M:%S'), d.Date) AS refunded_at,
       CASE d.Status WHEN 'AUTHORISED' THEN 'succeeded' ELSE lower(d.Status) END AS status,
       -- what was paid too much, or in advance, is in no invoice's AmountPaid
       CASE d.PaymentType WHEN 'ARCREDITPAYMENT' THEN 'credit_note' WHEN 'AROVERPAYMENTPAYMENT' THEN 'overpayment'
                          ELSE 'prepayment' END AS reason,
       credit.CurrencyCode AS currency,
       d.Amount AS amount
FROM read LEFT JOIN pg_timezone_names() zone ON zone.name = d.OrganisationTimezone
WHERE d.PaymentType IN ('ARCREDITPAYMENT', 'AROVERPAYMENTPAYMENT', 'ARPREPAYMENTPAYMENT');

-- stage: contacts -> party_record
-- Contacts are customers, suppliers or neither yet; only customers are ours, the others stay in raw. An archived one is only put out
-- of sight, and stays a customer. Name is a person's or an organisation's; FirstName and LastName are the contact person's: where
-- Name holds them, it is that person.
WITH doc AS (
  SELECT source_record_id, json_transform(payload, '{
    "Name": "VARCHAR", "FirstName": "VARCHAR", "LastName": "VARCHAR", "CompanyNumber": "VARCHAR", "EmailAddress": "VARCHAR",
    "ContactNumber": "VARCHAR", "TaxNumber": "VARCHAR", "IsCustomer": "VARCHAR", "IsSupplier": "VARCHAR",
    "Phones": [{"PhoneType": "VARCHAR", "PhoneNumber": "VARCHAR", "PhoneAreaCode": "VARCHAR", "PhoneCountryCode": "VARCHAR"}],
    "Addresses": [{"AddressType": "VARCHAR", "AddressLine1": "VARCHAR", "AddressLine2": "VARCHAR", "AddressLine3": "VARCHAR",
                   "AddressLine4": "VARCHAR", "City": "VARCHAR", "Region": "VARCHAR", "PostalCode": "VARCHAR", "Country": "VARCHAR"}]
  }') AS d
  FROM src
), part AS (
  SELECT source_record_id, d,
         nullif(trim(d.Name), '') AS name,
         nullif(trim(d.FirstName), '') AS given,
         nullif(trim(d.LastName), '') AS family,
         nullif(trim(d.CompanyNumber), '') AS registered,
         -- the one that reaches the person first; a fax reaches nobody
         list_filter(d.Phones, lambda p: regexp_matches(p.PhoneNumber, '[0-9]')) AS phones,
         list_filter(d.Addresses, lambda a: coalesce(nullif(trim(a.AddressLine1), ''), nullif(trim(a.City), '')) IS NOT NULL) AS places
  FROM doc
  WHERE CASE WHEN lower(d.IsCustomer) IN ('true', 'false') THEN lower(d.IsCustomer) = 'true'
             ELSE coalesce(lower(d.IsSupplier), 'false') <> 'true' END
), chosen AS (
  SELECT source_record_id, d, name, given, family, registered,
         coalesce(given, family) IS NOT NULL AS has_person,
         coalesce(contains(lower(name), lower(given)), true) AND coalesce(contains(lower(name), lower(family)), true) AS is_person,
         coalesce(list_filter(phones, lambda p: p.PhoneType = 'MOBILE')[1], list_filter(phones, lambda p: p.PhoneType = 'DEFAULT')[1],
                  list_filter(phones, lambda p: p.PhoneType = 'DDI')[1], list_filter(phones, lambda p: p.PhoneType = 'OFFICE')[1]) AS phone,
         coalesce(list_filter(places, lambda a: a.AddressType = 'STREET')[1], places[1]) AS address
  FROM part
)
SELECT source_record_id,
       CASE WHEN has_person AND is_person AND registered IS NULL THEN 'person'
            WHEN registered IS NOT NULL OR (has_person AND NOT is_person) THEN 'company' END AS party_type,
       'customer' AS record_role,
       d.ContactNumber AS legacy_id,  -- only writable through the API, for the ID in another system
       CASE WHEN (NOT has_person AND registered IS NULL) OR (has_person AND is_person AND (given IS NULL OR family IS NULL))
            THEN name END AS full_name,
       given AS given_name,
       family AS family_name,
       CASE WHEN registered IS NOT NULL OR (has_person AND NOT is_person) THEN name END AS company_name,
       d.EmailAddress AS email,
       CASE WHEN regexp_matches(phone.PhoneNumber, '^\s*(\+|00)') THEN phone.PhoneNumber
            ELSE nullif(concat_ws(' ', '+' || nullif(ltrim(regexp_replace(phone.PhoneCountryCode, '[^0-9]', '', 'g'), '0'), ''),
                                  nullif(trim(phone.PhoneAreaCode), ''), trim(phone.PhoneNumber)), '') END AS phone,
       address.AddressLine1 AS address_line1,
       nullif(concat_ws(', ', nullif(trim(address.AddressLine2), ''), nullif(trim(address.AddressLine3), ''),
                        nullif(trim(address.AddressLine4), '')), '') AS address_line2,
       address.City AS city,
       address.Region AS region,
       address.PostalCode AS postal_code,
       address.Country AS country,
       d.TaxNumber AS tax_id
FROM chosen
