-- Of the questions about two customers that were looked at closer (id_doubt, id_worth), the most valuable of each kind.
CREATE OR REPLACE TEMP TABLE id_answerable AS
WITH valued AS (
  -- what contradicts itself in an identifier looks alike by its nature
  SELECT id_doubt.* REPLACE (CASE WHEN identifier IS NULL THEN records_l * records_r * likely ELSE worth END AS worth)
  FROM id_doubt JOIN id_worth USING (question)
), first AS (
  FROM valued QUALIFY row_number() OVER (PARTITION BY kind ORDER BY worth DESC, l, r) <= $most
)
SELECT first.kind, identifier, a.record_key AS record_key_l, b.record_key AS record_key_r, probability AS match_probability, vector, worth,
  records_l, records_r
FROM first JOIN id_record AS a ON a.rid = l JOIN id_record AS b ON b.rid = r
ORDER BY ALL;
