-- The one way in. `ledger.open_accounts` makes what is missing, `ledger.post` decides and writes a batch.
-- Both belong to the role cauce_ledger, the only one that may write the ledger's tables.

CREATE FUNCTION ledger.open_accounts(
  p_org bigint, p_books text[], p_channels text[], p_currencies text[], p_codes text[], p_owners text[], p_sides smallint[], p_floors bigint[]
) RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_context text := current_setting('cauce.org', true);
  v_ids bigint[];
BEGIN
  PERFORM set_config('cauce.org', p_org::text, true);
  INSERT INTO ledger.pool (org_id, book, channel_id, currency)
    SELECT DISTINCT p_org, a.book, a.channel, a.currency
      FROM unnest(p_books, p_channels, p_currencies) a(book, channel, currency)
     ORDER BY 2, 3, 4
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

-- Kinds: 1 journal, 2 hold, 3 capture, 4 release, 5 expire.
-- Results: 0 posted, 1 duplicate, 2 conflict, 3 unknown_account, 4 account_closed, 5 insufficient, 6 unbalanced,
-- 7 closed_period, 8 linked_failed, 9 hold_not_open, 10 hold_exceeded, 11 no_evidence, 12 both_books, 13 out_of_range,
-- 14 bad_legs. The same table stands in cauce.ledger.rules.
-- Items of one link group (p_link > 0) stand together; all of them are posted or none.
-- Legs of one journal stand together, those of one pool next to each other. Amounts are signed, debits positive.
CREATE FUNCTION ledger.post(
  p_org bigint,
  p_accounts bigint[],                       -- distinct, ascending
  p_kind smallint[], p_key text[], p_hash bytea[], p_recipe text[], p_reference text[], p_evidence text[],
  p_effective timestamptz[], p_reverses bigint[], p_link int[], p_same_as int[], p_first_leg int[], p_leg_count int[],
  p_leg_item int[], p_leg_no smallint[], p_leg_account int[], p_leg_amount bigint[],
  -- only for batches with holds, else NULL:
  p_hold_keys text[], p_item_hold int[], p_item_account int[], p_item_amount bigint[], p_item_final boolean[],
  p_item_owner text[], p_item_expires timestamptz[],
  OUT codes smallint[], OUT ids bigint[]
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  c_amount_max  CONSTANT bigint := 1000000000000000000;
  c_balance_max CONSTANT bigint := 8000000000000000000;
  v_context text := current_setting('cauce.org', true);
  n int := cardinality(p_kind);
  m int := cardinality(p_leg_account);
  v_now timestamptz;
  -- per account
  a_id bigint[]; a_balance bigint[]; a_held bigint[]; a_side smallint[]; a_floor bigint[]; a_pool int[]; a_book smallint[];
  a_open_from timestamptz[]; a_closed boolean[]; a_last int[];
  -- per hold
  h_id bigint[]; h_account bigint[]; h_left bigint[]; h_state text[]; h_hash bytea[]; h_new int[];
  -- per item and leg
  k_id bigint[]; k_hash bytea[]; v_books smallint[]; v_root int[]; l_after bigint[];
  -- undo of holds inside a link group
  u_hold int[]; u_left bigint[]; u_state text[]; u_account int[]; u_held bigint[]; u_count int;
  i int; k int; d int; h int; p int; r int; g0 int; g int; code smallint; a bigint; b bigint; s bigint; t bigint;
  has_holds boolean := p_hold_keys IS NOT NULL;
  booked smallint; taken bigint; v_hash bytea;
BEGIN
  PERFORM set_config('cauce.org', p_org::text, true);
  -- Closing a month takes this lock alone and so waits for every batch that may have read the old border.
  PERFORM pg_advisory_xact_lock_shared(hashint8extended(p_org, 1279612743));

  SELECT array_agg(x.id), array_agg(x.balance_minor), array_agg(x.held_minor), array_agg(x.normal_side), array_agg(x.floor_minor),
         array_agg(x.pool_id), array_agg(x.closed_at IS NOT NULL)
    INTO a_id, a_balance, a_held, a_side, a_floor, a_pool, a_closed
    FROM (SELECT * FROM ledger.account WHERE org_id = p_org AND id = ANY (p_accounts) ORDER BY id FOR UPDATE) x;
  IF cardinality(a_id) IS DISTINCT FROM cardinality(p_accounts) THEN  -- some do not exist: line the others up again
    SELECT array_agg(w.id ORDER BY w.n), array_agg(x.balance_minor ORDER BY w.n), array_agg(x.held_minor ORDER BY w.n),
           array_agg(x.normal_side ORDER BY w.n), array_agg(x.floor_minor ORDER BY w.n), array_agg(x.pool_id ORDER BY w.n),
           array_agg(x.closed_at IS NOT NULL ORDER BY w.n)
      INTO a_id, a_balance, a_held, a_side, a_floor, a_pool, a_closed
      FROM unnest(p_accounts) WITH ORDINALITY w(id, n) LEFT JOIN ledger.account x ON x.org_id = p_org AND x.id = w.id;
  END IF;
  SELECT array_agg(CASE q.book WHEN 'platform' THEN 1 WHEN 'custody' THEN 2 END::smallint ORDER BY w.n),
         array_agg(q.closed_before ORDER BY w.n)
    INTO a_book, a_open_from
    FROM unnest(a_pool) WITH ORDINALITY w(pool, n) LEFT JOIN ledger.pool q ON q.org_id = p_org AND q.id = w.pool;
  a_last := array_fill(0, ARRAY[greatest(cardinality(p_accounts), 1)]);

  -- Keys that are known already; after the locks, so that whoever posted them has committed.
  k_id := array_fill(NULL::bigint, ARRAY[n]);
  k_hash := array_fill(NULL::bytea, ARRAY[n]);
  FOR i, b, v_hash IN
    SELECT w.n, j.id, j.content_hash
      FROM (SELECT id, key, content_hash FROM ledger.journal WHERE org_id = p_org AND key = ANY (p_key)) j
      JOIN unnest(p_key, p_kind) WITH ORDINALITY w(key, kind, n) ON w.key = j.key AND w.kind IN (1, 3)
  LOOP
    k_id[i] := b;
    k_hash[i] := v_hash;
  END LOOP;

  IF has_holds THEN
    SELECT array_agg(x.id ORDER BY w.n), array_agg(x.account_id ORDER BY w.n), array_agg(x.remaining_minor ORDER BY w.n),
           array_agg(x.state ORDER BY w.n), array_agg(x.content_hash ORDER BY w.n), array_agg(0 ORDER BY w.n)
      INTO h_id, h_account, h_left, h_state, h_hash, h_new
      FROM unnest(p_hold_keys) WITH ORDINALITY w(key, n) LEFT JOIN ledger.hold x ON x.org_id = p_org AND x.key = w.key;
  END IF;

  SELECT array_agg(nextval('ledger.journal_id')) INTO ids FROM generate_series(1, n);
  v_now := clock_timestamp();
  codes := array_fill(0::smallint, ARRAY[n]);
  v_books := array_fill(0::smallint, ARRAY[n]);
  v_root := array_fill(0, ARRAY[n]);
  l_after := array_fill(NULL::bigint, ARRAY[greatest(m, 1)]);
  g0 := 1;
  u_count := 0;

  FOR i IN 1..n LOOP
    IF p_link[i] = 0 OR i = 1 OR p_link[i] <> p_link[i - 1] THEN
      g0 := i;
      u_count := 0;
    END IF;
    code := 0;
    booked := 0;
    h := 0;
    r := p_same_as[i];
    IF r > 0 THEN  -- an earlier item of this batch has the key: follow it to the one that was posted
      IF codes[r] > 0 THEN r := v_root[r]; END IF;
      IF r > 0 AND codes[r] <> 0 THEN r := 0; END IF;
      v_root[i] := r;
    END IF;
    IF p_link[i] > 0 AND i > g0 AND codes[i - 1] > 1 THEN
      code := 8;
    ELSIF k_id[i] IS NOT NULL THEN
      code := CASE WHEN k_hash[i] = p_hash[i] THEN 1 ELSE 2 END;
      IF code = 1 THEN ids[i] := k_id[i]; END IF;
    ELSIF r > 0 THEN
      code := CASE WHEN p_hash[r] = p_hash[i] THEN 1 ELSE 2 END;
      IF code = 1 THEN ids[i] := ids[r]; END IF;
    ELSE
      taken := 0;
      IF p_kind[i] > 1 THEN  -- what concerns holds, before the legs
        h := p_item_hold[i];
        d := p_item_account[i];
        IF a_side[d] IS NULL THEN code := 3;
        ELSIF p_kind[i] = 2 THEN
          IF h_state[h] IS NOT NULL THEN
            code := CASE WHEN h_hash[h] = p_hash[i] THEN 1 ELSE 2 END;
            IF code = 1 THEN ids[i] := h_id[h]; END IF;
          ELSIF a_closed[d] THEN code := 4;
          ELSIF p_item_amount[i] <= 0 OR p_item_amount[i] > c_amount_max THEN code := 13;
          ELSIF a_floor[d] IS NOT NULL AND a_side[d] * a_balance[d] - a_held[d] - p_item_amount[i] < a_floor[d] THEN code := 5;
          END IF;
        ELSIF h_state[h] IS NULL OR h_account[h] IS DISTINCT FROM a_id[d] THEN code := 9;
        ELSIF h_state[h] <> 'open' THEN
          -- Releasing what is released is the same request again; capturing what is gone is not.
          code := CASE WHEN p_kind[i] = 4 AND h_state[h] = 'released' OR p_kind[i] = 5 AND h_state[h] = 'expired' THEN 1 ELSE 9 END;
          IF code = 1 THEN ids[i] := h_id[h]; END IF;
        ELSIF p_kind[i] = 3 THEN
          FOR k IN p_first_leg[i]..p_first_leg[i] + p_leg_count[i] - 1 LOOP
            IF p_leg_account[k] = d THEN taken := -a_side[d] * p_leg_amount[k]; END IF;
          END LOOP;
          IF taken <= 0 OR taken > h_left[h] THEN code := 10; END IF;
        END IF;
        IF code = 0 THEN
          u_count := u_count + 1;
          u_hold[u_count] := h; u_left[u_count] := h_left[h]; u_state[u_count] := h_state[h];
          u_account[u_count] := d; u_held[u_count] := a_held[d];
          IF p_kind[i] = 2 THEN
            a_held[d] := a_held[d] + p_item_amount[i];
            h_left[h] := p_item_amount[i]; h_state[h] := 'open'; h_account[h] := a_id[d]; h_hash[h] := p_hash[i];
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
        IF p_leg_count[i] < 2 THEN code := 14; END IF;
        FOR k IN p_first_leg[i]..p_first_leg[i] + p_leg_count[i] - 1 LOOP
          EXIT WHEN code > 0;
          d := p_leg_account[k];
          a := p_leg_amount[k];
          IF a_side[d] IS NULL THEN code := 3; EXIT; END IF;
          IF a_last[d] = i OR a = 0 THEN code := 14; EXIT; END IF;
          a_last[d] := i;
          IF a > c_amount_max OR a < -c_amount_max THEN code := 13; EXIT; END IF;
          IF a_closed[d] THEN code := 4; EXIT; END IF;
          IF p_effective[i] < a_open_from[d] THEN code := 7; EXIT; END IF;
          IF a_pool[d] <> p THEN
            IF s <> 0 THEN code := 6; EXIT; END IF;
            p := a_pool[d];
            booked := booked | a_book[d];
          END IF;
          s := s + a;
          b := a_balance[d] + a;
          IF b > c_balance_max OR b < -c_balance_max OR s > c_balance_max OR s < -c_balance_max THEN code := 13; EXIT; END IF;
          -- Only what lowers an account can break its floor.
          IF a_side[d] * a < 0 AND a_floor[d] IS NOT NULL AND a_side[d] * b - a_held[d] < a_floor[d] THEN code := 5; EXIT; END IF;
          a_balance[d] := b;
          l_after[k] := b;
        END LOOP;
        IF code = 0 THEN
          IF s <> 0 THEN code := 6;
          ELSIF booked > 1 AND p_evidence[i] IS NULL THEN code := 11;
          ELSIF booked = 3 AND p_recipe[i] <> 'T14' THEN code := 12;
          END IF;
        END IF;
        v_books[i] := booked;
      END IF;
    END IF;
    codes[i] := code;

    IF code > 1 THEN  -- take back this item, and with it its link group
      FOR g IN g0..i LOOP
        FOR k IN p_first_leg[g]..p_first_leg[g] + p_leg_count[g] - 1 LOOP
          IF l_after[k] IS NOT NULL THEN
            d := p_leg_account[k];
            a_balance[d] := a_balance[d] - p_leg_amount[k];
            l_after[k] := NULL;
          END IF;
        END LOOP;
        IF g < i AND codes[g] < 2 THEN codes[g] := 8; END IF;
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

  INSERT INTO ledger.journal (org_id, id, key, content_hash, recipe, reference, evidence, reverses, books, effective_at, recorded_at, posted_in)
    SELECT p_org, t.id, t.key, t.hash, t.recipe, t.reference, t.evidence, t.reverses, t.books, t.effective, v_now, pg_current_xact_id()::text::bigint::text::bigint
      FROM unnest(codes, p_kind, ids, p_key, p_hash, p_recipe, p_reference, p_evidence, p_reverses, v_books, p_effective)
           t(code, kind, id, key, hash, recipe, reference, evidence, reverses, books, effective)
     WHERE t.code = 0 AND (t.kind = 1 OR t.kind = 3);
  INSERT INTO ledger.entry (org_id, journal_id, leg, account_id, amount_minor, balance_after)
    SELECT p_org, ids[l.item], l.no, a_id[l.account], l.amount, l.after
      FROM unnest(p_leg_item, p_leg_no, p_leg_account, p_leg_amount, l_after) l(item, no, account, amount, after)
     WHERE l.after IS NOT NULL;
  IF has_holds THEN
    INSERT INTO ledger.hold (org_id, id, key, content_hash, account_id, owner, reference, amount_minor, remaining_minor, state, due_at)
      SELECT p_org, t.id, t.key, t.hash, t.account, p_item_owner[t.new], p_reference[t.new], p_item_amount[t.new], t.left, t.state,
             CASE WHEN t.state = 'open' THEN p_item_expires[t.new] END
        FROM unnest(p_hold_keys, h_id, h_hash, h_account, h_left, h_state, h_new) t(key, id, hash, account, "left", state, new)
       WHERE t.new > 0;
    UPDATE ledger.hold x SET remaining_minor = t.left, state = t.state, due_at = CASE WHEN t.state = 'open' THEN x.due_at END
      FROM unnest(h_id, h_left, h_state, h_new) t(id, "left", state, new)
     WHERE t.new = 0 AND t.state IS NOT NULL AND x.org_id = p_org AND x.id = t.id AND (x.remaining_minor <> t.left OR x.state <> t.state);
  END IF;
  UPDATE ledger.account x SET balance_minor = t.balance, held_minor = t.held
    FROM unnest(a_id, a_balance, a_held) t(id, balance, held)
   WHERE x.org_id = p_org AND x.id = t.id AND (x.balance_minor <> t.balance OR x.held_minor <> t.held);
  PERFORM set_config('cauce.org', coalesce(v_context, ''), true);
END $$;

GRANT CREATE ON SCHEMA ledger TO cauce_ledger;
ALTER FUNCTION ledger.open_accounts OWNER TO cauce_ledger;
ALTER FUNCTION ledger.post OWNER TO cauce_ledger;
REVOKE CREATE ON SCHEMA ledger FROM cauce_ledger;
REVOKE ALL ON FUNCTION ledger.open_accounts, ledger.post FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.open_accounts, ledger.post TO cauce_app;
