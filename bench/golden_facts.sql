-- Facts of the golden bench, one SELECT per stream, every column as a file would have it. `party(source, place, id)` holds the people
-- of each source; `day(i)`, rows to make: `i` their number, `again` whether they come a second time, changed, and `told_at` when they did.
-- Everything of a row follows from its number, so that a second look at it tells the same but for what changed.

-- macros
CREATE OR REPLACE TEMP MACRO chance(i, salt) AS (hash(i, salt) % 1000003) / 1000003.0;
CREATE OR REPLACE TEMP MACRO pick(i, salt, n) AS (hash(i, salt) % n)::BIGINT;
CREATE OR REPLACE TEMP MACRO then_(i, salt, told_at, fresh) AS
  CASE WHEN fresh THEN told_at ELSE TIMESTAMP '2024-11-01' + to_seconds((chance(i, salt) * 750 * 86400)::BIGINT) END;
CREATE OR REPLACE TEMP MACRO money(i, salt) AS (5 + 40 * exp(1.1 * sqrt(-2 * ln(greatest(chance(i, salt), 0.000001))))
  * (0.3 + chance(i, salt || '2')))::DECIMAL(12, 2);
-- one row of two thousand bears a currency that is none, and another an amount that is none
CREATE OR REPLACE TEMP MACRO coin(i, salt) AS CASE WHEN pick(i, 'no coin', 2000) = 0 THEN 'EURO'
  WHEN chance(i, salt) < 0.60 THEN 'EUR' WHEN chance(i, salt) < 0.80 THEN 'GBP' WHEN chance(i, salt) < 0.94 THEN 'USD'
  WHEN chance(i, salt) < 0.98 THEN 'CHF' ELSE 'SEK' END;
CREATE OR REPLACE TEMP MACRO written(i, amount) AS CASE WHEN pick(i, 'no sum', 2000) = 1 THEN 'n/a' ELSE amount::VARCHAR END;
-- some customers come often, most seldom
CREATE OR REPLACE TEMP MACRO place_of(i, salt, people) AS floor(chance(i, salt) * chance(i, salt || 'b') * people)::BIGINT;

-- orders
SELECT i::VARCHAR AS id, p.id AS contact_id, 'N' || i AS number, then_(i, 'order', told_at, fresh) AS ordered_at,
  CASE WHEN again THEN 'partially_refunded' WHEN chance(i, 'status') < 0.9 THEN 'paid' WHEN chance(i, 'status') < 0.95 THEN 'open'
       ELSE 'cancelled' END AS status,
  coin(i, 'order') AS currency, written(i, money(i, 'order')) AS total, (money(i, 'order') * 0.16)::DECIMAL(12, 2) AS tax,
  CASE WHEN chance(i, 'rebate') < 0.2 THEN (money(i, 'order') * 0.1)::DECIMAL(12, 2) END AS discount,
  CASE WHEN again OR chance(i, 'back') < 0.04 THEN (money(i, 'order') / 2)::DECIMAL(12, 2) END AS refunded,
  CASE WHEN chance(i, 'visit') < 0.35 THEN 'https://shop.example/p/' || i % 900 || '?utm_source=' ||
    ['google', 'facebook', 'newsletter', 'partner'][1 + pick(i, 'utm', 4)] || '&utm_medium=' ||
    ['cpc', 'paid_social', 'email', 'affiliate'][1 + pick(i, 'utm', 4)] || '&utm_campaign=Campaign+' || i % 400
    WHEN chance(i, 'visit') < 0.45 THEN 'https://shop.example/?gclid=click' || i % 5000 WHEN chance(i, 'visit') < 0.7 THEN 'https://shop.example/'
    END AS landing,
  CASE WHEN chance(i, 'visit') BETWEEN 0.5 AND 0.7 THEN 'https://www.google.com/' END AS referrer,
  pick(i, 'test', 500) = 0 AS test, told_at AS updated_at
FROM day LEFT JOIN party p ON p.source = 'shop' AND chance(i, 'guest') > 0.04 AND p.place = place_of(i, 'who', $people_shop)

-- lines
SELECT i::VARCHAR AS id, (i * 2 // 3)::VARCHAR AS order_id, 'SKU' || pick(i, 'sku', 4000) AS sku, 'Product ' || pick(i, 'sku', 4000) AS product,
  1 + pick(i, 'pieces', 3) AS quantity, coin(i * 2 // 3, 'order') AS currency, money(i, 'line') AS price,
  written(i, money(i, 'line') * (1 + pick(i, 'pieces', 3)) - CASE WHEN again THEN 1 ELSE 0 END) AS net, told_at AS updated_at
FROM day

-- refunds
SELECT i::VARCHAR AS id, pick(i, 'of', $orders) AS order_id, then_(i, 'refund', told_at, fresh) AS refunded_at,
  CASE WHEN again THEN 'failed' ELSE 'succeeded' END AS status, coin(pick(i, 'of', $orders), 'order') AS currency,
  written(i, money(i, 'refund')) AS amount, told_at AS updated_at
FROM day

-- invoices
SELECT i::VARCHAR AS id, p.id AS contact_id, 'R' || i AS number, then_(i, 'invoice', told_at, fresh) AS issued_at,
  then_(i, 'invoice', told_at, fresh) + INTERVAL 30 DAY AS due_at,
  CASE WHEN again OR chance(i, 'paid') < 0.85 THEN 'paid' WHEN chance(i, 'paid') < 0.95 THEN 'open' ELSE 'draft' END AS status,
  coin(i, 'invoice') AS currency, written(i, money(i, 'invoice')) AS total,
  CASE WHEN again OR chance(i, 'paid') < 0.85 THEN money(i, 'invoice') ELSE 0 END AS paid,
  CASE WHEN again OR chance(i, 'paid') < 0.85 THEN 0 ELSE money(i, 'invoice') END AS due, told_at AS updated_at
FROM day LEFT JOIN party p ON p.source = 'invoicing' AND p.place = place_of(i, 'who', $people_invoicing)

-- payments
SELECT i::VARCHAR AS id, p.id AS contact_id, i::VARCHAR AS invoice_id, then_(i, 'invoice', told_at, fresh) + INTERVAL 3 DAY AS paid_at,
  CASE WHEN again THEN 'failed' WHEN chance(i, 'went') < 0.97 THEN 'succeeded' ELSE 'pending' END AS status,
  coin(i, 'invoice') AS currency, written(i, money(i, 'invoice')) AS amount, ['card', 'sepa', 'transfer'][1 + i % 3] AS method,
  told_at AS updated_at
FROM day LEFT JOIN party p ON p.source = 'invoicing' AND p.place = place_of(i, 'who', $people_invoicing)

-- tickets
SELECT i::VARCHAR AS id, p.id AS contact_id, 'Question ' || i AS subject, ['email', 'chat', 'phone'][1 + i % 3] AS channel,
  CASE WHEN again OR chance(i, 'done') < 0.93 THEN 'solved' ELSE 'open' END AS status, then_(i, 'ticket', told_at, fresh) AS opened_at,
  CASE WHEN again OR chance(i, 'done') < 0.93 THEN then_(i, 'ticket', told_at, fresh) + INTERVAL 2 DAY END AS solved_at,
  CASE WHEN chance(i, 'rated') < 0.2 THEN ['good', 'neutral', 'bad'][1 + pick(i, 'rated', 3)] END AS rating, told_at AS updated_at
FROM day LEFT JOIN party p ON p.source = 'tickets' AND p.place = place_of(i, 'who', $people_tickets)

-- leads
SELECT i::VARCHAR AS id, p.id AS contact_id, (i % 200)::VARCHAR AS campaign, (i % 600)::VARCHAR AS ad_group, (i % 2000)::VARCHAR AS ad,
  'gclid' AS click_type, 'click' || i % 5000 AS click, 'form' || i % 20 AS form, then_(i, 'lead', told_at, fresh) AS submitted_at,
  CASE WHEN again THEN 'call' ELSE 'form' END AS came_by, told_at AS updated_at
FROM day LEFT JOIN party p ON p.source = $source AND p.place = i % $people_here

-- campaigns
SELECT i::VARCHAR AS id, 'Campaign ' || i || CASE WHEN again THEN ' new' ELSE '' END AS name, 'running' AS status,
  'EUR' AS currency, told_at AS updated_at
FROM day

-- ad_groups
SELECT i::VARCHAR AS id, (i % 200)::VARCHAR AS campaign, 'Group ' || i AS name, CASE WHEN again THEN 'paused' ELSE 'running' END AS status,
  told_at AS updated_at
FROM day

-- ads
SELECT i::VARCHAR AS id, (i % 200)::VARCHAR AS campaign, (i % 600)::VARCHAR AS ad_group, 'Ad ' || i AS name,
  CASE WHEN again THEN 'paused' ELSE 'running' END AS status, told_at AS updated_at
FROM day

-- spend
SELECT i::VARCHAR AS id, (i % 200)::VARCHAR AS campaign, (i % 600)::VARCHAR AS ad_group, (i % 2000)::VARCHAR AS ad,
  DATE '2026-11-25' - (i // 2000)::INTEGER AS day, 'EUR' AS currency,
  written(i, money(i, 'spend') + CASE WHEN again THEN 0.5 ELSE 0 END) AS cost, pick(i, 'seen', 9000) AS impressions,
  pick(i, 'clicked', 200) AS clicks, told_at AS updated_at
FROM day
