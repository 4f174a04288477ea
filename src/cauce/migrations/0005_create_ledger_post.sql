-- The one way in. `ledger.open_accounts` makes what is missing, `ledger.post` decides and writes a batch.
-- Both belong to the role cauce_ledger, the only one that may write the ledger's tables.

-- Held shared by whoever posts and alone by whoever moves the border of closed months.
CREATE FUNCTION ledger.border_lock(p_org bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT hashint8extended(p_org, 1279612743) $$;

CREATE FUNCTION ledger.open_accounts(
  p_org bigint, p_books text[], p_channels text[], p_currencies text[], p_codes text[], p_owners text[], p_sides smallint[], p_floors bigint[]
) RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_context text := current_setting('cauce.org', true);
  v_ids bigint[];
BEGIN
  PERFORM set_config('cauce.org', p_org::text, true);
  PERFORM pg_advisory_xact_lock_shared(ledger.border_lock(p_org));
  -- A pool in a new currency begins where its book stands: what is closed for the others is closed for it.
  INSERT INTO ledger.pool (org_id, book, channel_id, currency, closed_before)
    SELECT p_org, a.book, a.channel, a.currency, ledger.border(p_org, a.book, a.channel)
      FROM (SELECT DISTINCT book, channel, currency FROM unnest(p_books, p_channels, p_currencies) u(book, channel, currency)) a
     WHERE NOT EXISTS (SELECT FROM ledger.pool x WHERE x.org_id = p_org AND x.book = a.book AND x.channel_id = a.channel AND x.currency = a.currency)
     ORDER BY a.book, a.channel, a.currency
    ON CONFLICT (org_id, book, channel_id, currency) DO NOTHING;
  -- In the order of the unique index, so that two batches that open the same accounts never wait crosswise.
  INSERT INTO ledger.account (org_id, pool_id, code, owner_id, normal_side, floor_minor)
    SELECT p_org, p.id, a.code, a.owner, a.side, a.floor
      FROM unnest(p_books, p_channels, p_currencies, p_codes, p_owners, p_sides, p_floors) a(book, channel, currency, code, owner, side, floor)
      JOIN ledger.pool p ON p.org_id = p_org AND p.book = a.book AND p.channel_id = a.channel AND p.currency = a.currency
     WHERE NOT EXISTS (SELECT FROM ledger.account x WHERE x.org_id = p_org AND x.pool_id = p.id AND x.code = a.code)
     ORDER BY p.id, a.code
    ON CONFLICT (org_id, pool_id, code) DO NOTHING;
  SELECT array_agg(x.id ORDER BY a.n) INTO v_ids
    FROM unnest(p_books, p_channels, p_currencies, p_codes) WITH ORDINALITY a(book, channel, currency, code, n)
    JOIN ledger.pool p ON p.org_id = p_org AND p.book = a.book AND p.channel_id = a.channel AND p.currency = a.currency
    JOIN ledger.account x ON x.org_id = p_org AND x.pool_id = p.id AND x.code = a.code;
  PERFORM set_config('cauce.org', coalesce(v_context, ''), true);
  RETURN v_ids;
END $$;

-- The end of the last closed month of a book: the first instant that may be posted into.
CREATE FUNCTION ledger.border(p_org bigint, p_book text, p_channel text) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
  SELECT coalesce(max(until_at), '-infinity') FROM ledger.month
   WHERE org_id = p_org AND book = p_book AND channel_id = p_channel AND state = 'closed'
$$;

-- Alone with the ledger of this organization: waits for every batch that may have read the old border.
CREATE FUNCTION ledger.stop_posting(p_org bigint) RETURNS void LANGUAGE sql AS
$$ SELECT pg_advisory_xact_lock(ledger.border_lock(p_org)) $$;

-- Let the pools of a book follow its months.
CREATE FUNCTION ledger.move_border(p_org bigint, p_book text, p_channel text) RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_context text := current_setting('cauce.org', true);
  v_border timestamptz;
BEGIN
  PERFORM set_config('cauce.org', p_org::text, true);
  PERFORM ledger.stop_posting(p_org);
  v_border := ledger.border(p_org, p_book, p_channel);
  UPDATE ledger.pool SET closed_before = v_border
   WHERE org_id = p_org AND book = p_book AND channel_id = p_channel AND closed_before <> v_border;
  PERFORM set_config('cauce.org', coalesce(v_context, ''), true);
  RETURN v_border;
END $$;

-- Kinds: 1 journal, 2 hold, 3 capture, 4 release, 5 expire.
-- Results: 0 posted, 1 duplicate, 2 conflict, 3 unknown_account, 4 account_closed, 5 insufficient, 6 unbalanced,
-- 7 closed_period, 8 linked_failed, 9 hold_not_open, 10 hold_exceeded, 11 no_evidence, 12 both_books, 13 out_of_range,
-- 14 bad_legs, 15 not_reversible. The same table stands in cauce.ledger.rules.
-- Neighbours of one link group (p_link > 0) stand together: all of them are posted or none.
-- Legs of one journal stand together, those of one pool next to each other. Amounts are signed, debits positive.
-- What stood in the books before the batch is a duplicate whatever becomes of its link group.
CREATE FUNCTION ledger.post(
  p_org bigint,
  p_accounts bigint[],                       -- distinct, ascending
  p_kind smallint[], p_key text[], p_hash bigint[], p_recipe text[], p_reference text[], p_evidence text[],
  p_effective timestamptz[], p_first_leg int[], p_leg_count int[],
  p_leg_item int[], p_leg_no smallint[], p_leg_account int[], p_leg_amount bigint[],
  -- each of the following groups only where an item needs it, else NULL:
  p_link int[],                              -- 0: in no group
  p_same_as int[],                           -- the item before this one in the batch with the same key, or 0
  p_reversed bigint[], p_item_reversed int[],  -- the journals taken back, distinct; which one by which item, or 0
  p_hold_keys text[], p_item_hold int[], p_item_account int[], p_item_amount bigint[], p_item_final boolean[],
  p_item_owner text[], p_item_expires timestamptz[],
  OUT codes smallint[], OUT ids bigint[]
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
  c_tries       CONSTANT int := 8;
  c_amount_max  CONSTANT bigint := 1000000000000000000;
  c_balance_max CONSTANT bigint := 8000000000000000000;
  v_context text := current_setting('cauce.org', true);
  n int := cardinality(p_kind);
  m int := cardinality(p_leg_account);
  v_now timestamptz;
  -- per account
  a_id bigint[]; a_side smallint[]; a_floor bigint[]; a_pool int[]; a_closed boolean[];
  a_last int[]; a_balance bigint[]; a_held bigint[]; o_balance bigint[]; o_held bigint[];
  -- per pool
  q_id int[]; q_book smallint[]; q_open_from timestamptz[];
  -- per hold, per journal taken back
  h_id bigint[]; h_account bigint[]; h_left bigint[]; h_amount bigint[]; h_state text[]; h_hash bigint[]; h_new int[]; h_by int[]; r_free boolean[];
  -- per item and leg
  k_id bigint[]; k_hash bigint[]; v_books smallint[]; v_root int[]; l_after bigint[];
  -- what the link group did to holds, to be undone from its end
  u_hold int[]; u_left bigint[]; u_state text[]; u_account int[]; u_held bigint[]; u_count int;
  i int; k int; d int; h int; p int; q int; r int; g0 int; g int; code smallint; a bigint; b bigint; s bigint; taken bigint;
  has_links    CONSTANT boolean := p_link IS NOT NULL;
  has_twins    CONSTANT boolean := p_same_as IS NOT NULL;
  has_reversed CONSTANT boolean := p_reversed IS NOT NULL;
  has_holds    CONSTANT boolean := p_hold_keys IS NOT NULL;
  any_closed boolean; any_known boolean; broken boolean; booked smallint; v_hash bigint; v_done text;
BEGIN
  -- Assignments of single expressions skip the executor: for a batch of one that is a tenth of its time.
  v_done := set_config('cauce.org', p_org::text, true);
  v_done := pg_advisory_xact_lock_shared(ledger.border_lock(p_org))::text;
  IF has_reversed THEN  -- whoever takes the same journal back goes first or waits
    PERFORM pg_advisory_xact_lock(hashint8extended(x.id, 1279612744)) FROM (SELECT unnest(p_reversed) AS id ORDER BY 1) x;
  END IF;

  SELECT array_agg(w.id), array_agg(x.balance_minor), array_agg(x.held_minor), array_agg(x.normal_side), array_agg(x.floor_minor),
         array_agg(x.pool_id), array_agg(x.closed_at IS NOT NULL), bool_or(x.closed_at IS NOT NULL)
    INTO a_id, o_balance, o_held, a_side, a_floor, a_pool, a_closed, any_closed
    FROM unnest(p_accounts) w(id)
    LEFT JOIN LATERAL (SELECT * FROM ledger.account a WHERE a.org_id = p_org AND a.id = w.id FOR NO KEY UPDATE) x ON true;
  SELECT array_agg(q.id), array_agg(CASE q.book WHEN 'platform' THEN 1 ELSE 2 END::smallint), array_agg(q.closed_before)
    INTO q_id, q_book, q_open_from
    FROM ledger.pool q WHERE q.org_id = p_org AND q.id = ANY (a_pool);
  -- Sealing waits for every transaction that may have drawn a number; this one must be seen before it draws.
  v_done := pg_current_xact_id()::text;
  v_now := clock_timestamp();

  FOR try IN 1..c_tries LOOP
  a_balance := o_balance;
  a_held := o_held;
  a_last := array_fill(0, ARRAY[cardinality(p_accounts)]);
  codes := array_fill(0::smallint, ARRAY[n]);
  v_books := array_fill(0::smallint, ARRAY[n]);
  l_after := array_fill(NULL::bigint, ARRAY[greatest(m, 1)]);
  IF n = 1 THEN
    ids := ARRAY[nextval('ledger.journal_id')];
  ELSE
    SELECT array_agg(nextval('ledger.journal_id')) INTO ids FROM generate_series(1, n);
  END IF;

  -- Keys that are known already; after the locks, so that whoever posted them to these accounts has committed.
  any_known := false;
  FOR i, b, v_hash IN
    SELECT w.n, j.id, j.content_hash
      FROM unnest(p_key, p_kind) WITH ORDINALITY w(key, kind, n),
           LATERAL (SELECT * FROM ledger.journal x WHERE x.org_id = p_org AND x.key = w.key OFFSET 0) j
     WHERE w.kind IN (1, 3)
  LOOP
    IF NOT any_known THEN
      any_known := true;
      k_id := array_fill(NULL::bigint, ARRAY[n]);
      k_hash := array_fill(NULL::bigint, ARRAY[n]);
    END IF;
    k_id[i] := b;
    k_hash[i] := v_hash;
  END LOOP;
  IF has_reversed THEN
    SELECT array_agg(EXISTS (SELECT FROM ledger.entry e WHERE e.org_id = p_org AND e.journal_id = w.id)
                     AND NOT EXISTS (SELECT FROM ledger.reversal r WHERE r.org_id = p_org AND r.journal_id = w.id))
      INTO r_free
      FROM unnest(p_reversed) w(id);
  END IF;
  IF has_twins OR has_holds THEN
    v_root := array_fill(0, ARRAY[n]);
  END IF;
  IF has_holds THEN
    SELECT array_agg(x.id), array_agg(x.account_id), array_agg(x.remaining_minor), array_agg(x.amount_minor),
           array_agg(x.state), array_agg(x.content_hash), array_agg(0), array_agg(0)
      INTO h_id, h_account, h_left, h_amount, h_state, h_hash, h_new, h_by
      FROM unnest(p_hold_keys) w(key)
      LEFT JOIN LATERAL (SELECT * FROM ledger.hold h WHERE h.org_id = p_org AND h.key = w.key OFFSET 0) x ON true;
  END IF;
  g0 := 1;
  u_count := 0;
  broken := false;
  h := 0;
  FOR i IN 1..n LOOP
    IF NOT has_links OR i = 1 OR p_link[i] = 0 OR p_link[i] <> p_link[i - 1] THEN
      g0 := i;
      u_count := 0;
      broken := false;
    END IF;
    code := 0;
    booked := 0;
    r := 0;
    IF has_twins AND p_same_as[i] > 0 THEN  -- an earlier item of this batch has the key: follow it to the one that was posted
      r := p_same_as[i];
      IF codes[r] <> 0 THEN r := v_root[r]; END IF;
      IF r > 0 AND codes[r] <> 0 THEN r := 0; END IF;
      v_root[i] := r;
    END IF;
    IF any_known AND k_id[i] IS NOT NULL THEN
      code := CASE WHEN k_hash[i] = p_hash[i] THEN 1 ELSE 2 END;
      IF code = 1 THEN ids[i] := k_id[i]; END IF;
    ELSIF r > 0 THEN
      code := CASE WHEN p_hash[r] = p_hash[i] THEN 1 ELSE 2 END;
      IF code = 1 THEN ids[i] := ids[r]; END IF;
    ELSIF p_kind[i] = 2 AND h_state[p_item_hold[i]] IS NOT NULL THEN
      h := p_item_hold[i];
      code := CASE WHEN h_hash[h] = p_hash[i] THEN 1 ELSE 2 END;
      IF code = 1 THEN ids[i] := h_id[h]; v_root[i] := h_new[h]; END IF;
    ELSIF p_kind[i] > 3 AND h_state[p_item_hold[i]] = (CASE p_kind[i] WHEN 4 THEN 'released' ELSE 'expired' END)
          AND h_account[p_item_hold[i]] = a_id[p_item_account[i]] THEN  -- releasing what is released is the same request again
      code := 1;
      ids[i] := h_id[p_item_hold[i]];
      v_root[i] := h_by[p_item_hold[i]];
    ELSIF broken THEN
      code := 8;
    ELSE
      IF p_kind[i] > 1 THEN  -- what concerns holds, before the legs
        taken := 0;
        h := p_item_hold[i];
        d := p_item_account[i];
        IF a_side[d] IS NULL THEN code := 3;
        ELSIF p_kind[i] = 2 THEN
          IF a_closed[d] THEN code := 4;
          ELSIF p_item_amount[i] <= 0 OR p_item_amount[i] > c_amount_max OR a_held[d] + p_item_amount[i] > c_amount_max THEN code := 13;
          ELSIF a_floor[d] IS NOT NULL AND a_side[d] * a_balance[d] - (a_held[d] + p_item_amount[i]) < a_floor[d] THEN code := 5;
          END IF;
        ELSIF h_state[h] IS DISTINCT FROM 'open' OR h_account[h] IS DISTINCT FROM a_id[d] THEN code := 9;
        ELSIF p_kind[i] = 3 THEN
          FOR k IN p_first_leg[i]..p_first_leg[i] + p_leg_count[i] - 1 LOOP
            a := p_leg_amount[k];
            IF p_leg_account[k] = d AND a BETWEEN -c_amount_max AND c_amount_max THEN taken := -a_side[d] * a; END IF;
          END LOOP;
          IF taken <= 0 OR taken > h_left[h] THEN code := 10; END IF;
        END IF;
        IF code = 0 THEN
          u_count := u_count + 1;
          u_hold[u_count] := h; u_left[u_count] := h_left[h]; u_state[u_count] := h_state[h];
          u_account[u_count] := d; u_held[u_count] := a_held[d];
          h_by[h] := i;
          IF p_kind[i] = 2 THEN
            a_held[d] := a_held[d] + p_item_amount[i];
            h_left[h] := p_item_amount[i]; h_amount[h] := p_item_amount[i]; h_state[h] := 'open'; h_account[h] := a_id[d]; h_hash[h] := p_hash[i];
            h_id[h] := ids[i]; h_new[h] := i;
          ELSIF p_kind[i] = 3 AND NOT p_item_final[i] AND taken < h_left[h] THEN
            a_held[d] := a_held[d] - taken;
            h_left[h] := h_left[h] - taken;
          ELSE
            a_held[d] := a_held[d] - h_left[h];
            h_left[h] := 0;
            h_state[h] := CASE p_kind[i] WHEN 3 THEN 'captured' WHEN 4 THEN 'released' ELSE 'expired' END;
            IF p_kind[i] > 3 THEN ids[i] := h_id[h]; END IF;
          END IF;
        END IF;
      END IF;

      IF code = 0 AND (p_kind[i] = 1 OR p_kind[i] = 3) THEN
        s := 0;
        p := 0;
        IF p_leg_count[i] < 2 THEN
          code := 14;
        ELSIF has_reversed AND p_item_reversed[i] > 0 AND NOT r_free[p_item_reversed[i]] THEN
          code := 15;
        END IF;
        FOR k IN p_first_leg[i]..p_first_leg[i] + p_leg_count[i] - 1 LOOP
          EXIT WHEN code > 0;
          d := p_leg_account[k];
          a := p_leg_amount[k];
          IF a_side[d] IS NULL THEN code := 3; EXIT; END IF;
          IF a = 0 OR a_last[d] = i THEN code := 14; EXIT; END IF;
          a_last[d] := i;
          IF a > c_amount_max OR a < -c_amount_max THEN code := 13; EXIT; END IF;
          IF any_closed AND a_closed[d] THEN code := 4; EXIT; END IF;
          IF a_pool[d] <> p THEN
            IF s <> 0 THEN code := 6; EXIT; END IF;
            p := a_pool[d];
            q := array_position(q_id, p);
            IF p_effective[i] < q_open_from[q] THEN code := 7; EXIT; END IF;
            booked := booked | q_book[q];
          END IF;
          s := s + a;
          b := a_balance[d] + a;
          IF b > c_balance_max OR b < -c_balance_max OR s > c_balance_max OR s < -c_balance_max THEN code := 13; EXIT; END IF;
          -- Only what lowers an account can break its floor.
          IF a_floor[d] IS NOT NULL AND a_side[d] * a < 0 AND a_side[d] * b - a_held[d] < a_floor[d] THEN code := 5; EXIT; END IF;
          a_balance[d] := b;
          l_after[k] := b;
        END LOOP;
        IF code = 0 THEN
          IF s <> 0 THEN code := 6;
          ELSIF booked > 1 AND coalesce(p_evidence[i], '') = '' THEN code := 11;
          ELSIF booked = 3 AND p_recipe[i] <> 'T14' THEN code := 12;
          ELSE
            v_books[i] := booked;
            IF has_reversed AND p_item_reversed[i] > 0 THEN r_free[p_item_reversed[i]] := false; END IF;
          END IF;
        END IF;
      END IF;
    END IF;
    codes[i] := code;

    IF code > 1 AND NOT broken THEN  -- take back this item, and with it its link group
      broken := true;
      FOR g IN g0..i LOOP
        FOR k IN p_first_leg[g]..p_first_leg[g] + p_leg_count[g] - 1 LOOP
          IF l_after[k] IS NOT NULL THEN
            d := p_leg_account[k];
            a_balance[d] := a_balance[d] - p_leg_amount[k];
            l_after[k] := NULL;
          END IF;
        END LOOP;
        IF g < i THEN
          IF codes[g] = 0 AND has_reversed AND p_item_reversed[g] > 0 THEN r_free[p_item_reversed[g]] := true; END IF;
          IF codes[g] = 0 OR codes[g] = 1 AND v_root[g] >= g0 THEN codes[g] := 8; END IF;
        END IF;
      END LOOP;
      WHILE u_count > 0 LOOP
        h := u_hold[u_count];
        h_left[h] := u_left[u_count]; h_state[h] := u_state[u_count];
        IF u_state[u_count] IS NULL THEN h_new[h] := 0; END IF;
        a_held[u_account[u_count]] := u_held[u_count];
        u_count := u_count - 1;
      END LOOP;
    END IF;
  END LOOP;

  BEGIN
    -- Journals in the order of their keys, so that two batches with the same keys never wait crosswise.
    WITH recorded AS (
      INSERT INTO ledger.journal (org_id, id, key, content_hash, recipe, reference, evidence, reverses, books, effective_at, recorded_at)
        SELECT p_org, t.id, t.key, t.hash, t.recipe, t.reference, t.evidence, p_reversed[t.reversed], t.books, t.effective, v_now
          FROM unnest(codes, p_kind, ids, p_key, p_hash, p_recipe, p_reference, p_evidence, p_item_reversed, v_books, p_effective)
               t(code, kind, id, key, hash, recipe, reference, evidence, reversed, books, effective)
         WHERE t.code = 0 AND (t.kind = 1 OR t.kind = 3)
         ORDER BY t.key
    ), written AS (
      INSERT INTO ledger.entry (org_id, journal_id, leg, account_id, amount_minor, balance_after)
        SELECT p_org, ids[l.item], l.no, a_id[l.account], l.amount, l.after
          FROM unnest(p_leg_item, p_leg_no, p_leg_account, p_leg_amount, l_after) l(item, no, account, amount, after)
         WHERE l.after IS NOT NULL
    )
    -- These rows exist and are locked; ON CONFLICT finds each by its key, where a join would trust the planner.
    INSERT INTO ledger.account AS x (org_id, id, pool_id, code, normal_side, balance_minor, held_minor) OVERRIDING SYSTEM VALUE
      SELECT p_org, t.id, t.pool, '?', t.side, t.balance, t.held
        FROM unnest(a_id, a_pool, a_side, a_balance, a_held, o_balance, o_held) t(id, pool, side, balance, held, old_balance, old_held)
       WHERE t.balance <> t.old_balance OR t.held <> t.old_held
      ON CONFLICT (org_id, id) DO UPDATE SET balance_minor = excluded.balance_minor, held_minor = excluded.held_minor;
    IF has_reversed THEN
      INSERT INTO ledger.reversal (org_id, journal_id, reversed_by)
        SELECT p_org, p_reversed[t.reversed], t.id FROM unnest(codes, ids, p_item_reversed) t(code, id, reversed) WHERE t.code = 0 AND t.reversed > 0;
    END IF;
    IF has_holds THEN
      INSERT INTO ledger.hold (org_id, id, key, content_hash, account_id, owner, reference, amount_minor, remaining_minor, state, due_at)
        SELECT p_org, t.id, t.key, t.hash, t.account, p_item_owner[t.new], p_reference[t.new], t.amount, t.left, t.state,
               CASE WHEN t.state = 'open' THEN p_item_expires[t.new] END
          FROM unnest(p_hold_keys, h_id, h_hash, h_account, h_amount, h_left, h_state, h_new) t(key, id, hash, account, amount, "left", state, new)
         WHERE t.new > 0
         ORDER BY t.key;
      INSERT INTO ledger.hold AS x (org_id, id, key, content_hash, account_id, owner, reference, amount_minor, remaining_minor, state)
        SELECT p_org, t.id, t.key, t.hash, t.account, '', '', t.amount, t.left, t.state
          FROM unnest(p_hold_keys, h_id, h_hash, h_account, h_amount, h_left, h_state, h_new, h_by)
               t(key, id, hash, account, amount, "left", state, new, changed_by)
         WHERE t.new = 0 AND t.changed_by > 0 AND t.state IS NOT NULL
        ON CONFLICT (org_id, key) DO UPDATE SET remaining_minor = excluded.remaining_minor, state = excluded.state,
                                                due_at = CASE WHEN excluded.state = 'open' THEN x.due_at END;
    END IF;
    EXIT;
  EXCEPTION WHEN unique_violation THEN
    -- A batch on other accounts committed one of these keys meanwhile: decide again, now that it can be seen.
    IF try = c_tries THEN RAISE; END IF;
  END;
  END LOOP;

  v_done := set_config('cauce.org', coalesce(v_context, ''), true);
END $$;

-- One journal as bytes, for sealing: everything that must never change, free of time zone and locale.
CREATE FUNCTION ledger.journal_bytes(p_journal ledger.journal) RETURNS bytea
LANGUAGE sql STABLE AS $$
  SELECT convert_to(json_build_array(
    p_journal.id, p_journal.key, p_journal.content_hash, p_journal.recipe, p_journal.reference, p_journal.evidence,
    p_journal.reverses, p_journal.books, (extract(epoch FROM p_journal.effective_at) * 1000000)::bigint,
    (extract(epoch FROM p_journal.recorded_at) * 1000000)::bigint,
    (SELECT json_agg(json_build_array(e.leg, e.account_id, e.amount_minor, e.balance_after) ORDER BY e.leg)
       FROM ledger.entry e WHERE e.org_id = p_journal.org_id AND e.journal_id = p_journal.id))::text, 'UTF8')
$$;

-- The hash of a range of journals (p_from exclusive, p_until inclusive) chained to the hash before it, and how many they are.
CREATE FUNCTION ledger.digest(p_org bigint, p_previous bytea, p_from bigint, p_until bigint, OUT hash bytea, OUT journals bigint)
LANGUAGE sql STABLE AS $$
  SELECT sha256(p_previous || coalesce(string_agg(sha256(ledger.journal_bytes(j)), ''::bytea ORDER BY j.id), ''::bytea)), count(*)
    FROM ledger.journal j WHERE j.org_id = p_org AND j.id > p_from AND j.id <= p_until
$$;

-- Seal the next journals, at most p_journals_max; how many. 0: nothing to seal, or an older transaction is still open.
--
-- Numbers are drawn by transactions that have an xact id already. So once every transaction older than the one that
-- read the last number has ended, each number up to it is in the books or never will be. The mark is kept, because
-- such transactions may outlive this one.
CREATE FUNCTION ledger.seal_journals(p_org bigint, p_journals_max int) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
  v_context text := current_setting('cauce.org', true);
  v_mark ledger.seal_mark;
  v_last ledger.seal;
  v_until bigint;
  v_hash bytea;
  v_journals bigint := 0;
BEGIN
  PERFORM set_config('cauce.org', p_org::text, true);
  PERFORM pg_advisory_xact_lock(hashint8extended(p_org, 1279612745));
  SELECT * INTO v_mark FROM ledger.seal_mark WHERE org_id = p_org;
  SELECT * INTO v_last FROM ledger.seal WHERE org_id = p_org ORDER BY number DESC LIMIT 1;
  IF v_mark.org_id IS NULL OR v_mark.until_id <= coalesce(v_last.until_id, 0)
     OR v_mark.behind_xact >= pg_snapshot_xmax(pg_current_snapshot())::text::numeric THEN  -- the last case: restored from a dump
    v_mark.until_id := (SELECT last_value FROM ledger.journal_id);
    v_mark.behind_xact := pg_current_xact_id()::text::numeric;
    INSERT INTO ledger.seal_mark VALUES (p_org, v_mark.until_id, v_mark.behind_xact)
      ON CONFLICT (org_id) DO UPDATE SET until_id = excluded.until_id, behind_xact = excluded.behind_xact;
  END IF;
  IF pg_snapshot_xmin(pg_current_snapshot())::text::numeric >= v_mark.behind_xact THEN
    SELECT x.id INTO v_until FROM (
      SELECT id FROM ledger.journal WHERE org_id = p_org AND id > coalesce(v_last.until_id, 0) AND id <= v_mark.until_id
       ORDER BY id LIMIT p_journals_max) x ORDER BY x.id DESC LIMIT 1;
    IF v_until IS NOT NULL THEN
      SELECT d.hash, d.journals INTO v_hash, v_journals
        FROM ledger.digest(p_org, coalesce(v_last.hash, ''::bytea), coalesce(v_last.until_id, 0), v_until) d;
      INSERT INTO ledger.seal (org_id, number, until_id, journals, hash)
        VALUES (p_org, coalesce(v_last.number, 0) + 1, v_until, v_journals, v_hash);
    ELSE  -- no journal of this organization up to the mark: the next call reads a new one
      DELETE FROM ledger.seal_mark WHERE org_id = p_org;
    END IF;
  END IF;
  PERFORM set_config('cauce.org', coalesce(v_context, ''), true);
  RETURN v_journals;
END $$;
GRANT DELETE ON ledger.seal_mark TO cauce_ledger;

-- The balance of an account as the books stood at a past instant. Within one account numbers and recorded times rise
-- together, so the last entry is found by halving the range of numbers, however long the account's life.
CREATE FUNCTION ledger.balance_recorded(p_org bigint, p_account bigint, p_at timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  v_low bigint; v_high bigint; v_middle bigint; v_at timestamptz; v_found bigint; v_balance bigint := 0;
BEGIN
  SELECT min(journal_id), max(journal_id) INTO v_low, v_high FROM ledger.entry WHERE org_id = p_org AND account_id = p_account;
  WHILE v_low <= v_high LOOP
    v_middle := v_low + (v_high - v_low) / 2;
    SELECT e.journal_id, j.recorded_at, e.balance_after INTO v_found, v_at, v_balance
      FROM ledger.entry e JOIN ledger.journal j ON j.org_id = e.org_id AND j.id = e.journal_id
     WHERE e.org_id = p_org AND e.account_id = p_account AND e.journal_id <= v_middle ORDER BY e.journal_id DESC LIMIT 1;
    IF v_at <= p_at THEN v_low := v_middle + 1; ELSE v_high := v_found - 1; END IF;
  END LOOP;
  SELECT e.balance_after INTO v_balance FROM ledger.entry e
   WHERE e.org_id = p_org AND e.account_id = p_account AND e.journal_id <= v_high ORDER BY e.journal_id DESC LIMIT 1;
  RETURN coalesce(v_balance, 0);
END $$;

GRANT CREATE ON SCHEMA ledger TO cauce_ledger;
ALTER FUNCTION ledger.open_accounts OWNER TO cauce_ledger;
ALTER FUNCTION ledger.move_border OWNER TO cauce_ledger;
ALTER FUNCTION ledger.post OWNER TO cauce_ledger;
ALTER FUNCTION ledger.seal_journals OWNER TO cauce_ledger;
REVOKE CREATE ON SCHEMA ledger FROM cauce_ledger;
REVOKE ALL ON FUNCTION ledger.open_accounts, ledger.move_border, ledger.post, ledger.seal_journals FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.open_accounts, ledger.move_border, ledger.post, ledger.seal_journals TO cauce_app;
