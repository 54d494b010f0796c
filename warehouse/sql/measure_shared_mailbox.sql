-- E-mails that more than one active customer holds. Only one that is told more than once can be.
WITH held AS (SELECT id_value, customer_id FROM golden.customer_identifier
              SEMI JOIN (SELECT customer_id FROM golden.customer WHERE status = 'active') USING (customer_id)
              WHERE id_type = 'email'),
     told AS (SELECT id_value, count(*) AS n FROM held GROUP BY id_value),
     several AS (SELECT id_value, count(DISTINCT customer_id) AS holders, min(customer_id) AS one
                 FROM held SEMI JOIN (SELECT id_value FROM told WHERE n > 1) USING (id_value) GROUP BY id_value)
SELECT (SELECT count(*) FROM told) AS emails, count(*) FILTER (holders > 1) AS shared,
       list(one ORDER BY holders DESC, one) FILTER (holders > 1)[1:20] AS mailbox_own_examples
FROM several
