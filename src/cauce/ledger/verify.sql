-- Each check gives at most one row: the first row that lies, by name, and what is wrong with it. $1 is the organization.

-- name: plan_whole_books
-- Every row is read: tables joined by hashing, whatever the connection prefers for its small questions.
SELECT set_config('enable_seqscan', 'on', true), set_config('enable_nestloop', 'off', true), set_config('work_mem', '64MB', true)

-- name: plan_as_before
SELECT set_config('enable_seqscan', $1, true), set_config('enable_nestloop', $2, true), set_config('work_mem', $3, true)

-- name: plan_now
SELECT current_setting('enable_seqscan') AS seqscan, current_setting('enable_nestloop') AS nestloop, current_setting('work_mem') AS work_mem

-- name: balances
SELECT 'account ' || a.id || ' ' || a.code AS subject,
       'balance is ' || a.balance_minor || ', its entries sum to ' || coalesce(e.sum_minor, 0) AS problem
  FROM ledger.account a
  LEFT JOIN (SELECT account_id, sum(amount_minor) AS sum_minor FROM ledger.entry WHERE org_id = $1 GROUP BY account_id) e ON e.account_id = a.id
 WHERE a.org_id = $1 AND a.balance_minor <> coalesce(e.sum_minor, 0)
 ORDER BY a.id LIMIT 1

-- name: balance_chain
SELECT 'entry ' || journal_id || '/' || leg || ' of account ' || account_id AS subject,
       'balance after is ' || balance_after || ', the entries up to it sum to ' || running_minor AS problem
  FROM (SELECT journal_id, leg, account_id, balance_after,
               sum(amount_minor) OVER (PARTITION BY account_id ORDER BY journal_id, leg) AS running_minor
          FROM ledger.entry WHERE org_id = $1) x
 WHERE balance_after <> running_minor
 ORDER BY journal_id, leg LIMIT 1

-- name: journal_sums
SELECT 'journal ' || e.journal_id AS subject,
       'its entries in the ' || p.book || ' book' || CASE p.channel_id WHEN '' THEN '' ELSE ' of ' || p.channel_id END
       || ' sum to ' || sum(e.amount_minor) || ' ' || p.currency AS problem
  FROM ledger.entry e
  JOIN ledger.account a ON a.org_id = $1 AND a.id = e.account_id
  JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id
 WHERE e.org_id = $1
 GROUP BY e.journal_id, p.id, p.book, p.channel_id, p.currency
HAVING sum(e.amount_minor) <> 0
 ORDER BY e.journal_id, p.id LIMIT 1

-- name: trial_balance
SELECT 'pool ' || p.id AS subject,
       'accounts of the ' || p.book || ' book' || CASE p.channel_id WHEN '' THEN '' ELSE ' of ' || p.channel_id END
       || ' sum to ' || sum(a.balance_minor) || ' ' || p.currency AS problem
  FROM ledger.account a JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id
 WHERE a.org_id = $1
 GROUP BY p.id, p.book, p.channel_id, p.currency
HAVING sum(a.balance_minor) <> 0
 ORDER BY p.id LIMIT 1

-- name: orphan_entries
SELECT 'entry ' || e.journal_id || '/' || e.leg AS subject,
       CASE WHEN j.id IS NULL THEN 'its journal does not exist' ELSE 'its account ' || e.account_id || ' does not exist' END AS problem
  FROM ledger.entry e
  LEFT JOIN ledger.journal j ON j.org_id = $1 AND j.id = e.journal_id
  LEFT JOIN ledger.account a ON a.org_id = $1 AND a.id = e.account_id
 WHERE e.org_id = $1 AND (j.id IS NULL OR a.id IS NULL)
 ORDER BY e.journal_id, e.leg LIMIT 1

-- name: legs
SELECT 'journal ' || j.id AS subject,
       CASE WHEN coalesce(e.legs, 0) < 2 THEN 'it has ' || coalesce(e.legs, 0) || ' entries'
            WHEN e.accounts < e.legs THEN 'it touches an account twice'
            ELSE 'its entries are not numbered 1 to ' || e.legs END AS problem
  FROM ledger.journal j
  LEFT JOIN (SELECT journal_id, count(*) AS legs, count(DISTINCT account_id) AS accounts, max(leg) AS last_leg
               FROM ledger.entry WHERE org_id = $1 GROUP BY journal_id) e ON e.journal_id = j.id
 WHERE j.org_id = $1 AND (e.legs IS NULL OR e.legs < 2 OR e.accounts < e.legs OR e.last_leg <> e.legs)
 ORDER BY j.id LIMIT 1

-- name: books
SELECT 'journal ' || x.id AS subject,
       CASE WHEN x.books <> x.found THEN 'it says books ' || x.books || ', its entries are in ' || x.found
            ELSE 'recipe ' || x.recipe || ' touches both books' END AS problem
  FROM (SELECT j.id, j.books, j.recipe, bit_or(CASE p.book WHEN 'platform' THEN 1 ELSE 2 END) AS found
          FROM ledger.journal j
          JOIN ledger.entry e ON e.org_id = $1 AND e.journal_id = j.id
          JOIN ledger.account a ON a.org_id = $1 AND a.id = e.account_id
          JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id
         WHERE j.org_id = $1 GROUP BY j.id, j.books, j.recipe) x
 WHERE x.books <> x.found OR (x.found = 3 AND x.recipe <> 'T14')
 ORDER BY x.id LIMIT 1

-- name: evidence
SELECT 'journal ' || id AS subject,
       CASE WHEN coalesce(evidence, '') = '' THEN 'it moves custody money without evidence' ELSE 'it moves custody money without a reference' END AS problem
  FROM ledger.journal
 WHERE org_id = $1 AND books > 1 AND (coalesce(evidence, '') = '' OR reference = '')
 ORDER BY id LIMIT 1

-- name: keys
SELECT 'journal ' || max(id) AS subject, 'the key ' || key || ' is in the books ' || count(*) || ' times' AS problem
  FROM ledger.journal WHERE org_id = $1
 GROUP BY key HAVING count(*) > 1 OR key = ''
 ORDER BY max(id) LIMIT 1

-- name: reversals
SELECT 'journal ' || coalesce(j.id, r.reversed_by) AS subject,
       CASE WHEN j.id IS NULL THEN 'it is said to take back journal ' || r.journal_id || ', and does not'
            WHEN o.id IS NULL THEN 'it takes back journal ' || j.reverses || ', which does not exist'
            WHEN o.id >= j.id THEN 'it takes back journal ' || j.reverses || ', which is younger'
            ELSE 'it takes back journal ' || j.reverses || ', which ' || coalesce('journal ' || r.reversed_by, 'nobody') || ' takes back' END AS problem
  FROM (SELECT id, reverses FROM ledger.journal WHERE org_id = $1 AND reverses IS NOT NULL) j
  FULL JOIN (SELECT journal_id, reversed_by FROM ledger.reversal WHERE org_id = $1) r ON r.journal_id = j.reverses
  LEFT JOIN ledger.journal o ON o.org_id = $1 AND o.id = j.reverses
 WHERE j.id IS NULL OR o.id IS NULL OR o.id >= j.id OR r.reversed_by IS DISTINCT FROM j.id
 ORDER BY coalesce(j.id, r.reversed_by) LIMIT 1

-- name: held
SELECT 'account ' || a.id || ' ' || a.code AS subject,
       'it holds ' || a.held_minor || ', its open holds sum to ' || coalesce(h.sum_minor, 0) AS problem
  FROM ledger.account a
  LEFT JOIN (SELECT account_id, sum(remaining_minor) AS sum_minor FROM ledger.hold WHERE org_id = $1 GROUP BY account_id) h ON h.account_id = a.id
 WHERE a.org_id = $1 AND a.held_minor <> coalesce(h.sum_minor, 0)
 ORDER BY a.id LIMIT 1

-- name: holds
SELECT 'hold ' || h.id AS subject,
       CASE WHEN a.id IS NULL THEN 'its account ' || h.account_id || ' does not exist'
            WHEN h.remaining_minor NOT BETWEEN 0 AND h.amount_minor THEN 'of ' || h.amount_minor || ' remain ' || h.remaining_minor
            ELSE 'it is ' || h.state || ' and ' || h.remaining_minor || ' remain' END AS problem
  FROM ledger.hold h LEFT JOIN ledger.account a ON a.org_id = $1 AND a.id = h.account_id
 WHERE h.org_id = $1
   AND (a.id IS NULL OR h.remaining_minor NOT BETWEEN 0 AND h.amount_minor OR (h.state = 'open') <> (h.remaining_minor > 0)
        OR h.state NOT IN ('open', 'captured', 'released', 'expired') OR (h.state <> 'open' AND h.due_at IS NOT NULL))
 ORDER BY h.id LIMIT 1

-- name: floors
SELECT 'account ' || id || ' ' || code AS subject,
       normal_side * balance_minor - held_minor || ' is available, the floor is ' || floor_minor AS problem
  FROM ledger.account
 WHERE org_id = $1 AND floor_minor IS NOT NULL AND normal_side * balance_minor::numeric - held_minor < floor_minor
 ORDER BY id LIMIT 1

-- name: recording_order
SELECT 'journal ' || x.journal_id AS subject,
       'recorded at ' || x.recorded_at || ', before an older journal of account ' || x.account_id AS problem
  FROM (SELECT e.journal_id, e.account_id, j.recorded_at, lag(j.recorded_at) OVER (PARTITION BY e.account_id ORDER BY e.journal_id) AS before_it
          FROM ledger.entry e JOIN ledger.journal j ON j.org_id = $1 AND j.id = e.journal_id WHERE e.org_id = $1) x
 WHERE x.recorded_at < x.before_it
 ORDER BY x.journal_id LIMIT 1

-- name: closed_months
SELECT 'journal ' || j.id AS subject,
       'it took effect in ' || to_char(m.starts_on, 'YYYY-MM') || ' and was recorded after that month of the ' || m.book || ' book was closed' AS problem
  FROM ledger.month m
  JOIN ledger.journal j ON j.org_id = $1 AND j.effective_at < m.until_at AND j.recorded_at > m.closed_at
 WHERE m.org_id = $1 AND m.state = 'closed'
   AND EXISTS (SELECT FROM ledger.entry e JOIN ledger.account a ON a.org_id = $1 AND a.id = e.account_id
                 JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id
                WHERE e.org_id = $1 AND e.journal_id = j.id AND p.book = m.book AND p.channel_id = m.channel_id)
 ORDER BY j.id LIMIT 1

-- name: borders
SELECT 'pool ' || id AS subject,
       'it is closed before ' || closed_before || ', its months before ' || ledger.border($1, book, channel_id) AS problem
  FROM ledger.pool WHERE org_id = $1 AND closed_before <> ledger.border($1, book, channel_id)
 ORDER BY id LIMIT 1

-- name: month_gaps
SELECT 'month ' || to_char(m.starts_on, 'YYYY-MM') || ' of the ' || m.book || ' book' AS subject, 'it is closed while an earlier month is not' AS problem
  FROM ledger.month m
 WHERE m.org_id = $1 AND m.state = 'closed'
   AND EXISTS (SELECT FROM ledger.month x WHERE x.org_id = $1 AND x.book = m.book AND x.channel_id = m.channel_id
                 AND x.starts_on < m.starts_on AND x.state <> 'closed')
 ORDER BY m.starts_on LIMIT 1

-- name: fee_mirror
SELECT 'account fee_due_from_custody ' || currency AS subject,
       'it is ' || due_minor || ', the fees in custody are ' || fee_minor AS problem
  FROM (SELECT p.currency, sum(CASE WHEN p.book = 'platform' THEN a.balance_minor ELSE 0 END) AS due_minor,
               -sum(CASE WHEN p.book = 'custody' THEN a.balance_minor ELSE 0 END) AS fee_minor
          FROM ledger.account a JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id
         WHERE a.org_id = $1 AND ((p.book = 'platform' AND a.code = 'fee_due_from_custody') OR (p.book = 'custody' AND a.code = 'fee'))
         GROUP BY p.currency) x
 WHERE due_minor <> fee_minor
 ORDER BY currency LIMIT 1

-- name: funding_pairs
SELECT 'journal ' || j.id AS subject, 'recipe ' || j.recipe || ' brings money into custody without its journal in the platform book' AS problem
  FROM ledger.journal j
 WHERE j.org_id = $1 AND j.recipe IN ('T15', 'T16') AND j.books = 2 AND j.reverses IS NULL
   AND EXISTS (SELECT FROM ledger.entry e JOIN ledger.account a ON a.org_id = $1 AND a.id = e.account_id
                WHERE e.org_id = $1 AND e.journal_id = j.id AND e.amount_minor > 0 AND a.code IN ('custody_bank', 'psp_in_transit'))
   AND NOT EXISTS (SELECT FROM ledger.journal o WHERE o.org_id = $1 AND o.reference = j.reference AND o.recipe = j.recipe AND o.books = 1 AND o.evidence = j.evidence)
 ORDER BY j.id LIMIT 1

-- name: journal_numbers
SELECT 'journal ' || max(id) AS subject, 'its number is ahead of the counter, which will give it out again' AS problem
  FROM ledger.journal WHERE org_id = $1
HAVING max(id) > (SELECT last_value FROM ledger.journal_id)

-- name: seal_sequence
SELECT 'seal ' || number AS subject, 'the seals before it are not numbered 1 to ' || number - 1 || ' with rising ends' AS problem
  FROM (SELECT number, until_id, row_number() OVER w AS place, lag(until_id) OVER w AS before_it
          FROM ledger.seal WHERE org_id = $1 WINDOW w AS (ORDER BY number)) x
 WHERE number <> place OR until_id <= before_it
 ORDER BY number LIMIT 1

-- name: seals
SELECT number, until_id, journals, hash FROM ledger.seal WHERE org_id = $1 ORDER BY number

-- name: digest
SELECT hash, journals FROM ledger.digest($1, $2, $3, $4)

-- name: accounts
SELECT a.id, p.book, p.channel_id, a.code, a.normal_side, a.owner_id
  FROM ledger.account a JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id
 WHERE a.org_id = $1 AND a.id > $2 ORDER BY a.id LIMIT $3
