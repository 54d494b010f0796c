-- Blocking rules: two nodes are compared if they agree on all columns of at least one rule. Each block yields node_id and the columns
-- of its key; a key with a NULL in it brings nothing together. After "rule:" stands the name that reports and explanations show, then
-- "loose" if the rule finds what typing errors and nicknames hide: it may bring only so many pairs a record (settings).

-- rule: email
SELECT node_id, email FROM node WHERE NOT is_role

-- rule: phone
SELECT node_id, phone FROM node

-- rule: tax_id
SELECT node_id, tax FROM node

-- rule: email_user
SELECT node_id, email_local FROM node WHERE length(email_local) >= 5

-- a mailbox of a role says who a company is, never who a person is
-- rule: role_mailbox
SELECT node_id, email FROM node WHERE is_role AND given IS NULL AND family IS NULL

-- rule: company
SELECT node_id, company FROM node

-- rule: full_name
SELECT node_id, least(given, family), greatest(given, family) FROM node WHERE length(given) > 1

-- rule: name_postal
SELECT DISTINCT node_id, unnest([given, family]) AS name, postal FROM node WHERE length(given) > 1 OR given IS NULL

-- rule: family_city
SELECT node_id, family, city FROM node

-- rule: name_starts_postal
SELECT node_id, left(family, 2), left(given, 2), postal FROM node

-- rule: name_starts_city
SELECT node_id, left(family, 4), left(given, 2), city FROM node

-- rule: street_city
SELECT node_id, street, city FROM node

-- rule: street_start_postal
SELECT node_id, left(street, 6), postal FROM node

-- rule: family_street_start
SELECT node_id, family, left(street, 7) FROM node

-- rule: given_street_start
SELECT node_id, given, left(street, 7) FROM node WHERE length(given) > 1

-- rule: name_birth
SELECT DISTINCT node_id, unnest([given, family]) AS name, birth FROM node WHERE length(given) > 1 OR given IS NULL

-- rule: postal_birth
SELECT node_id, postal, birth FROM node

-- rule: city_birth
SELECT node_id, city, birth FROM node

-- rule: given_initial_birth loose
SELECT node_id, given[1], birth FROM node

-- rule: family_initial_birth loose
SELECT node_id, family[1], birth FROM node

-- rule: postal_birth_year loose
SELECT node_id, postal, birth_year FROM node

-- rule: city_initial_birth_year loose
SELECT node_id, city, given[1], birth_year FROM node

-- rule: family_birth_year loose
SELECT node_id, family, birth_year FROM node

-- rule: given_birth_year loose
SELECT node_id, given, family[1], birth_year FROM node

-- rule: name_city loose
SELECT DISTINCT node_id, unnest([given, family]) AS name, city FROM node WHERE length(given) > 1 OR given IS NULL

-- rule: nickname loose
SELECT node_id, family, unnest(given_forms) FROM node

-- rule: family_initial loose
SELECT node_id, family, given[1] FROM node

-- rule: family_given_start loose
SELECT node_id, family, left(given, 3) FROM node WHERE length(given) > 2

-- rule: family_given_end loose
SELECT node_id, family, right(given, 3) FROM node WHERE length(given) > 2

-- rule: given_family_start loose
SELECT node_id, given, left(family, 4) FROM node WHERE length(given) > 1

-- rule: given_family_end loose
SELECT node_id, given, right(family, 4) FROM node WHERE length(given) > 1

-- rule: family loose
SELECT node_id, family FROM node
