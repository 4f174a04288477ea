-- Each statement names at most ten rows that break one rule of compliance: subject and problem. $1 is the organization.

-- name: k1_no_pooling
SELECT 'collection ' || id AS subject, 'its money goes to ' || destination AS problem FROM orders.collection
 WHERE org_id = $1 AND destination NOT IN ('custody', 'provider', 'sub_merchant') ORDER BY id LIMIT 10

-- name: k2_no_self_clearing
-- What a custody journal names as its evidence must be there: an instruction, a payment, a dispute, a line of a statement.
SELECT 'journal ' || j.id AS subject, 'its evidence "' || coalesce(j.evidence, '') || '" is no instruction, payment or statement line' AS problem
  FROM ledger.journal j
 WHERE j.org_id = $1 AND j.books <> 1 AND NOT CASE WHEN j.evidence LIKE 'line:%'
         THEN EXISTS (SELECT FROM reconciliation.statement s WHERE s.org_id = $1 AND s.id::text = split_part(j.evidence, ':', 2))
         ELSE EXISTS (SELECT FROM channels.instruction i WHERE i.org_id = $1 AND i.key = j.evidence)
           OR EXISTS (SELECT FROM orders.collection c WHERE c.org_id = $1 AND (c.id = j.evidence OR c.ref = j.evidence AND c.ref <> '') AND j.evidence <> '')
           OR EXISTS (SELECT FROM orders.dispute d WHERE d.org_id = $1 AND d.id = j.evidence)
           OR EXISTS (SELECT FROM orders.refund r WHERE r.org_id = $1 AND r.attempt_key = j.evidence)
           OR EXISTS (SELECT FROM settlement.payout p WHERE p.org_id = $1 AND p.id = j.evidence) END
 ORDER BY j.id LIMIT 10

-- name: k3_own_account_payout
SELECT 'payout ' || p.id AS subject, 'its instrument is not the merchant''s own, verified one' AS problem
  FROM settlement.payout p
  JOIN merchants.instrument i ON i.org_id = $1 AND i.id = p.instrument_id
  JOIN merchants.merchant m ON m.org_id = $1 AND m.id = p.merchant_id
 WHERE p.org_id = $1
   AND (i.merchant_id <> p.merchant_id OR i.ownership <> 'merchant' OR i.state IN ('requested', 'challenge_sent', 'failed', 'expired', 'locked')
        OR lower(regexp_replace(btrim(i.holder_name), '\s+', ' ', 'g')) <> lower(regexp_replace(btrim(m.name), '\s+', ' ', 'g')))
 ORDER BY p.id LIMIT 10

-- name: k4_conservation
SELECT 'the custody book of ' || p.channel_id || ' in ' || p.currency AS subject, 'assets less liabilities are ' || sum(a.balance_minor) AS problem
  FROM ledger.pool p JOIN ledger.account a ON a.org_id = $1 AND a.pool_id = p.id
 WHERE p.org_id = $1 AND p.book = 'custody' GROUP BY p.id, p.channel_id, p.currency HAVING sum(a.balance_minor) <> 0
UNION ALL
SELECT 'account ' || b.key || ' at ' || b.channel_id, 'the holder has ' || b.amount_minor || ' ' || b.currency || ' more than the custody book since '
       || b.found_at::date
  FROM reconciliation.break b WHERE b.org_id = $1 AND b.type = 'balance' AND b.state IN ('open', 'assigned')
 ORDER BY 1 LIMIT 10

-- name: k5_no_overdraft
SELECT 'account ' || a.code AS subject, 'what is available is below its floor' AS problem FROM ledger.account a
 WHERE a.org_id = $1 AND a.floor_minor IS NOT NULL AND a.normal_side * a.balance_minor - a.held_minor < a.floor_minor ORDER BY a.id LIMIT 10

-- name: k6_split_bound
SELECT 'collection ' || c.id AS subject, 'its parts sum to ' || sum(a.amount_minor + a.fee_borne_minor) || ', it collected ' || c.amount_minor AS problem
  FROM orders.collection c JOIN splits.allocation a ON a.org_id = $1 AND a.collection_id = c.id
 WHERE c.org_id = $1 GROUP BY c.id, c.amount_minor HAVING sum(a.amount_minor + a.fee_borne_minor) > c.amount_minor ORDER BY c.id LIMIT 10

-- name: k7_party_bound
SELECT 'part ' || a.collection_id || '/' || a.position AS subject, a.party || ' has no account with an agreement at ' || c.channel_id AS problem
  FROM splits.allocation a JOIN orders.collection c ON c.org_id = $1 AND c.id = a.collection_id
 WHERE a.org_id = $1 AND a.party NOT IN ('fee', 'kept') AND a.amount_minor > 0
   AND NOT EXISTS (SELECT FROM merchants.account m WHERE m.org_id = $1 AND m.merchant_id = a.party AND m.channel_id = c.channel_id
                      AND m.agreed_at IS NOT NULL)
 ORDER BY a.collection_id, a.position LIMIT 10

-- name: k8_typed_fees
-- The platform's parts of an order above the rate of its contract, and advances recovered above what was advanced.
SELECT 'order ' || o.id AS subject, 'the platform gets ' || f.fee_minor || ' of ' || f.collected_minor || ', the contract allows '
       || r.rate_bps || ' basis points' AS problem
  FROM orders.purchase o
  JOIN LATERAL (
    SELECT coalesce(sum(a.amount_minor + a.fee_borne_minor), 0) AS fee_minor,
           (SELECT sum(c.amount_minor) FROM orders.collection c WHERE c.org_id = $1 AND c.order_id = o.id) AS collected_minor
      FROM splits.allocation a WHERE a.org_id = $1 AND a.order_id = o.id AND a.party = 'fee') f ON true
  JOIN LATERAL (
    SELECT r.rate_bps FROM compliance.fee_rate r
     WHERE r.org_id = $1 AND r.channel_id = o.channel_id AND r.valid_from <= o.placed_at ORDER BY r.valid_from DESC LIMIT 1) r ON true
 WHERE o.org_id = $1 AND f.fee_minor * 10000 > f.collected_minor * r.rate_bps
UNION ALL
SELECT 'advances in ' || p.currency, 'more was recovered than advanced: ' || -a.balance_minor
  FROM ledger.account a JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id
 WHERE a.org_id = $1 AND a.code = 'advance_receivable' AND a.balance_minor < 0
 ORDER BY 1 LIMIT 10

-- name: k9_cross_book
SELECT 'journal ' || id AS subject, 'it touches both books by recipe ' || recipe AS problem FROM ledger.journal
 WHERE org_id = $1 AND books = 3 AND recipe <> 'T14' ORDER BY id LIMIT 10

-- name: k10_real_name
SELECT 'account ' || a.code AS subject, 'its owner was never active with an agreement at ' || p.channel_id AS problem
  FROM ledger.account a JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id
 WHERE a.org_id = $1 AND p.book = 'custody' AND a.code LIKE 'member:%' AND a.balance_minor <> 0
   AND NOT EXISTS (SELECT FROM merchants.account m WHERE m.org_id = $1 AND m.merchant_id = a.owner_id AND m.channel_id = p.channel_id
                      AND m.agreed_at IS NOT NULL AND m.ref <> '')
 ORDER BY a.id LIMIT 10

-- name: k11_no_stored_value
-- A customer's credit is of the platform book and pays invoices alone: no journal moves it together with members' money.
SELECT 'journal ' || j.id AS subject, 'it moves a customer''s credit and the custody book' AS problem
  FROM ledger.journal j WHERE j.org_id = $1 AND j.books <> 1 AND EXISTS (
    SELECT FROM ledger.entry e JOIN ledger.account a ON a.org_id = $1 AND a.id = e.account_id
     WHERE e.org_id = $1 AND e.journal_id = j.id AND a.code LIKE 'customer:%')
 ORDER BY j.id LIMIT 10

-- name: k12_original_route
SELECT 'collection ' || c.id AS subject, 'refunds of ' || coalesce(r.sum_minor, 0) || ' stand against ' || c.refunded_minor || ' of ' || c.amount_minor AS problem
  FROM orders.collection c
  LEFT JOIN LATERAL (SELECT sum(r.amount_minor) AS sum_minor FROM orders.refund r
    WHERE r.org_id = $1 AND r.collection_id = c.id AND r.state NOT IN ('failed', 'canceled')) r ON true
 WHERE c.org_id = $1 AND (coalesce(r.sum_minor, 0) <> c.refunded_minor OR c.refunded_minor > c.amount_minor)
UNION ALL
SELECT 'line ' || l.order_id || '/' || l.line, 'it cost ' || l.price_minor + l.freight_minor || ', ' || sum(i.amount_minor) || ' of it went back'
  FROM orders.refund_line i
  JOIN orders.refund r ON r.org_id = $1 AND r.id = i.refund_id AND r.state NOT IN ('failed', 'canceled')
  JOIN orders.line l ON l.org_id = $1 AND l.order_id = i.order_id AND l.line = i.line
 WHERE i.org_id = $1 GROUP BY l.order_id, l.line, l.price_minor, l.freight_minor HAVING sum(i.amount_minor) > l.price_minor + l.freight_minor
 ORDER BY 1 LIMIT 10

-- name: k13_order_backed
SELECT 'journal ' || id AS subject, 'it names nothing that it belongs to' AS problem FROM ledger.journal
 WHERE org_id = $1 AND books <> 1 AND reference = '' ORDER BY id LIMIT 10

-- name: k14_timeliness
-- Commands whose end is not known for a week, money on its way for longer, money still parked when its freeze has ended,
-- reservations without an end, credits that nobody claims for a month: by the organization's time.
SELECT 'instruction ' || i.key AS subject, i.operation || ' is ' || i.state || ' since ' || i.created_at AS problem
  FROM channels.instruction i
 WHERE i.org_id = $1 AND i.state IN ('sent', 'unknown') AND i.created_at < $2::timestamptz - interval '7 days'
UNION ALL
SELECT 'collection ' || c.id, 'its freeze ended on ' || c.freeze_ends_at::date || ', ' || c.escrow_minor || ' are parked still'
  FROM orders.collection c WHERE c.org_id = $1 AND c.escrow_minor > 0 AND c.freeze_ends_at < $2::timestamptz - interval '3 days'
UNION ALL
SELECT 'payout ' || p.id, p.amount_minor || ' ' || p.currency || ' are on their way since ' || p.submitted_at::date
  FROM settlement.payout p WHERE p.org_id = $1 AND p.state IN ('submitted', 'processing', 'unknown') AND p.submitted_at < $2::timestamptz - interval '7 days'
UNION ALL
SELECT 'refund ' || r.id, 'it is ' || r.state || ' since ' || r.created_at::date
  FROM orders.refund r WHERE r.org_id = $1 AND r.state IN ('reversing_splits', 'funding', 'submitted', 'processing', 'unknown')
   AND r.created_at < $2::timestamptz - interval '7 days'
UNION ALL
SELECT 'suspense ' || s.id, s.amount_minor || ' ' || s.currency || ' wait for their owner since ' || s.arrived_at::date
  FROM settlement.suspense s WHERE s.org_id = $1 AND s.amount_minor > s.assigned_minor AND s.arrived_at < $2::timestamptz - interval '30 days'
 ORDER BY 1 LIMIT 10

-- name: k15_suspense
SELECT 'journal ' || j.id AS subject, 'it moves suspense by recipe ' || j.recipe AS problem
  FROM ledger.journal j JOIN ledger.entry e ON e.org_id = $1 AND e.journal_id = j.id
  JOIN ledger.account a ON a.org_id = $1 AND a.id = e.account_id
 WHERE j.org_id = $1 AND a.code = 'suspense' AND j.recipe NOT IN ('T13', 'T17', 'T18')
UNION ALL
SELECT 'journal ' || j.id, 'no two persons said whose the money is' FROM ledger.journal j
 WHERE j.org_id = $1 AND j.recipe = 'T18' AND NOT EXISTS (
    SELECT FROM settlement.funding f WHERE f.org_id = $1 AND f.id = j.reference AND f.kind IN ('assign_suspense', 'undo_assign')
       AND f.approved_by <> '' AND f.approved_by <> f.requested_by)
 ORDER BY 1 LIMIT 10

-- name: k16_licence
-- Of a live organization: collections made on a day on which the holder's licence was not in force.
SELECT 'collection ' || c.id AS subject, 'no licence of the holder behind ' || c.channel_id || ' was in force' AS problem
  FROM orders.collection c JOIN directory.org o ON o.id = c.org_id AND o.mode = 'live'
 WHERE c.org_id = $1 AND NOT EXISTS (
    SELECT FROM compliance.licence l WHERE l.org_id = $1 AND l.channel_id = c.channel_id
       AND c.created_at::date BETWEEN l.valid_from AND l.valid_until)
 ORDER BY c.id LIMIT 10

-- name: k17_idempotent
SELECT 'instruction ' || i.key AS subject, 'its ' || i.operation || ' has the provider''s number of another: ' || i.ref AS problem
  FROM channels.instruction i
 WHERE i.org_id = $1 AND i.ref <> '' AND i.state = 'succeeded' AND i.operation IN ('split', 'refund', 'payout', 'reverse_split')
   AND EXISTS (SELECT FROM channels.instruction o WHERE o.org_id = $1 AND o.channel_id = i.channel_id AND o.ref = i.ref
                  AND o.operation = i.operation AND o.key < i.key AND o.state = 'succeeded')
 ORDER BY i.key LIMIT 10

-- name: k18_two_persons
SELECT 'payout ' || id AS subject, 'one person asked for and approved it' AS problem FROM settlement.payout
 WHERE org_id = $1 AND needs_approval AND approved_by = requested_by
UNION ALL
SELECT 'instrument ' || id, 'one person made and approved it' FROM merchants.instrument
 WHERE org_id = $1 AND state = 'default' AND approved_by IN ('', requested_by)
UNION ALL
SELECT 'split rule ' || id || ' version ' || version, 'one person drafted and activated it' FROM splits.rule
 WHERE org_id = $1 AND state <> 'draft' AND activated_by IN ('', created_by)
UNION ALL
SELECT 'break ' || id, 'one person resolved and approved it' FROM reconciliation.break
 WHERE org_id = $1 AND state IN ('corrected', 'accepted') AND approved_by IN ('', resolved_by)
 ORDER BY 1 LIMIT 10

-- name: k21_seller_of_record
SELECT 'line ' || order_id || '/' || line AS subject, 'it is sold by ' || sold_by AS problem FROM orders.line
 WHERE org_id = $1 AND (sold_by <> 'merchant' OR seller_id = '') ORDER BY order_id, line LIMIT 10

-- name: k22_gate
SELECT 'order ' || p.id AS subject, 'it was taken before the self-check was signed' AS problem
  FROM orders.purchase p JOIN directory.org o ON o.id = p.org_id AND o.mode = 'live'
 WHERE p.org_id = $1 AND NOT EXISTS (
    SELECT FROM compliance.self_check s WHERE s.org_id = $1 AND s.signed_at <= p.placed_at AND p.channel_id = ANY (s.channels))
 ORDER BY p.id LIMIT 10
