-- E-mails that more than one active customer holds.
WITH held AS (
  SELECT i.id_value, count(DISTINCT i.customer_id) AS holders, min(i.customer_id) AS one
  FROM golden.customer_identifier i JOIN golden.customer c USING (customer_id)
  WHERE i.id_type = 'email' AND c.status = 'active' GROUP BY i.id_value
)
SELECT count(*) AS emails, count(*) FILTER (holders > 1) AS shared,
       list(one ORDER BY holders DESC, one) FILTER (holders > 1)[1:20] AS mailbox_own_examples
FROM held
