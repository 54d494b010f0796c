-- What Zendesk's fields mean. Each payload is parsed once, by json_transform: reading field by field takes seven times as long.

-- stage: tickets -> ticket
-- When a ticket was solved and first answered is in its metric set. Zendesk counts the minutes to the first answer, and for messages
-- the seconds; a ticket that is open again is not solved, though its metric set still says when it once was.
WITH doc AS (
  SELECT source_record_id, json_transform(payload, '{
    "requester_id": "VARCHAR", "subject": "VARCHAR", "via": {"channel": "VARCHAR"}, "status": "VARCHAR", "priority": "VARCHAR",
    "created_at": "VARCHAR", "satisfaction_rating": {"score": "VARCHAR"},
    "metric_set": {"solved_at": "VARCHAR", "reopens": "VARCHAR", "reply_time_in_minutes": {"calendar": "VARCHAR"},
                   "reply_time_in_seconds": {"calendar": "VARCHAR"}}
  }') AS d
  FROM src
), timed AS (
  SELECT source_record_id, d,
         -- the zone stays as it was written, whatever it is
         TRY_CAST(regexp_replace(d.created_at, '(Z|[+-]\d\d:?\d\d)$', '') AS TIMESTAMP) AS created,
         regexp_extract(d.created_at, '(Z|[+-]\d\d:?\d\d)$', 1) AS zone,
         coalesce(TRY_CAST(d.metric_set.reply_time_in_seconds.calendar AS INTEGER)::BIGINT,
                  60::BIGINT * TRY_CAST(d.metric_set.reply_time_in_minutes.calendar AS INTEGER)) AS answered_after
  FROM doc
)
SELECT source_record_id,
       d.requester_id AS party_id,
       'users' AS party_stream,
       d.subject AS subject,
       d.via.channel AS channel,
       CASE d.status WHEN 'hold' THEN 'on_hold' ELSE d.status END AS status,
       d.priority AS priority,
       d.created_at AS opened_at,
       strftime(TRY(created + to_seconds(answered_after)), '%Y-%m-%dT%H:%M:%S') || zone AS first_reply_at,
       CASE WHEN d.status IN ('solved', 'closed') THEN d.metric_set.solved_at END AS solved_at,
       d.metric_set.reopens AS reopen_count,
       -- offered and unoffered are no ratings; good_with_comment and the like are
       nullif(regexp_extract(d.satisfaction_rating.score, '^(good|neutral|bad)', 1), '') AS satisfaction,
       d.created_at AS created_at
FROM timed;

-- stage: users -> party_record
-- Agents and admins are our own staff and no customers; they stay in raw. Where Zendesk knows no name it puts the address or
-- "Caller +1 ..." in its place, which is no name to match by. Of several e-mails and phones the primary one counts; where the user
-- has none of a kind, the first of their identities does. All of them are in the payload.
WITH doc AS (
  SELECT source_record_id, json_transform(payload, '{
    "role": "VARCHAR", "external_id": "VARCHAR", "name": "VARCHAR", "email": "VARCHAR", "phone": "VARCHAR", "locale": "VARCHAR",
    "verified": "VARCHAR", "created_at": "VARCHAR", "organization": {"name": "VARCHAR"},
    "identities": [{"type": "VARCHAR", "value": "VARCHAR", "verified": "VARCHAR"}]
  }') AS d
  FROM src
), known AS (
  SELECT source_record_id, d,
         coalesce(d.email, list_filter(d.identities, lambda i: i.type = 'email')[1].value) AS email,
         coalesce(d.phone, list_filter(d.identities, lambda i: i.type = 'phone_number')[1].value) AS phone
  FROM doc
)
SELECT source_record_id,
       'ticket_user' AS record_role,
       d.external_id AS legacy_id,
       CASE WHEN lower(d.name) = lower(email) OR regexp_full_match(d.name, '(Caller )?[+0-9 ().-]+') THEN NULL
            ELSE d.name END AS full_name,
       d.organization.name AS company_name,
       email,
       -- a user is verified as soon as any identity is, a phone perhaps; the e-mail's own identity says it of the e-mail
       CASE WHEN email IS NOT NULL
            THEN coalesce(list_filter(d.identities, lambda i: i.type = 'email' AND lower(i.value) = lower(email))[1].verified,
                          CASE WHEN d.identities IS NULL THEN d.verified END) END AS email_verified,
       phone,
       d.locale AS locale,
       d.created_at AS created_at
FROM known
WHERE coalesce(d.role, 'end-user') NOT IN ('agent', 'admin')


-- stage: users -> consent
-- A suspended user is one whom the help desk does not want to hear from; nobody writes to them, for any purpose, until they are let in again.
WITH doc AS (
  SELECT source_record_id, json_transform(payload, '{"role": "VARCHAR", "email": "VARCHAR", "suspended": "VARCHAR"}') AS d FROM src
)
SELECT source_record_id,
       source_record_id AS party_id,
       'users' AS party_stream,
       'suspended' AS signal,
       'any' AS purpose,
       'all' AS channel,
       d.email AS identifier,
       CASE d.suspended WHEN 'true' THEN 'denied' ELSE 'lifted' END AS status,
       'Zendesk: suspended' AS evidence
FROM doc
WHERE d.suspended IN ('true', 'false') AND coalesce(d.role, 'end-user') NOT IN ('agent', 'admin')
