-- name: put_rates
-- What stands already is left as it is; the answer names the rows that stand now with another rate.
WITH given AS (
  SELECT * FROM unnest($3::text[], $4::date[], $5::numeric[], $6::text[]) AS g(currency, valid_on, rate, source)
), put AS (
  INSERT INTO ledger.book_rate (org_id, base, currency, valid_on, rate, source, recorded_by)
  SELECT $1, $2, currency, valid_on, rate, source, $7 FROM given ORDER BY currency, valid_on
  ON CONFLICT DO NOTHING RETURNING currency, valid_on
)
SELECT g.currency, g.valid_on, r.rate FROM given g
  JOIN ledger.book_rate r ON r.org_id = $1 AND r.base = $2 AND r.currency = g.currency AND r.valid_on = g.valid_on AND r.rate <> g.rate
 ORDER BY g.currency, g.valid_on

-- name: rates_on
-- The newest rate of each currency that is valid on its day and at most $5 days old.
SELECT w.currency, w.day, r.rate
  FROM unnest($3::text[], $4::date[]) AS w(currency, day)
 CROSS JOIN LATERAL (
   SELECT b.rate FROM ledger.book_rate b
    WHERE b.org_id = $1 AND b.base = $2 AND b.currency = w.currency AND b.valid_on <= w.day AND b.valid_on >= w.day - $5::int
    ORDER BY b.valid_on DESC LIMIT 1) r

-- name: rates
SELECT base, currency, valid_on, rate, source, recorded_by, recorded_at FROM ledger.book_rate
 WHERE org_id = $1 AND ($2::text = '' OR currency = $2) AND (valid_on, currency) < ($3::date, $4::text) ORDER BY valid_on DESC, currency DESC LIMIT $5

-- name: clearing_before
-- What fx_clearing holds per currency of what took effect before $2.
SELECT p.currency, sum(e.amount_minor)::bigint AS balance_minor
  FROM ledger.account a
  JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id AND p.book = 'platform'
  JOIN ledger.entry e ON e.org_id = $1 AND e.account_id = a.id
  JOIN ledger.journal j ON j.org_id = $1 AND j.id = e.journal_id AND j.effective_at < $2
 WHERE a.org_id = $1 AND a.code = 'fx_clearing'
 GROUP BY p.currency HAVING sum(e.amount_minor) <> 0 ORDER BY p.currency

-- name: valued_so_far
SELECT count(*) FROM ledger.journal WHERE org_id = $1 AND reference = $2 AND recipe = 'B18'
