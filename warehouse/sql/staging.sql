-- Staging: one typed, normalised row per live source record; rebuilt from raw at any time.
CREATE SCHEMA IF NOT EXISTS staging;

CREATE TABLE IF NOT EXISTS staging.party_record (
  record_key VARCHAR PRIMARY KEY,          -- source:stream:id
  source_system VARCHAR NOT NULL,
  stream VARCHAR NOT NULL,
  source_record_id VARCHAR NOT NULL,
  legacy_id VARCHAR,
  account_id VARCHAR,                      -- source record ID of the company the party belongs to, in the same source
  party_type VARCHAR NOT NULL,             -- person, company or unknown
  record_role VARCHAR NOT NULL,            -- customer, lead, ticket_user, guest, billing, shipping
  full_name VARCHAR,                       -- display values: as the source has them, white space and case of shouting mended
  given_name VARCHAR,
  middle_name VARCHAR,
  family_name VARCHAR,
  name_suffix VARCHAR,
  company_name VARCHAR,
  email_raw VARCHAR,
  email_norm VARCHAR,                      -- lower case, IDN folded; NULL unless email_status is valid
  email_status VARCHAR NOT NULL,           -- valid, invalid, junk or missing
  email_verified BOOLEAN,                  -- the source's own flag on a valid e-mail; NULL where it does not say
  phone_raw VARCHAR,
  phone_e164 VARCHAR,                      -- NULL unless phone_status is valid or possible
  phone_status VARCHAR NOT NULL,           -- valid, possible, invalid, junk or missing
  address_line1 VARCHAR,
  address_line2 VARCHAR,
  city VARCHAR,
  region VARCHAR,
  postal_code VARCHAR,
  country_code VARCHAR,                    -- ISO 3166-1 alpha-2
  birth_date DATE,
  birth_date_status VARCHAR NOT NULL,      -- valid, invalid or missing
  tax_id VARCHAR,
  locale VARCHAR,
  -- match keys: for comparing only, never shown; ASCII, lower case, NULL where the value is missing or junk
  given_key VARCHAR,
  middle_key VARCHAR,
  family_key VARCHAR,
  company_key VARCHAR,                     -- without legal form
  email_key VARCHAR,                       -- folded: no +tag, no gmail dots
  email_local VARCHAR,                     -- local part of email_key; NULL for role mailboxes
  email_is_role BOOLEAN NOT NULL,          -- info@, sales@ ...: a mailbox, not a person
  phone_key VARCHAR,                       -- digits that identify the line: E.164 without +
  street_key VARCHAR,                      -- house number and street, words folded
  city_key VARCHAR,
  postal_key VARCHAR,                      -- without spaces
  is_deleted BOOLEAN NOT NULL,             -- gone at the source
  is_test BOOLEAN NOT NULL,
  source_created_at TIMESTAMP,
  source_updated_at TIMESTAMP,
  sync_run_id VARCHAR NOT NULL,
  payload_hash VARCHAR NOT NULL,
  -- the record into which the source merged this one; it lives on as long as that one does, with match keys but no values to show
  merged_into VARCHAR
);

-- raw value -> normalised value, kept so that a second sync normalises only values never seen
CREATE TABLE IF NOT EXISTS staging.normalised_value (
  id_type VARCHAR NOT NULL,
  raw_value VARCHAR NOT NULL,
  region_hint VARCHAR NOT NULL,            -- '' where there is none
  norm_value VARCHAR,
  match_key VARCHAR,
  status VARCHAR NOT NULL,
  normaliser_version VARCHAR NOT NULL,
  PRIMARY KEY (id_type, raw_value, region_hint)
);
