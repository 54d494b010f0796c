-- What Freshdesk's fields mean. Each payload is parsed once, by json_transform: reading field by field takes seven times as long.

-- stage: tickets -> ticket
-- Status, priority and source are numbers. A status of the account's own (8 and up) is neither resolved nor closed for Freshdesk, so the
-- ticket is open; a source of its own keeps its number. Freshdesk says when a ticket was last reopened, not how often, so reopen_count
-- stays empty. A ticket that is open again is not solved, whenever it once was.
WITH doc AS (
  SELECT source_record_id, json_transform(payload, '{
    "requester_id": "VARCHAR", "subject": "VARCHAR", "source": "VARCHAR", "status": "VARCHAR", "priority": "VARCHAR",
    "created_at": "VARCHAR", "stats": {"first_responded_at": "VARCHAR", "resolved_at": "VARCHAR", "closed_at": "VARCHAR"},
    "satisfaction_rating": {"ratings": {"default_question": "VARCHAR"}}
  }') AS d
  FROM src
)
SELECT source_record_id,
       d.requester_id AS party_id,
       'contacts' AS party_stream,
       d.subject AS subject,
       CASE d.source WHEN '1' THEN 'email' WHEN '2' THEN 'web' WHEN '3' THEN 'voice' WHEN '4' THEN 'forum' WHEN '5' THEN 'twitter'
                     WHEN '6' THEN 'facebook' WHEN '7' THEN 'chat' WHEN '9' THEN 'web_widget' WHEN '10' THEN 'outbound_email'
                     WHEN '13' THEN 'whatsapp' WHEN '15' THEN 'chat' ELSE 'source_' || d.source END AS channel,
       CASE WHEN d.status = '3' OR d.status = '6' THEN 'pending' WHEN d.status = '7' THEN 'on_hold' WHEN d.status = '4' THEN 'solved'
            WHEN d.status = '5' THEN 'closed' WHEN regexp_full_match(d.status, '[0-9]+') THEN 'open' ELSE d.status END AS status,
       CASE d.priority WHEN '1' THEN 'low' WHEN '2' THEN 'normal' WHEN '3' THEN 'high' WHEN '4' THEN 'urgent'
                       ELSE d.priority END AS priority,
       d.created_at AS opened_at,
       d.stats.first_responded_at AS first_reply_at,
       CASE WHEN d.status IN ('4', '5') THEN coalesce(d.stats.resolved_at, d.stats.closed_at) END AS solved_at,
       -- newer surveys count from -103 to 103, classic ones from 1 to 3
       CASE WHEN d.satisfaction_rating.ratings.default_question IN ('1', '101', '102', '103') THEN 'good'
            WHEN d.satisfaction_rating.ratings.default_question IN ('2', '100') THEN 'neutral'
            WHEN d.satisfaction_rating.ratings.default_question IN ('3', '-101', '-102', '-103') THEN 'bad' END AS satisfaction,
       d.created_at AS created_at
FROM doc;

-- stage: contacts -> party_record
-- Agents are in another list and no customers. Where Freshdesk knows no name it puts the address or the number in its place, which is no
-- name to match by. Of several e-mails the primary one counts, of two phones the mobile one; all of them are in the payload. A visitor
-- of the chat who has left nothing to be known by is nobody yet and stays in raw. The address is one text of several lines.
WITH doc AS (
  SELECT source_record_id, json_transform(payload, '{
    "name": "VARCHAR", "email": "VARCHAR", "other_emails": ["VARCHAR"], "phone": "VARCHAR", "mobile": "VARCHAR",
    "address": "VARCHAR", "language": "VARCHAR", "unique_external_id": "VARCHAR", "contact_type": "VARCHAR",
    "company": {"name": "VARCHAR"}, "active": "VARCHAR", "created_at": "VARCHAR"
  }') AS d
  FROM src
), known AS (
  SELECT source_record_id, d,
         coalesce(nullif(trim(d.email), ''), d.other_emails[1]) AS email,
         coalesce(nullif(trim(d.mobile), ''), nullif(trim(d.phone), '')) AS phone
  FROM doc
)
SELECT source_record_id,
       'ticket_user' AS record_role,
       d.unique_external_id AS legacy_id,
       CASE WHEN lower(d.name) = lower(email) OR regexp_full_match(d.name, '[+0-9 ().-]+') THEN NULL ELSE d.name END AS full_name,
       d.company.name AS company_name,
       email,
       -- a contact is active who followed the link that Freshdesk mailed to the primary address
       CASE WHEN email = trim(d.email) THEN d.active END AS email_verified,
       phone,
       regexp_replace(trim(d.address), '\s*[\r\n]+\s*', ', ', 'g') AS address_line1,
       d.language AS locale,
       d.created_at AS created_at
FROM known
WHERE coalesce(d.contact_type, 'contact') <> 'visitor' OR coalesce(email, phone) IS NOT NULL
   -- nor does the customer ID that the hub itself wrote there make somebody of a visitor
   OR (d.unique_external_id IS NOT NULL AND NOT regexp_full_match(d.unique_external_id, 'c_[a-z2-7]{26}'))
