-- What Zendesk's fields mean. Each payload is parsed once, by json_transform: reading field by field takes seven times as long.

-- stage: tickets -> ticket
-- When a ticket was solved is not in the export (it would be in its metric set), so solved_at stays empty.
WITH doc AS (
  SELECT source_record_id, json_transform(payload, '{
    "requester_id": "VARCHAR", "subject": "VARCHAR", "via": {"channel": "VARCHAR"}, "status": "VARCHAR", "priority": "VARCHAR",
    "created_at": "VARCHAR"
  }') AS d
  FROM src
)
SELECT source_record_id,
       d.requester_id AS party_id,
       'users' AS party_stream,
       d.subject AS subject,
       d.via.channel AS channel,
       CASE d.status WHEN 'hold' THEN 'on_hold' ELSE d.status END AS status,
       d.priority AS priority,
       d.created_at AS opened_at,
       d.created_at AS created_at
FROM doc;

-- stage: users -> party_record
-- Agents and admins are our own staff and no customers; they stay in raw. Where Zendesk knows no name it puts the address or
-- "Caller +1 ..." in its place, which is no name to match by.
WITH doc AS (
  SELECT source_record_id, json_transform(payload, '{
    "role": "VARCHAR", "external_id": "VARCHAR", "name": "VARCHAR", "email": "VARCHAR", "phone": "VARCHAR", "locale": "VARCHAR",
    "created_at": "VARCHAR"
  }') AS d
  FROM src
)
SELECT source_record_id,
       'ticket_user' AS record_role,
       d.external_id AS legacy_id,
       CASE WHEN lower(d.name) = lower(d.email) OR regexp_full_match(d.name, '(Caller )?[+0-9 ().-]+') THEN NULL
            ELSE d.name END AS full_name,
       d.email AS email,
       d.phone AS phone,
       d.locale AS locale,
       d.created_at AS created_at
FROM doc
WHERE coalesce(d.role, 'end-user') NOT IN ('agent', 'admin')
