-- Which touch an order is credited to, by each model. The weights of an order add up to one, its shares to its net amount, exactly:
-- a share is the difference of two rounded running sums.
CREATE OR REPLACE VIEW golden.attribution AS
WITH path AS (
  SELECT t.touchpoint_key, t.customer_id, t.platform, t.campaign_key, t.channel_group, t.path_position, t.path_length,
         t.is_last_non_direct, o.order_key, o.ordered_at, o.net_amount_base, coalesce(o.customer_order_seq = 1, false) AS is_acquisition
  FROM golden.touchpoint t JOIN golden.customer_order o ON o.order_key = t.path_order_key
  WHERE t.path_position IS NOT NULL
)
SELECT order_key, 'first_touch' AS model, touchpoint_key, customer_id, ordered_at, platform, campaign_key, channel_group,
       CAST(1 AS DECIMAL(9,8)) AS weight, net_amount_base AS attributed_net_base, is_acquisition
FROM path WHERE path_position = 1
UNION ALL
SELECT order_key, 'last_non_direct', touchpoint_key, customer_id, ordered_at, platform, campaign_key, channel_group,
       CAST(1 AS DECIMAL(9,8)), net_amount_base, is_acquisition
FROM path WHERE is_last_non_direct
UNION ALL
SELECT order_key, 'linear', touchpoint_key, customer_id, ordered_at, platform, campaign_key, channel_group,
       CAST(round(CAST(path_position AS DOUBLE) / path_length, 8) AS DECIMAL(9,8))
         - CAST(round(CAST(path_position - 1 AS DOUBLE) / path_length, 8) AS DECIMAL(9,8)),
       CASE WHEN path_position = path_length THEN net_amount_base
            ELSE CAST(round(CAST(net_amount_base AS DOUBLE) * path_position / path_length, 4) AS DECIMAL(18,4)) END
         - CAST(round(CAST(net_amount_base AS DOUBLE) * (path_position - 1) / path_length, 4) AS DECIMAL(18,4)),
       is_acquisition
FROM path
