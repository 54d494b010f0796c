-- Of the ways to part customers (id_cut, id_worth), the most valuable of each customer, and of these the most valuable.
CREATE OR REPLACE TEMP TABLE id_parting AS
WITH valued AS (
  SELECT id_cut.*, records_l, records_r, records_l * records_r * likely AS worth
  FROM id_cut JOIN id_worth USING (question) JOIN id_known_pair USING (question)
), first AS (
  FROM valued QUALIFY row_number() OVER (PARTITION BY cluster ORDER BY worth DESC, "left", "right") = 1
)
SELECT a.record_key AS record_key_l, b.record_key AS record_key_r, probability, vector, worth, records_l, records_r
FROM first JOIN id_inside ON l = "left" AND r = "right" JOIN id_record AS a ON a.rid = l JOIN id_record AS b ON b.rid = r
ORDER BY worth DESC, l, r LIMIT $most;
