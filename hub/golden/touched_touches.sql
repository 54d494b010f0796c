-- Which touches must be made anew: all of the customers of whom an order or a lead changed, or is traced to another campaign now.
-- campaign_named_before is campaign_named as it was.
CREATE OR REPLACE TEMP TABLE retraced AS
SELECT DISTINCT level, value
FROM ((FROM campaign_named_before EXCEPT FROM campaign_named) UNION ALL (FROM campaign_named EXCEPT FROM campaign_named_before));

-- how links write the campaigns that are other ones now
CREATE OR REPLACE TEMP TABLE retraced_link AS
SELECT utm_source, utm_medium, utm_campaign
FROM (SELECT DISTINCT utm_source, utm_medium, utm_campaign FROM golden.customer_order WHERE utm_campaign IS NOT NULL)
WHERE (SELECT count(*) FROM retraced) > 0
  AND (utm_campaign IN (SELECT value FROM retraced WHERE level = 'campaign_id')
       OR name_key(utm_campaign) IN (SELECT value FROM retraced WHERE level = 'campaign_name')
       OR utm_key(utm_source, utm_medium, utm_campaign) IN (SELECT value FROM retraced WHERE level = 'utm_url'));

CREATE OR REPLACE TEMP TABLE touched_ref AS
SELECT 'customer_order' AS ref_table, order_key AS ref_key, customer_id FROM old_customer_order
UNION SELECT 'customer_order', order_key, customer_id FROM new_customer_order
UNION SELECT 'lead', lead_key, customer_id FROM old_lead
UNION SELECT 'lead', lead_key, customer_id FROM new_lead
UNION
SELECT 'customer_order', order_key, customer_id FROM golden.customer_order AS o
SEMI JOIN retraced_link AS l ON l.utm_campaign = o.utm_campaign AND l.utm_source IS NOT DISTINCT FROM o.utm_source
  AND l.utm_medium IS NOT DISTINCT FROM o.utm_medium
UNION
SELECT 'customer_order', order_key, customer_id FROM golden.customer_order
SEMI JOIN (FROM retraced WHERE level = 'click') ON value = click_id
UNION
SELECT 'lead', lead_key, customer_id FROM golden.lead SEMI JOIN (FROM retraced WHERE level = 'click') ON value = click_id
UNION
SELECT 'customer_order', order_key, customer_id FROM golden.customer_order
WHERE landing_url IS NOT NULL AND EXISTS (FROM retraced WHERE level = 'campaign_id' AND contains(landing_url, value))
UNION
SELECT ref_table, ref_key, customer_id FROM golden.touchpoint
SEMI JOIN (SELECT campaign_key FROM old_ad_campaign UNION ALL SELECT campaign_key FROM new_ad_campaign) USING (campaign_key);

CREATE OR REPLACE TEMP TABLE touching AS SELECT DISTINCT customer_id FROM touched_ref WHERE customer_id IS NOT NULL;

CREATE OR REPLACE TEMP TABLE touched_touchpoint AS
SELECT touchpoint_key FROM golden.touchpoint SEMI JOIN touching USING (customer_id)
UNION
SELECT touchpoint_key FROM golden.touchpoint SEMI JOIN touched_ref USING (ref_table, ref_key);

CREATE OR REPLACE TEMP TABLE touching_customer_order AS
FROM golden.customer_order SEMI JOIN touching USING (customer_id)
UNION ALL
FROM (FROM golden.customer_order WHERE customer_id IS NULL) AS o
SEMI JOIN (FROM touched_ref WHERE ref_table = 'customer_order') AS r ON r.ref_key = o.order_key;
CREATE OR REPLACE TEMP TABLE touching_lead AS
FROM golden.lead SEMI JOIN touching USING (customer_id)
UNION ALL
FROM (FROM golden.lead WHERE customer_id IS NULL) AS o SEMI JOIN (FROM touched_ref WHERE ref_table = 'lead') AS r ON r.ref_key = o.lead_key;
