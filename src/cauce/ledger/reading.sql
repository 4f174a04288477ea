-- name: account_by_name
SELECT a.id FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id
 WHERE a.org_id = $1 AND p.book = $2 AND p.channel_id = $3 AND p.currency = $4 AND a.code = $5

-- name: account_by_number
SELECT a.id, p.book, p.channel_id, p.currency, a.code, a.owner_id, a.normal_side, a.floor_minor, a.balance_minor, a.held_minor, a.closed_at
  FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id
 WHERE a.org_id = $1 AND a.id = $2

-- name: accounts
SELECT a.id, p.book, p.channel_id, p.currency, a.code, a.owner_id, a.normal_side, a.floor_minor, a.balance_minor, a.held_minor, a.closed_at
  FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id
 WHERE a.org_id = $1 AND a.id > $2
   AND ($4::text IS NULL OR p.book = $4) AND ($5::text IS NULL OR p.channel_id = $5) AND ($6::text IS NULL OR p.currency = $6)
   AND ($7::text IS NULL OR a.owner_id = $7) AND ($8::text IS NULL OR a.code ^@ $8)
 ORDER BY a.id LIMIT $3

-- name: balances
SELECT p.book, p.channel_id, p.currency, a.code, a.normal_side, a.balance_minor, a.held_minor, a.floor_minor
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) w(book, channel_id, currency, code)
  JOIN ledger.pool p ON p.org_id = $1 AND p.book = w.book AND p.channel_id = w.channel_id AND p.currency = w.currency
  JOIN ledger.account a ON a.org_id = $1 AND a.pool_id = p.id AND a.code = w.code

-- name: balance_effective
SELECT coalesce(sum(e.amount_minor), 0)
  FROM ledger.entry e JOIN ledger.journal j ON j.org_id = $1 AND j.id = e.journal_id
 WHERE e.org_id = $1 AND e.account_id = $2 AND j.effective_at <= $3

-- name: balance_recorded
SELECT ledger.balance_recorded($1, $2, $3)

-- name: gained_since
-- What came onto accounts since an instant and stayed, by what it came for, and the first of it. Entries are in the order of
-- recording: those more than a day before the instant are not looked at.
SELECT w.place, sum(g.minor)::bigint AS gained_minor, min(g.first_at) AS first_at
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[]) WITH ORDINALITY w(book, channel_id, currency, code, since, place)
  JOIN ledger.pool p ON p.org_id = $1 AND p.book = w.book AND p.channel_id = w.channel_id AND p.currency = w.currency
  JOIN ledger.account a ON a.org_id = $1 AND a.pool_id = p.id AND a.code = w.code
  LEFT JOIN LATERAL (
    SELECT e.journal_id FROM ledger.entry e JOIN ledger.journal j ON j.org_id = $1 AND j.id = e.journal_id
     WHERE e.org_id = $1 AND e.account_id = a.id AND j.effective_at < w.since - interval '1 day'
     ORDER BY e.journal_id DESC LIMIT 1) before ON true
  JOIN LATERAL (
    SELECT sum(e.amount_minor) * a.normal_side AS minor, min(j.effective_at) AS first_at
      FROM ledger.entry e JOIN ledger.journal j ON j.org_id = $1 AND j.id = e.journal_id
     WHERE e.org_id = $1 AND e.account_id = a.id AND e.journal_id > coalesce(before.journal_id, 0)
       AND j.effective_at >= w.since AND j.recipe <> ALL ($7::text[])
     GROUP BY j.reference HAVING sum(e.amount_minor) * a.normal_side > 0) g ON true
 GROUP BY w.place

-- name: statement
SELECT e.journal_id, e.leg, e.amount_minor, e.balance_after, j.key, j.recipe, j.reference, j.evidence, j.reverses, j.effective_at, j.recorded_at
  FROM ledger.entry e JOIN ledger.journal j ON j.org_id = $1 AND j.id = e.journal_id
 WHERE e.org_id = $1 AND e.account_id = $2 AND e.journal_id > $3
 ORDER BY e.journal_id LIMIT $4

-- name: journal
SELECT id, key, recipe, reference, evidence, reverses, effective_at, recorded_at FROM ledger.journal WHERE org_id = $1 AND id = $2

-- name: journals_of
SELECT id, key, recipe, reference, evidence, reverses, effective_at, recorded_at FROM ledger.journal
 WHERE org_id = $1 AND reference = $2 AND id > $3 ORDER BY id LIMIT $4

-- name: legs
SELECT e.journal_id, e.account_id, p.book, p.channel_id, p.currency, a.code, e.amount_minor, e.balance_after
  FROM ledger.entry e
  JOIN ledger.account a ON a.org_id = $1 AND a.id = e.account_id
  JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id
 WHERE e.org_id = $1 AND e.journal_id = ANY ($2::bigint[]) ORDER BY e.journal_id, e.leg

-- name: trial_balance
SELECT p.book, p.channel_id, p.currency, sum(a.balance_minor) AS balance_minor,
       sum(greatest(a.balance_minor, 0)) AS debit_minor, sum(greatest(-a.balance_minor, 0)) AS credit_minor
  FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id
 WHERE a.org_id = $1 GROUP BY p.book, p.channel_id, p.currency ORDER BY 1, 2, 3

-- name: trial_balance_effective
SELECT p.book, p.channel_id, p.currency, sum(x.balance_minor) AS balance_minor,
       sum(greatest(x.balance_minor, 0)) AS debit_minor, sum(greatest(-x.balance_minor, 0)) AS credit_minor
  FROM (SELECT e.account_id, sum(e.amount_minor) AS balance_minor
          FROM ledger.entry e JOIN ledger.journal j ON j.org_id = $1 AND j.id = e.journal_id
         WHERE e.org_id = $1 AND j.effective_at <= $2 GROUP BY e.account_id) x
  JOIN ledger.account a ON a.org_id = $1 AND a.id = x.account_id
  JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id
 GROUP BY p.book, p.channel_id, p.currency ORDER BY 1, 2, 3

-- name: holds
SELECT h.id, h.key, h.account_id, h.owner, h.reference, h.amount_minor, h.remaining_minor, h.state, h.due_at, h.created_at,
       p.book, p.channel_id, p.currency, a.code
  FROM ledger.hold h
  JOIN ledger.account a ON a.org_id = $1 AND a.id = h.account_id
  JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id
 WHERE h.org_id = $1 AND h.id > $2 AND h.id > 0 AND ($4::bigint IS NULL OR h.account_id = $4) AND ($5::text IS NULL OR h.state = $5)
 ORDER BY h.id LIMIT $3

-- name: hold_by_key
SELECT h.id, h.key, h.account_id, h.owner, h.reference, h.amount_minor, h.remaining_minor, h.state, h.due_at, h.created_at,
       p.book, p.channel_id, p.currency, a.code
  FROM ledger.hold h
  JOIN ledger.account a ON a.org_id = $1 AND a.id = h.account_id
  JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id
 WHERE h.org_id = $1 AND h.key = $2

-- name: export
SELECT j.id AS journal_id, e.leg, j.key, j.recipe, j.reference, j.evidence, j.reverses, j.effective_at, j.recorded_at,
       p.book, p.channel_id, p.currency, a.code AS account, e.amount_minor, e.balance_after
  FROM (SELECT * FROM ledger.journal WHERE org_id = $1 AND id > $2 ORDER BY id LIMIT $3) j
  JOIN ledger.entry e ON e.org_id = $1 AND e.journal_id = j.id
  JOIN ledger.account a ON a.org_id = $1 AND a.id = e.account_id
  JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id
 ORDER BY j.id, e.leg
