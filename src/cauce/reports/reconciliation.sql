-- name: widen_memory
-- A million of things to compare fit into memory; what does not is hashed in parts on disk.
SELECT set_config('work_mem', '192MB', true)

-- part: clearing
SELECT a.id, p.currency FROM ledger.pool p JOIN ledger.account a ON a.org_id = p.org_id AND a.pool_id = p.id
   WHERE p.org_id = $1 AND p.book = 'platform' AND a.code = 'psp_clearing:' || $2

-- name: compare
-- Journals behind number $3, up to $4, dated before $7, of one holder (in its custody, or for subscriptions) against the lines of new statements, by kind and our key: both
-- sides are added up in one pass. One row comes back: how many things each side named, and those that differ. Amounts
-- are magnitudes: signs follow the kind.
WITH custody AS MATERIALIZED (
  SELECT a.id, a.code = 'fee' AS is_fee FROM ledger.pool p JOIN ledger.account a ON a.org_id = p.org_id AND a.pool_id = p.id
   WHERE p.org_id = $1 AND p.book = 'custody' AND p.channel_id = $2
), clearing AS MATERIALIZED ({clearing}), side AS (
  SELECT CASE WHEN j.key LIKE 'T11:dispute:%' OR j.key LIKE 'T11:late:dispute:%' OR j.key LIKE 'T03:dispute:%' OR j.key LIKE 'T03:late:dispute:%' THEN 'dispute'
              ELSE CASE j.recipe WHEN 'T01' THEN 'collection' WHEN 'T02' THEN 'collection' WHEN 'T03' THEN 'fee' WHEN 'T06' THEN 'split'
                       WHEN 'T09' THEN 'split_reversal' WHEN 'T11' THEN 'refund' WHEN 'T12' THEN 'payout' WHEN 'T13' THEN 'payout_return' WHEN 'T15' THEN 'subsidy'
                       ELSE CASE WHEN j.key LIKE 'T14:swp_%' OR j.key LIKE 'T14:back:swp_%' THEN 'own_payout' WHEN substr(j.key, 5, 5) = 'back:' THEN 'split_reversal' ELSE 'split' END END END AS kind,
         CASE WHEN j.key LIKE 'T__:dispute:%' THEN substr(j.key, 13) WHEN j.key LIKE 'T__:late:dispute:%' THEN substr(j.key, 18) WHEN substr(j.key, 5, 5) IN ('paid:', 'back:', 'late:') THEN substr(j.key, 10) ELSE substr(j.key, 5) END AS key,
         greatest(e.amount_minor, 0) * CASE WHEN j.key LIKE 'T11:late:%' OR j.key LIKE 'T03:late:%' OR j.key LIKE 'T14:back:swp_%' THEN -1 ELSE 1 END - CASE WHEN c.is_fee AND j.recipe IN ('T06', 'T09') THEN abs(e.amount_minor) ELSE 0 END AS ours,
         NULL::bigint AS theirs
    FROM ledger.journal j JOIN ledger.entry e ON e.org_id = $1 AND e.journal_id = j.id JOIN custody c ON c.id = e.account_id
   WHERE j.org_id = $1 AND j.id > $3 AND j.id <= $4 AND j.books >= 2
     AND j.recipe IN ('T01', 'T02', 'T03', 'T06', 'T09', 'T11', 'T12', 'T13', 'T14', 'T15') AND (j.recipe <> 'T15' OR j.key LIKE 'T15:osb_%')
     AND (j.recipe <> 'T03' OR (j.key NOT LIKE 'T03:back:%' AND j.key NOT LIKE 'T03:correction:%')) AND (j.recipe <> 'T11' OR j.key NOT LIKE 'T11:failed:%')
     AND (j.recipe <> 'T12' OR j.key LIKE 'T12:paid:%') AND (j.recipe <> 'T13' OR j.key NOT LIKE 'T13:line:%')
     AND (j.recipe <> 'T14' OR j.key LIKE 'T14:spl_%' OR j.key LIKE 'T14:swp_%' OR j.key LIKE 'T14:back:rev_%' OR j.key LIKE 'T14:back:swp_%')
     AND (j.recipe <> 'T06' OR j.key NOT LIKE 'T06:fee:%') AND j.effective_at < $7
  UNION ALL
  SELECT CASE WHEN j.key LIKE 'payment_fee:dispute:%' THEN 'dispute'
              ELSE CASE j.recipe WHEN 'B02' THEN 'collection' WHEN 'B03' THEN 'fee' WHEN 'B09' THEN 'dispute' WHEN 'B10' THEN 'dispute'
                                 WHEN 'B19' THEN 'own_payout' WHEN 'B21' THEN 'own_payout' ELSE 'refund' END END,
         CASE WHEN j.key LIKE 'payment_fee:dispute:%' THEN 'ref:' || split_part(j.reference, ':', 2)
              WHEN j.recipe IN ('B02', 'B03') THEN coalesce(nullif(p.instruction_key, ''), 'ref:' || p.reference)
              WHEN j.recipe IN ('B05', 'B15') THEN j.reference ELSE 'ref:' || j.reference END,
         CASE j.recipe WHEN 'B02' THEN e.amount_minor ELSE - e.amount_minor END, NULL
    FROM ledger.journal j JOIN ledger.entry e ON e.org_id = $1 AND e.journal_id = j.id JOIN clearing c ON c.id = e.account_id
    LEFT JOIN payments.payment p ON p.org_id = $1 AND p.id = CASE j.recipe WHEN 'B02' THEN substr(j.key, 9) WHEN 'B03' THEN j.reference END
   WHERE EXISTS (SELECT FROM clearing) AND j.org_id = $1 AND j.id > $3 AND j.id <= $4
     AND j.recipe IN ('B02', 'B03', 'B05', 'B09', 'B10', 'B15', 'B19', 'B21') AND j.effective_at < $7
  UNION ALL
  SELECT CASE l.kind WHEN 'release' THEN 'split' ELSE l.kind END, l.key, NULL, l.amount_minor - CASE l.kind WHEN 'dispute' THEN l.fee_minor ELSE 0 END
    FROM reconciliation.line l WHERE l.org_id = $1 AND l.statement_id = ANY ($5::bigint[])
     AND l.kind IN ('own_payout', 'subsidy', 'dispute', 'collection', 'refund', 'split', 'release', 'split_reversal', 'payout', 'payout_return', 'fee', 'other') AND l.status = 'booked'
     AND NOT (l.kind IN ('release', 'payout', 'payout_return') AND l.key LIKE 'line:%')
  UNION ALL
  SELECT 'fee', l.key, NULL, l.fee_minor
    FROM reconciliation.line l WHERE l.org_id = $1 AND l.statement_id = ANY ($5::bigint[]) AND l.kind = 'collection' AND l.fee_minor <> 0
     AND l.status = 'booked'
), compared AS (
  SELECT kind, key, sum(ours) AS ours, abs(sum(theirs)) AS theirs FROM side WHERE kind = ANY ($6::text[]) GROUP BY kind, key
)
SELECT count(ours) AS ours, count(theirs) AS theirs,
       array_agg(kind) FILTER (WHERE ours IS DISTINCT FROM theirs AND NOT (ours = 0 AND theirs IS NULL)) AS kinds,
       array_agg(key) FILTER (WHERE ours IS DISTINCT FROM theirs AND NOT (ours = 0 AND theirs IS NULL)) AS keys
  FROM compared

-- name: first_behind
-- The first journal behind number $2, up to $3, that is dated $4 or later.
SELECT min(id) FROM ledger.journal WHERE org_id = $1 AND id > $2 AND id <= $3 AND effective_at >= $4
   AND (books >= 2 OR recipe IN ('B02', 'B03', 'B05', 'B09', 'B10', 'B15', 'B19', 'B21'))

-- name: ours_by_key
-- What our books say of certain things, whenever it was posted.
WITH custody AS (
  SELECT a.id, a.code = 'fee' AS is_fee, p.currency FROM ledger.pool p JOIN ledger.account a ON a.org_id = p.org_id AND a.pool_id = p.id
   WHERE p.org_id = $1 AND p.book = 'custody' AND p.channel_id = $2
)
SELECT w.kind, w.key, min(j.effective_at) AS at, min(j.reference) AS reference, min(c.currency) AS currency,
       (coalesce(sum(CASE WHEN j.key LIKE 'T11:late:%' OR j.key LIKE 'T03:late:%' OR j.key LIKE 'T14:back:swp_%' THEN -1 ELSE 1 END * e.amount_minor) FILTER (WHERE e.amount_minor > 0), 0)
         - coalesce(sum(abs(e.amount_minor)) FILTER (WHERE c.is_fee AND j.recipe IN ('T06', 'T09')), 0))::bigint AS amount
  FROM unnest($3::text[], $4::text[], $5::text[]) w(kind, key, journal_key)
  JOIN ledger.journal j ON j.org_id = $1 AND j.key = w.journal_key
  JOIN ledger.entry e ON e.org_id = $1 AND e.journal_id = j.id
  JOIN custody c ON c.id = e.account_id
 GROUP BY w.kind, w.key

-- name: ours_of_billing
-- The same of money for subscriptions, which the platform's own book holds.
WITH clearing AS ({clearing}), wanted AS (
  SELECT * FROM unnest($3::text[], $4::text[]) w(kind, key)
), paid AS (
  SELECT w.kind, w.key, p.id FROM wanted w JOIN channels.instruction i ON i.org_id = $1 AND i.key = w.key
    JOIN payments.payment p ON p.org_id = $1 AND p.attempt_id = i.object_id WHERE w.kind IN ('collection', 'fee')
   UNION
  SELECT w.kind, w.key, p.id FROM wanted w JOIN payments.payment p ON p.org_id = $1 AND p.channel_id = $2 AND p.reference = substr(w.key, 5)
   WHERE w.kind IN ('collection', 'fee') AND w.key LIKE 'ref:%'
), named AS (
  SELECT kind, key, CASE kind WHEN 'fee' THEN 'payment_fee:' ELSE 'payment:' END || id AS journal FROM paid
   UNION ALL
  SELECT w.kind, w.key, j.journal FROM wanted w CROSS JOIN LATERAL unnest(CASE w.kind
    WHEN 'refund' THEN ARRAY['refund:' || w.key, 'refund_returned:' || w.key]
    WHEN 'dispute' THEN ARRAY['dispute:' || substr(w.key, 5) || ':B09', 'dispute:' || substr(w.key, 5) || ':B10',
                              'payment_fee:dispute:' || substr(w.key, 5) || ':B09', 'payment_fee:dispute:' || substr(w.key, 5) || ':B10']
    WHEN 'own_payout' THEN ARRAY['own_payout:' || $2 || ':' || substr(w.key, 5), 'own_payout_back:' || $2 || ':' || substr(w.key, 5)]
    END) j(journal)
)
SELECT n.kind, n.key, min(j.effective_at) AS at, min(j.reference) AS reference, min(c.currency) AS currency,
       sum(CASE n.kind WHEN 'collection' THEN e.amount_minor ELSE - e.amount_minor END)::bigint AS amount
  FROM named n JOIN ledger.journal j ON j.org_id = $1 AND j.key = n.journal
  JOIN ledger.entry e ON e.org_id = $1 AND e.journal_id = j.id JOIN clearing c ON c.id = e.account_id
 GROUP BY n.kind, n.key

-- name: theirs_by_key
-- What all statements of a holder say of certain things: by the index of lines that have a key, whatever else there is.
SELECT w.kind, w.key, min(l.currency) AS currency,
       abs(sum(CASE w.kind WHEN 'dispute' THEN l.amount_minor - l.fee_minor WHEN 'fee' THEN CASE l.kind WHEN 'fee' THEN l.amount_minor ELSE l.fee_minor END ELSE l.amount_minor END)
             FILTER (WHERE l.status = 'booked'))::bigint AS amount,
       count(*) FILTER (WHERE l.status = 'booked')
         - count(DISTINCT (l.kind, l.account_ref, l.amount_minor)) FILTER (WHERE l.status = 'booked') AS doubled,
       coalesce(min(l.status) FILTER (WHERE l.status <> 'booked' AND NOT EXISTS (
         SELECT FROM reconciliation.line n WHERE n.org_id = $1 AND n.key = l.key AND n.key <> '' AND n.kind = l.kind AND n.account_ref = l.account_ref
            AND n.status = 'booked' AND n.occurred_at > l.occurred_at)), 'booked') AS status,
       sum(l.amount_minor) < 0 AS is_debit, min(l.occurred_at) AS at, min(l.account_ref) AS account_ref
  FROM unnest($3::text[], $4::text[]) w(kind, key)
 CROSS JOIN LATERAL (SELECT * FROM reconciliation.line l WHERE l.org_id = $1 AND l.key = w.key AND l.key <> '' OFFSET 0) l
  JOIN reconciliation.statement s ON s.org_id = l.org_id AND s.id = l.statement_id AND s.channel_id = $2
 WHERE (l.kind = w.kind OR (w.kind = 'split' AND l.kind = 'release') OR (w.kind = 'fee' AND l.kind = 'collection' AND l.fee_minor <> 0))
 GROUP BY w.kind, w.key

-- name: unbooked
-- What new statements say is not booked (yet, or not at all).
SELECT DISTINCT CASE l.kind WHEN 'release' THEN 'split' ELSE l.kind END AS kind, l.key FROM reconciliation.line l
 WHERE l.org_id = $1 AND l.statement_id = ANY ($2::bigint[]) AND l.status <> 'booked' AND l.kind = ANY ($3::text[]) AND l.key <> ''

-- name: instructions_named
-- What became of instructions, by our key and by the provider's number.
SELECT i.key, i.ref, i.operation, i.state FROM channels.instruction i
 WHERE i.org_id = $1 AND i.channel_id = $2 AND i.key = ANY ($3::text[])
UNION
SELECT i.key, i.ref, i.operation, i.state FROM channels.instruction i
 WHERE i.org_id = $1 AND i.channel_id = $2 AND i.ref = ANY ($3::text[]) AND i.ref <> ''

-- name: orders_mismatched
-- Orders whose payers paid something else than the lines say.
SELECT id, external_id, currency, total_minor, collected_minor FROM orders.purchase
 WHERE org_id = $1 AND channel_id = $2 AND paid_at >= $3 AND paid_at < $4 AND collected_minor <> total_minor ORDER BY paid_at, id

-- name: collections_by_ref
SELECT ref, id FROM orders.collection WHERE org_id = $1 AND channel_id = $2 AND ref = ANY ($3::text[]) AND ref <> ''

-- name: instructions_by_ref
SELECT ref, key FROM channels.instruction WHERE org_id = $1 AND channel_id = $2 AND ref = ANY ($3::text[]) AND ref <> ''

-- name: await_posting
-- Wait until nobody is posting for this organization; whoever posts next draws higher numbers.
SELECT ledger.stop_posting($1)

-- name: last_journal
SELECT coalesce(max(id), 0) FROM ledger.journal WHERE org_id = $1

-- name: custody
-- What our books say each merchant, the orders and the platform (commission, money of subscriptions) own at one holder.
SELECT p.currency, CASE WHEN a.code LIKE 'member:%' THEN a.owner_id WHEN a.code LIKE 'escrow:%' THEN 'escrow' ELSE a.code END AS owner,
       sum(a.normal_side * a.balance_minor)::bigint AS minor
  FROM ledger.pool p JOIN ledger.account a ON a.org_id = p.org_id AND a.pool_id = p.id
 WHERE p.org_id = $1 AND p.book = 'custody' AND p.channel_id = $2 AND a.normal_side = -1 AND a.code NOT LIKE 'member:%:external'
 GROUP BY 1, 2
 UNION ALL
SELECT p.currency, a.code, a.balance_minor FROM ledger.pool p JOIN ledger.account a ON a.org_id = p.org_id AND a.pool_id = p.id
 WHERE p.org_id = $1 AND p.book = 'platform' AND a.code = 'psp_clearing:' || $2

-- name: payouts_under_way
-- Payouts and sweeps of the fee that the holder accepted and has not ended: the money is with us still and on no balance of his.
SELECT currency, sum(amount_minor)::bigint AS minor FROM (
  SELECT currency, amount_minor FROM settlement.payout WHERE org_id = $1 AND channel_id = $2 AND state = 'processing'
  UNION ALL
  SELECT currency, amount_minor FROM settlement.funding WHERE org_id = $1 AND channel_id = $2 AND state = 'processing' AND kind = 'fee_sweep') p
 GROUP BY 1

-- name: parked_by_owner
-- What each merchant's collections still hold in escrow; under '' where the holder pools them.
SELECT owner_id, currency, sum(escrow_minor)::bigint AS minor FROM orders.collection
 WHERE org_id = $1 AND channel_id = $2 AND escrow_minor > 0 GROUP BY 1, 2

-- name: merchant_refs
SELECT merchant_id, ref FROM merchants.account WHERE org_id = $1 AND channel_id = $2 AND ref <> '' AND state NOT IN ('closed', 'rejected') ORDER BY ref

-- name: accounts_paid_out
-- Merchants' accounts with a payout that was sent or paid in [$3, $4), or that came back since it was sent shortly before.
SELECT DISTINCT account_ref AS ref FROM settlement.payout
 WHERE org_id = $1 AND channel_id = $2
   AND ((submitted_at >= $3 AND submitted_at < $4) OR (paid_at >= $3 AND paid_at < $4)
        OR (state IN ('returned', 'failed') AND submitted_at >= $3::timestamptz - interval '31 days' AND submitted_at < $4))
 ORDER BY 1

-- part: parked
-- Payments that are still frozen at the provider, with nothing on its way about their order.
SELECT c.id, c.order_id, c.ref, c.currency, c.escrow_minor FROM orders.collection c
 WHERE c.org_id = $1 AND c.channel_id = $2 AND c.paid_at IS NOT NULL AND c.ref <> '' AND (c.freeze_ends_at IS NULL OR c.freeze_ends_at > $3)
   AND NOT EXISTS (SELECT FROM channels.instruction i WHERE i.org_id = $1 AND i.object_id = c.order_id AND i.concluded_at IS NULL)

-- name: parked_collections
{parked} AND c.escrow_minor > 0 AND c.id > $4 ORDER BY c.id LIMIT $5

-- name: parked_of
{parked} AND c.id = ANY ($4::text[]) ORDER BY c.id
