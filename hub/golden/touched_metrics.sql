-- The customers whose figures must be written anew: those that were made anew, and those that stand elsewhere among the others.
CREATE OR REPLACE TEMP TABLE touched_metric AS
FROM touched_customer
UNION
SELECT m.customer_id FROM golden.customer_metrics AS m LEFT JOIN standing AS s USING (customer_id)
WHERE m.r_score IS DISTINCT FROM s.r_score OR m.f_score IS DISTINCT FROM s.f_score OR m.m_score IS DISTINCT FROM s.m_score
  OR m.cac_base IS DISTINCT FROM s.cac_base;
CREATE OR REPLACE TEMP TABLE touched_figure AS FROM figure SEMI JOIN touched_metric USING (customer_id);
