--
-- PostgreSQL database dump
--



SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: catalog; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA catalog;


--
-- Name: channels; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA channels;


--
-- Name: compliance; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA compliance;


--
-- Name: conversations; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA conversations;


--
-- Name: customers; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA customers;


--
-- Name: directory; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA directory;


--
-- Name: entitlements; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA entitlements;


--
-- Name: invoicing; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA invoicing;


--
-- Name: ledger; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA ledger;


--
-- Name: merchants; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA merchants;


--
-- Name: orders; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA orders;


--
-- Name: outreach; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA outreach;


--
-- Name: payments; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA payments;


--
-- Name: provisioning; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA provisioning;


--
-- Name: reconciliation; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA reconciliation;


--
-- Name: relations; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA relations;


--
-- Name: reports; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA reports;


--
-- Name: settlement; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA settlement;


--
-- Name: splits; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA splits;


--
-- Name: storage; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA storage;


--
-- Name: subscriptions; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA subscriptions;


--
-- Name: usage; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA usage;


--
-- Name: webhooks; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA webhooks;


--
-- Name: check_changed_part(); Type: FUNCTION; Schema: compliance; Owner: -
--

CREATE FUNCTION compliance.check_changed_part() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  PERFORM compliance.check_parts(NEW.org_id, ARRAY [NEW.collection_id], ARRAY [NEW.party]);
  RETURN NULL;
END $$;


--
-- Name: check_new_parts(); Type: FUNCTION; Schema: compliance; Owner: -
--

CREATE FUNCTION compliance.check_new_parts() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE v_org bigint; v_collections text[]; v_parties text[];
BEGIN
  FOR v_org, v_collections, v_parties IN
    SELECT n.org_id, array_agg(n.collection_id), array_agg(n.party) FROM fresh n GROUP BY n.org_id
  LOOP
    PERFORM compliance.check_parts(v_org, v_collections, v_parties);
  END LOOP;
  RETURN NULL;
END $$;


--
-- Name: check_parts(bigint, text[], text[]); Type: FUNCTION; Schema: compliance; Owner: -
--

CREATE FUNCTION compliance.check_parts(p_org bigint, p_collections text[], p_parties text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE v_wrong text;
BEGIN
  SELECT c.id INTO v_wrong
    FROM orders.collection c
    JOIN splits.allocation a ON a.org_id = c.org_id AND a.collection_id = c.id
   WHERE c.org_id = p_org AND c.id = ANY (p_collections)
   GROUP BY c.id, c.amount_minor HAVING sum(a.amount_minor + a.fee_borne_minor) > c.amount_minor LIMIT 1;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'the parts of collection % exceed what it collected', v_wrong USING ERRCODE = 'check_violation', CONSTRAINT = 'k6_split_bound';
  END IF;
  SELECT w.party INTO v_wrong
    FROM (SELECT DISTINCT w.party, c.channel_id
            FROM unnest(p_collections, p_parties) w(collection_id, party)
            JOIN orders.collection c ON c.org_id = p_org AND c.id = w.collection_id
           WHERE w.party NOT IN ('fee', 'kept')) w
   WHERE NOT EXISTS (SELECT FROM merchants.account m
                      WHERE m.org_id = p_org AND m.merchant_id = w.party AND m.channel_id = w.channel_id AND m.agreed_at IS NOT NULL) LIMIT 1;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION '% has no agreement at the holder of the collection', v_wrong USING ERRCODE = 'check_violation', CONSTRAINT = 'k7_party_bound';
  END IF;
END $$;


--
-- Name: keep_mode(); Type: FUNCTION; Schema: directory; Owner: -
--

CREATE FUNCTION directory.keep_mode() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF NEW.mode <> OLD.mode OR NEW.public_id <> OLD.public_id THEN
    RAISE EXCEPTION 'an organization keeps its mode for life' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;


--
-- Name: now_at(timestamp with time zone, bigint); Type: FUNCTION; Schema: directory; Owner: -
--

CREATE FUNCTION directory.now_at(p_frozen_at timestamp with time zone, p_offset_seconds bigint) RETURNS timestamp with time zone
    LANGUAGE sql PARALLEL SAFE
    AS $$ SELECT coalesce(p_frozen_at, clock_timestamp() + make_interval(secs => p_offset_seconds)) $$;


--
-- Name: balance_recorded(bigint, bigint, timestamp with time zone); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.balance_recorded(p_org bigint, p_account bigint, p_at timestamp with time zone) RETURNS bigint
    LANGUAGE plpgsql STABLE
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    AS $$
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


--
-- Name: border(bigint, text, text); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.border(p_org bigint, p_book text, p_channel text) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    AS $$
  SELECT coalesce(max(until_at), '-infinity') FROM ledger.month
   WHERE org_id = p_org AND book = p_book AND channel_id = p_channel AND state = 'closed'
$$;


--
-- Name: border_lock(bigint); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.border_lock(p_org bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT hashint8extended(p_org, 1279612743) $$;


--
-- Name: digest(bigint, bytea, bigint, bigint); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.digest(p_org bigint, p_previous bytea, p_from bigint, p_until bigint, OUT hash bytea, OUT journals bigint) RETURNS record
    LANGUAGE sql STABLE
    AS $$
  SELECT sha256(p_previous || coalesce(string_agg(sha256(ledger.journal_bytes(j)), ''::bytea ORDER BY j.id), ''::bytea)), count(*)
    FROM ledger.journal j WHERE j.org_id = p_org AND j.id > p_from AND j.id <= p_until
$$;


--
-- Name: guard_month(); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.guard_month() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF TG_OP = 'DELETE' OR NEW.until_at <> OLD.until_at OR
     (OLD.state = 'closed' AND NEW.state <> 'closed' AND (NEW.reopened_at IS NULL OR NEW.reopened_at IS NOT DISTINCT FROM OLD.reopened_at)) THEN
    RAISE EXCEPTION 'a closed month is reopened by two persons with a reason' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: journal; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.journal (
    org_id bigint NOT NULL,
    id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    content_hash bigint NOT NULL,
    recipe text NOT NULL COLLATE pg_catalog."C",
    reference text NOT NULL COLLATE pg_catalog."C",
    evidence text COLLATE pg_catalog."C",
    reverses bigint,
    books smallint NOT NULL,
    effective_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT custody_has_evidence CHECK (((books = 1) OR (COALESCE(evidence, ''::text) <> ''::text))),
    CONSTRAINT journal_books_check CHECK ((books = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT journal_key_check CHECK ((key <> ''::text)),
    CONSTRAINT only_the_fee_sweep_touches_both_books CHECK (((books <> 3) OR (recipe = 'T14'::text)))
);

ALTER TABLE ONLY ledger.journal FORCE ROW LEVEL SECURITY;


--
-- Name: journal_bytes(ledger.journal); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.journal_bytes(p_journal ledger.journal) RETURNS bytea
    LANGUAGE sql STABLE
    AS $$
  SELECT convert_to(json_build_array(
    p_journal.id, p_journal.key, p_journal.content_hash, p_journal.recipe, p_journal.reference, p_journal.evidence,
    p_journal.reverses, p_journal.books, (extract(epoch FROM p_journal.effective_at) * 1000000)::bigint,
    (extract(epoch FROM p_journal.recorded_at) * 1000000)::bigint,
    (SELECT json_agg(json_build_array(e.leg, e.account_id, e.amount_minor, e.balance_after) ORDER BY e.leg)
       FROM ledger.entry e WHERE e.org_id = p_journal.org_id AND e.journal_id = p_journal.id))::text, 'UTF8')
$$;


--
-- Name: move_border(bigint, text, text); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.move_border(p_org bigint, p_book text, p_channel text) RETURNS timestamp with time zone
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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


--
-- Name: open_accounts(bigint, text[], text[], text[], text[], text[], smallint[], bigint[]); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.open_accounts(p_org bigint, p_books text[], p_channels text[], p_currencies text[], p_codes text[], p_owners text[], p_sides smallint[], p_floors bigint[]) RETURNS bigint[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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


--
-- Name: post(bigint, bigint[], smallint[], text[], bigint[], text[], text[], text[], timestamp with time zone[], integer[], integer[], integer[], smallint[], integer[], bigint[], integer[], integer[], bigint[], integer[], text[], integer[], integer[], bigint[], boolean[], text[], timestamp with time zone[]); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.post(p_org bigint, p_accounts bigint[], p_kind smallint[], p_key text[], p_hash bigint[], p_recipe text[], p_reference text[], p_evidence text[], p_effective timestamp with time zone[], p_first_leg integer[], p_leg_count integer[], p_leg_item integer[], p_leg_no smallint[], p_leg_account integer[], p_leg_amount bigint[], p_link integer[], p_same_as integer[], p_reversed bigint[], p_item_reversed integer[], p_hold_keys text[], p_item_hold integer[], p_item_account integer[], p_item_amount bigint[], p_item_final boolean[], p_item_owner text[], p_item_expires timestamp with time zone[], OUT codes smallint[], OUT ids bigint[]) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
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


--
-- Name: seal_journals(bigint, integer); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.seal_journals(p_org bigint, p_journals_max integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
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


--
-- Name: stop_posting(bigint); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.stop_posting(p_org bigint) RETURNS void
    LANGUAGE sql
    AS $$ SELECT pg_advisory_xact_lock(ledger.border_lock(p_org)) $$;


--
-- Name: allows(text, text, text); Type: FUNCTION; Schema: provisioning; Owner: -
--

CREATE FUNCTION provisioning.allows(p_source text, p_trigger text, p_target text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
  SELECT EXISTS (SELECT FROM provisioning.transitions() t WHERE (t.source, t.trigger, t.target) = (p_source, p_trigger, p_target))
$$;


--
-- Name: transitions(); Type: FUNCTION; Schema: provisioning; Owner: -
--

CREATE FUNCTION provisioning.transitions() RETURNS TABLE(source text, trigger text, target text)
    LANGUAGE sql IMMUTABLE
    AS $$ VALUES
  ('-', 'adopt', 'ready'),
  ('-', 'request', 'requested'),
  ('deleted', 'start', 'provisioning'),
  ('failed', 'delete', 'deleted'),
  ('failed', 'start', 'provisioning'),
  ('provisioning', 'fail', 'failed'),
  ('provisioning', 'succeed', 'ready'),
  ('ready', 'delete', 'deleted'),
  ('ready', 'suspend', 'suspended'),
  ('requested', 'delete', 'deleted'),
  ('requested', 'fail', 'failed'),
  ('requested', 'start', 'provisioning'),
  ('suspended', 'delete', 'deleted'),
  ('suspended', 'restore', 'ready')
$$;


--
-- Name: fold(bigint, integer); Type: FUNCTION; Schema: reports; Owner: -
--

CREATE FUNCTION reports.fold(p_org bigint, p_rows integer) RETURNS bigint
    LANGUAGE sql
    AS $$
  WITH taken AS (
    DELETE FROM reports.change c USING (
      SELECT id FROM reports.change WHERE org_id = p_org ORDER BY id LIMIT p_rows) x
     WHERE c.org_id = p_org AND c.id = x.id
    RETURNING c.measure, c.currency, c.day, c.of_day, c.amount_minor, c.count
  ), folded AS (
    INSERT INTO reports.daily AS d (org_id, measure, currency, day, of_day, amount_minor, count)
    SELECT p_org, t.measure, t.currency, t.day, t.of_day, sum(t.amount_minor)::bigint, sum(t.count)::bigint FROM taken t GROUP BY 2, 3, 4, 5 ORDER BY 2, 3, 4, 5
    ON CONFLICT (org_id, measure, currency, day, of_day) DO UPDATE SET amount_minor = d.amount_minor + excluded.amount_minor, count = d.count + excluded.count
  )
  SELECT count(*) FROM taken
$$;


--
-- Name: tell_credited(); Type: FUNCTION; Schema: reports; Owner: -
--

CREATE FUNCTION reports.tell_credited() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO reports.change (org_id, measure, currency, day, of_day, amount_minor, count)
  SELECT f.org_id, 'credited', f.currency, x.day, x.day, sum(f.total_minor)::bigint, count(*)
    FROM fresh f CROSS JOIN LATERAL (SELECT (f.issued_at AT TIME ZONE 'UTC')::date AS day) x GROUP BY f.org_id, f.currency, x.day;
  RETURN NULL;
END $$;


--
-- Name: tell_invoices(); Type: FUNCTION; Schema: reports; Owner: -
--

CREATE FUNCTION reports.tell_invoices() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO reports.change (org_id, measure, currency, day, of_day, amount_minor, count)
  SELECT f.org_id, m.measure, f.currency, (f.finalized_at AT TIME ZONE 'UTC')::date, m.of_day, sum(m.amount)::bigint, count(*)
    FROM fresh f CROSS JOIN LATERAL (
      SELECT 'invoiced' AS measure, f.total_minor AS amount, (f.finalized_at AT TIME ZONE 'UTC')::date AS of_day
      UNION ALL SELECT 'outstanding', f.total_minor - f.credit_minor - f.paid_minor - f.credited_minor - f.lost_minor, coalesce(f.payable_on, f.issued_on)
       WHERE f.status = 'open') m
   WHERE f.finalized_at IS NOT NULL
   GROUP BY 1, 2, 3, 4, 5;
  RETURN NULL;
END $$;


--
-- Name: tell_payments(); Type: FUNCTION; Schema: reports; Owner: -
--

CREATE FUNCTION reports.tell_payments() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO reports.change (org_id, measure, currency, day, of_day, amount_minor, count)
  SELECT f.org_id, m.measure, m.currency, (f.paid_at AT TIME ZONE 'UTC')::date, (f.paid_at AT TIME ZONE 'UTC')::date, sum(m.amount)::bigint, count(*)
    FROM fresh f CROSS JOIN LATERAL (
      SELECT 'collected' AS measure, f.currency, f.amount_minor AS amount
      UNION ALL SELECT 'fee', coalesce(nullif(f.settled_currency, ''), f.currency), f.fee_minor WHERE f.fee_minor <> 0
      UNION ALL SELECT 'refunded', f.currency, f.refunded_minor WHERE f.refunded_minor <> 0) m
   GROUP BY 1, 2, 3, 4;
  RETURN NULL;
END $$;


--
-- Name: tell_recovered(); Type: FUNCTION; Schema: reports; Owner: -
--

CREATE FUNCTION reports.tell_recovered() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO reports.change (org_id, measure, currency, day, of_day, amount_minor, count)
  SELECT a.org_id, 'recovered', a.currency, x.day, x.day, sum(a.recovered_minor - b.recovered_minor)::bigint, count(*)
    FROM before b JOIN after a ON a.org_id = b.org_id AND a.id = b.id
   CROSS JOIN LATERAL (SELECT coalesce((a.ended_at AT TIME ZONE 'UTC')::date, reports.today(a.org_id)) AS day) x
   WHERE a.recovered_minor <> b.recovered_minor GROUP BY a.org_id, a.currency, x.day;
  RETURN NULL;
END $$;


--
-- Name: tell_returned(); Type: FUNCTION; Schema: reports; Owner: -
--

CREATE FUNCTION reports.tell_returned() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO reports.change (org_id, measure, currency, day, of_day, amount_minor, count)
  SELECT a.org_id, m.measure, m.currency, reports.today(a.org_id), reports.today(a.org_id), sum(m.amount)::bigint, count(*)
    FROM before b JOIN after a ON a.org_id = b.org_id AND a.id = b.id
   CROSS JOIN LATERAL (
     SELECT 'refunded' AS measure, a.currency, a.refunded_minor - b.refunded_minor AS amount WHERE a.refunded_minor <> b.refunded_minor
     UNION ALL SELECT 'fee', coalesce(nullif(a.settled_currency, ''), a.currency), a.fee_minor - b.fee_minor WHERE a.fee_minor <> b.fee_minor) m
   GROUP BY 1, 2, 3, 4;
  RETURN NULL;
END $$;


--
-- Name: tell_settled(); Type: FUNCTION; Schema: reports; Owner: -
--

CREATE FUNCTION reports.tell_settled() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO reports.change (org_id, measure, currency, day, of_day, amount_minor, count)
  SELECT c.org_id, m.measure, c.currency, c.day, m.of_day, sum(m.amount)::bigint, sum(m.count)::bigint
    FROM (
      SELECT a.org_id, a.currency, coalesce(a.payable_on, a.issued_on, reports.today(a.org_id)) AS of_day,
             CASE a.status WHEN 'paid' THEN (a.paid_at AT TIME ZONE 'UTC')::date
               WHEN 'void' THEN (a.closed_at AT TIME ZONE 'UTC')::date WHEN 'uncollectible' THEN (a.closed_at AT TIME ZONE 'UTC')::date
               ELSE reports.today(a.org_id) END AS day,
             CASE WHEN b.status = 'open' THEN b.total_minor - b.credit_minor - b.paid_minor - b.credited_minor - b.lost_minor ELSE 0 END AS left_before,
             CASE WHEN a.status = 'open' THEN a.total_minor - a.credit_minor - a.paid_minor - a.credited_minor - a.lost_minor ELSE 0 END AS left_after,
             (a.status = 'open')::int - (b.status = 'open')::int AS opened, a.lost_minor - b.lost_minor AS lost,
             CASE WHEN b.finalized_at IS NULL AND a.finalized_at IS NOT NULL THEN a.total_minor END AS invoiced
        FROM before b JOIN after a ON a.org_id = b.org_id AND a.id = b.id
       WHERE (a.status, a.paid_minor, a.credit_minor, a.credited_minor, a.lost_minor, a.payable_on)
             IS DISTINCT FROM (b.status, b.paid_minor, b.credit_minor, b.credited_minor, b.lost_minor, b.payable_on)) c
   CROSS JOIN LATERAL (
     SELECT 'outstanding' AS measure, c.left_after - c.left_before AS amount, c.opened AS count, c.of_day WHERE c.left_after <> c.left_before OR c.opened <> 0
     UNION ALL SELECT 'lost', c.lost, 1, c.day WHERE c.lost <> 0
     UNION ALL SELECT 'invoiced', c.invoiced, 1, c.day WHERE c.invoiced IS NOT NULL) m
   GROUP BY 1, 2, 3, 4, 5;
  RETURN NULL;
END $$;


--
-- Name: tell_steps(); Type: FUNCTION; Schema: reports; Owner: -
--

CREATE FUNCTION reports.tell_steps() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO reports.change (org_id, measure, currency, day, of_day, amount_minor, count)
  SELECT f.org_id, m.measure, f.currency, (f.at AT TIME ZONE 'UTC')::date, (f.at AT TIME ZONE 'UTC')::date, sum(m.amount)::bigint, sum(m.count)::bigint
    FROM fresh f CROSS JOIN LATERAL (
      SELECT 'mrr.' || CASE WHEN f.mrr_before_minor = 0 AND f.trigger IN ('reactivate', 'resume', 'convert') THEN 'reactivation'
                            WHEN f.mrr_before_minor = 0 THEN 'new' WHEN f.mrr_after_minor = 0 THEN 'churn'
                            WHEN f.mrr_after_minor > f.mrr_before_minor THEN 'expansion' ELSE 'contraction' END AS measure,
             f.mrr_after_minor - f.mrr_before_minor AS amount, 1 AS count WHERE f.mrr_before_minor <> f.mrr_after_minor
      UNION ALL SELECT 'state.' || f.target, 0, 1 WHERE f.source <> f.target
      UNION ALL SELECT 'state.' || f.source, 0, -1 WHERE f.source <> f.target AND f.source <> '-'
      UNION ALL SELECT 'trial.started', 0, 1 WHERE f.target = 'trialing' AND f.source <> 'trialing'
      UNION ALL SELECT 'trial.converted', 0, 1 WHERE f.source = 'trialing' AND f.target IN ('active', 'past_due', 'incomplete') OR f.trigger = 'convert' AND f.target = 'active'
      UNION ALL SELECT 'trial.lost', 0, 1 WHERE f.source = 'trialing' AND f.target IN ('canceled', 'expired', 'paused')
      UNION ALL SELECT 'trial.lost', 0, -1 WHERE f.trigger = 'convert' AND f.target = 'active') m
   GROUP BY 1, 2, 3, 4;
  RETURN NULL;
END $$;


--
-- Name: tell_uncredited(); Type: FUNCTION; Schema: reports; Owner: -
--

CREATE FUNCTION reports.tell_uncredited() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO reports.change (org_id, measure, currency, day, of_day, amount_minor, count)
  SELECT a.org_id, 'credited', a.currency, x.day, x.day, -sum(a.total_minor)::bigint, -count(*)
    FROM before b JOIN after a ON a.org_id = b.org_id AND a.id = b.id
   CROSS JOIN LATERAL (SELECT (a.voided_at AT TIME ZONE 'UTC')::date AS day) x
   WHERE b.voided_at IS NULL AND a.voided_at IS NOT NULL GROUP BY a.org_id, a.currency, x.day;
  RETURN NULL;
END $$;


--
-- Name: today(bigint); Type: FUNCTION; Schema: reports; Owner: -
--

CREATE FUNCTION reports.today(p_org bigint) RETURNS date
    LANGUAGE sql
    AS $$
  SELECT (directory.now_at(clock_frozen_at, clock_offset_seconds) AT TIME ZONE 'UTC')::date FROM directory.org WHERE id = p_org
$$;


--
-- Name: isolate(regclass, text); Type: FUNCTION; Schema: storage; Owner: -
--

CREATE FUNCTION storage.isolate(p_table regclass, p_rights text DEFAULT 'SELECT, INSERT, UPDATE, DELETE'::text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', p_table);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', p_table);
  EXECUTE format('CREATE POLICY org_isolation ON %s TO cauce_app, cauce_ledger '
                 'USING (org_id = ANY ((SELECT storage.orgs())::bigint[])) '
                 'WITH CHECK (org_id = ANY ((SELECT storage.orgs())::bigint[]))', p_table);
  EXECUTE format('GRANT %s ON %s TO cauce_app', p_rights, p_table);
END $$;


--
-- Name: orgs(); Type: FUNCTION; Schema: storage; Owner: -
--

CREATE FUNCTION storage.orgs() RETURNS bigint[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT string_to_array(nullif(current_setting('cauce.org', true), ''), ',')::bigint[] $$;


--
-- Name: promote_jobs(bigint[], text[]); Type: FUNCTION; Schema: storage; Owner: -
--

CREATE FUNCTION storage.promote_jobs(p_orgs bigint[], p_keys text[]) RETURNS integer
    LANGUAGE plpgsql
    AS $$
DECLARE
  v_id bigint;
  v_state text;
  v_count integer := 0;
BEGIN
  FOR v_place IN 1 .. cardinality(p_orgs) LOOP
    SELECT id, state INTO v_id, v_state FROM storage.job
     WHERE org_id = p_orgs[v_place] AND key = p_keys[v_place] AND state <> 'buried' ORDER BY id LIMIT 1;
    IF v_state = 'blocked' THEN
      UPDATE storage.job SET state = 'waiting' WHERE org_id = p_orgs[v_place] AND id = v_id AND state = 'blocked';
      v_count := v_count + 1;
    END IF;
    v_state := NULL;
  END LOOP;
  RETURN v_count;
END $$;


--
-- Name: refuse_change(); Type: FUNCTION; Schema: storage; Owner: -
--

CREATE FUNCTION storage.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;


--
-- Name: schedule(regclass, text); Type: FUNCTION; Schema: storage; Owner: -
--

CREATE FUNCTION storage.schedule(p_table regclass, p_columns text DEFAULT 'org_id, due_at'::text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
  EXECUTE format('CREATE POLICY scheduling ON %s FOR SELECT TO cauce_scheduler USING (true)', p_table);
  EXECUTE format('GRANT SELECT (%s) ON %s TO cauce_scheduler', p_columns, p_table);
END $$;


--
-- Name: allows(text, text, text); Type: FUNCTION; Schema: subscriptions; Owner: -
--

CREATE FUNCTION subscriptions.allows(p_source text, p_trigger text, p_target text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
  SELECT EXISTS (SELECT FROM subscriptions.transitions() t WHERE (t.source, t.trigger, t.target) = (p_source, p_trigger, p_target))
$$;


--
-- Name: transitions(); Type: FUNCTION; Schema: subscriptions; Owner: -
--

CREATE FUNCTION subscriptions.transitions() RETURNS TABLE(source text, trigger text, target text)
    LANGUAGE sql IMMUTABLE
    AS $$ VALUES
  ('-', 'quote', 'draft'),
  ('-', 'subscribe', 'active'),
  ('-', 'subscribe', 'incomplete'),
  ('-', 'subscribe', 'trialing'),
  ('active', 'apply_change', 'active'),
  ('active', 'await_payment', 'active'),
  ('active', 'cancel', 'canceled'),
  ('active', 'cancel_at_end', 'active'),
  ('active', 'change', 'active'),
  ('active', 'complete', 'expired'),
  ('active', 'decide_cancel', 'active'),
  ('active', 'dispute', 'active'),
  ('active', 'dispute', 'canceled'),
  ('active', 'end_term', 'canceled'),
  ('active', 'lose_method', 'active'),
  ('active', 'miss_payment', 'past_due'),
  ('active', 'pause', 'paused'),
  ('active', 'renew', 'active'),
  ('active', 'request_cancel', 'active'),
  ('active', 'schedule_change', 'active'),
  ('active', 'suspend', 'active'),
  ('active', 'undo_cancel', 'active'),
  ('active', 'unsuspend', 'active'),
  ('canceled', 'dispute', 'canceled'),
  ('canceled', 'pay_late', 'canceled'),
  ('canceled', 'reactivate', 'active'),
  ('canceled', 'reactivate', 'incomplete'),
  ('draft', 'approve', 'active'),
  ('draft', 'approve', 'incomplete'),
  ('draft', 'approve', 'trialing'),
  ('draft', 'dispute', 'draft'),
  ('draft', 'lapse', 'expired'),
  ('draft', 'reject', 'canceled'),
  ('expired', 'dispute', 'expired'),
  ('expired', 'pay_late', 'expired'),
  ('incomplete', 'apply_change', 'incomplete'),
  ('incomplete', 'cancel', 'canceled'),
  ('incomplete', 'dispute', 'canceled'),
  ('incomplete', 'dispute', 'incomplete'),
  ('incomplete', 'lapse', 'expired'),
  ('incomplete', 'lose_method', 'incomplete'),
  ('incomplete', 'schedule_change', 'incomplete'),
  ('incomplete', 'settle', 'active'),
  ('incomplete', 'suspend', 'incomplete'),
  ('incomplete', 'unsuspend', 'incomplete'),
  ('past_due', 'apply_change', 'past_due'),
  ('past_due', 'cancel', 'canceled'),
  ('past_due', 'cancel_at_end', 'past_due'),
  ('past_due', 'decide_cancel', 'past_due'),
  ('past_due', 'dispute', 'canceled'),
  ('past_due', 'dispute', 'past_due'),
  ('past_due', 'end_grace', 'past_due'),
  ('past_due', 'end_term', 'canceled'),
  ('past_due', 'exhaust', 'canceled'),
  ('past_due', 'exhaust', 'unpaid'),
  ('past_due', 'lose_method', 'past_due'),
  ('past_due', 'pause', 'paused'),
  ('past_due', 'renew', 'past_due'),
  ('past_due', 'request_cancel', 'past_due'),
  ('past_due', 'schedule_change', 'past_due'),
  ('past_due', 'settle', 'active'),
  ('past_due', 'suspend', 'past_due'),
  ('past_due', 'undo_cancel', 'past_due'),
  ('past_due', 'unsuspend', 'past_due'),
  ('paused', 'apply_change', 'paused'),
  ('paused', 'cancel', 'canceled'),
  ('paused', 'convert', 'active'),
  ('paused', 'convert', 'paused'),
  ('paused', 'dispute', 'canceled'),
  ('paused', 'dispute', 'paused'),
  ('paused', 'forget', 'canceled'),
  ('paused', 'lose_method', 'paused'),
  ('paused', 'resume', 'active'),
  ('paused', 'resume', 'past_due'),
  ('paused', 'schedule_change', 'paused'),
  ('paused', 'suspend', 'paused'),
  ('paused', 'unsuspend', 'paused'),
  ('trialing', 'apply_change', 'trialing'),
  ('trialing', 'await_payment', 'active'),
  ('trialing', 'await_payment', 'incomplete'),
  ('trialing', 'cancel', 'canceled'),
  ('trialing', 'cancel_at_end', 'trialing'),
  ('trialing', 'change', 'trialing'),
  ('trialing', 'dispute', 'canceled'),
  ('trialing', 'dispute', 'trialing'),
  ('trialing', 'end_term', 'canceled'),
  ('trialing', 'end_trial', 'active'),
  ('trialing', 'end_trial', 'canceled'),
  ('trialing', 'end_trial', 'incomplete'),
  ('trialing', 'end_trial', 'past_due'),
  ('trialing', 'end_trial', 'paused'),
  ('trialing', 'lose_method', 'trialing'),
  ('trialing', 'move_trial', 'trialing'),
  ('trialing', 'schedule_change', 'trialing'),
  ('trialing', 'suspend', 'trialing'),
  ('trialing', 'undo_cancel', 'trialing'),
  ('trialing', 'unsuspend', 'trialing'),
  ('unpaid', 'apply_change', 'unpaid'),
  ('unpaid', 'cancel', 'canceled'),
  ('unpaid', 'dispute', 'canceled'),
  ('unpaid', 'dispute', 'unpaid'),
  ('unpaid', 'give_up', 'canceled'),
  ('unpaid', 'lose_method', 'unpaid'),
  ('unpaid', 'schedule_change', 'unpaid'),
  ('unpaid', 'settle', 'active'),
  ('unpaid', 'suspend', 'unpaid'),
  ('unpaid', 'unsuspend', 'unpaid')
$$;


--
-- Name: make_month(date); Type: FUNCTION; Schema: usage; Owner: -
--

CREATE FUNCTION usage.make_month(p_day date) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  v_month date := date_trunc('month', p_day)::date;
  v_next  date := (date_trunc('month', p_day) + interval '1 month')::date;
  v_name  text := 'event_' || to_char(p_day, 'YYYY_MM');
BEGIN
  PERFORM pg_advisory_xact_lock(1430929735);
  IF to_regclass('usage.' || v_name) IS NOT NULL THEN
    RETURN false;
  END IF;
  LOCK TABLE usage.event_rest IN ACCESS EXCLUSIVE MODE;
  EXECUTE format('CREATE TABLE usage.%I (LIKE usage.event INCLUDING ALL)', v_name);
  ALTER TABLE usage.event_rest NO FORCE ROW LEVEL SECURITY;
  EXECUTE format('INSERT INTO usage.%I SELECT * FROM usage.event_rest WHERE day >= %L AND day < %L', v_name, v_month, v_next);
  DELETE FROM usage.event_rest WHERE day >= v_month AND day < v_next;
  ALTER TABLE usage.event_rest FORCE ROW LEVEL SECURITY;
  EXECUTE format('ALTER TABLE usage.event ATTACH PARTITION usage.%I FOR VALUES FROM (%L) TO (%L)', v_name, v_month, v_next);
  PERFORM storage.isolate(format('usage.%I', v_name)::regclass, 'SELECT');
  RETURN true;
END $$;


--
-- Name: coupon; Type: TABLE; Schema: catalog; Owner: -
--

CREATE TABLE catalog.coupon (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    code text NOT NULL COLLATE pg_catalog."C",
    name text DEFAULT ''::text NOT NULL,
    percent numeric,
    amount_minor bigint,
    currency text COLLATE pg_catalog."C",
    duration text NOT NULL,
    duration_periods integer,
    product_ids text[] DEFAULT '{}'::text[] NOT NULL,
    first_purchase boolean DEFAULT false NOT NULL,
    redemptions_max integer,
    redemptions integer DEFAULT 0 NOT NULL,
    expires_at timestamp with time zone,
    archived_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT coupon_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT coupon_currency_check CHECK ((currency ~ '^[a-z]{3}$'::text)),
    CONSTRAINT coupon_duration_check CHECK ((duration = ANY (ARRAY['once'::text, 'repeating'::text, 'forever'::text]))),
    CONSTRAINT coupon_duration_periods_check CHECK ((duration_periods > 0)),
    CONSTRAINT coupon_percent_check CHECK (((percent > (0)::numeric) AND (percent <= (100)::numeric))),
    CONSTRAINT coupon_redemptions_max_check CHECK ((redemptions_max > 0)),
    CONSTRAINT not_redeemed_too_often CHECK (((redemptions_max IS NULL) OR (redemptions <= redemptions_max))),
    CONSTRAINT percent_or_amount CHECK ((((percent IS NULL) = (amount_minor IS NOT NULL)) AND ((amount_minor IS NULL) = (currency IS NULL)))),
    CONSTRAINT repeating_says_how_often CHECK (((duration = 'repeating'::text) = (duration_periods IS NOT NULL)))
);

ALTER TABLE ONLY catalog.coupon FORCE ROW LEVEL SECURITY;


--
-- Name: plan; Type: TABLE; Schema: catalog; Owner: -
--

CREATE TABLE catalog.plan (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    version integer NOT NULL,
    product_id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    state text DEFAULT 'published'::text NOT NULL,
    trial_days integer DEFAULT 0 NOT NULL,
    features jsonb DEFAULT '{}'::jsonb NOT NULL,
    options jsonb DEFAULT '[]'::jsonb NOT NULL,
    policy jsonb DEFAULT '{}'::jsonb NOT NULL,
    content jsonb DEFAULT '{}'::jsonb NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    from_file boolean DEFAULT false NOT NULL,
    CONSTRAINT plan_name_check CHECK ((name <> ''::text)),
    CONSTRAINT plan_state_check CHECK ((state = ANY (ARRAY['published'::text, 'unpublished'::text, 'archived'::text]))),
    CONSTRAINT plan_trial_days_check CHECK ((trial_days >= 0)),
    CONSTRAINT plan_version_check CHECK ((version > 0))
);

ALTER TABLE ONLY catalog.plan FORCE ROW LEVEL SECURITY;


--
-- Name: COLUMN plan.content; Type: COMMENT; Schema: catalog; Owner: -
--

COMMENT ON COLUMN catalog.plan.content IS 'what the maker keeps beside the plan';


--
-- Name: price; Type: TABLE; Schema: catalog; Owner: -
--

CREATE TABLE catalog.price (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    plan_id text NOT NULL COLLATE pg_catalog."C",
    product_id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL,
    role text DEFAULT 'base'::text NOT NULL,
    currency text NOT NULL COLLATE pg_catalog."C",
    billing text NOT NULL,
    interval_unit text NOT NULL,
    interval_count integer NOT NULL,
    model jsonb NOT NULL,
    meter_key text COLLATE pg_catalog."C",
    tax_category text DEFAULT 'standard'::text NOT NULL COLLATE pg_catalog."C",
    tax_inclusive boolean DEFAULT false NOT NULL,
    nickname text DEFAULT ''::text NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    archived_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    phases jsonb DEFAULT '[]'::jsonb NOT NULL,
    CONSTRAINT price_billing_check CHECK ((billing = ANY (ARRAY['in_advance'::text, 'in_arrears'::text]))),
    CONSTRAINT price_currency_check CHECK ((currency ~ '^[a-z]{3}$'::text)),
    CONSTRAINT price_interval_count_check CHECK ((interval_count > 0)),
    CONSTRAINT price_interval_unit_check CHECK ((interval_unit = ANY (ARRAY['day'::text, 'week'::text, 'month'::text, 'year'::text, 'none'::text]))),
    CONSTRAINT price_kind_check CHECK ((kind = ANY (ARRAY['recurring'::text, 'usage'::text, 'one_time'::text]))),
    CONSTRAINT price_role_check CHECK ((role = ANY (ARRAY['base'::text, 'addon'::text]))),
    CONSTRAINT recurring_has_an_interval CHECK (((kind = 'one_time'::text) = (interval_unit = 'none'::text))),
    CONSTRAINT usage_has_a_meter CHECK (((kind = 'usage'::text) = (meter_key IS NOT NULL))),
    CONSTRAINT usage_is_in_arrears CHECK (((kind <> 'usage'::text) OR (billing = 'in_arrears'::text)))
);

ALTER TABLE ONLY catalog.price FORCE ROW LEVEL SECURITY;


--
-- Name: product; Type: TABLE; Schema: catalog; Owner: -
--

CREATE TABLE catalog.product (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    archived_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    category text DEFAULT ''::text NOT NULL,
    CONSTRAINT product_name_check CHECK ((name <> ''::text))
);

ALTER TABLE ONLY catalog.product FORCE ROW LEVEL SECURITY;


--
-- Name: tax_rate; Type: TABLE; Schema: catalog; Owner: -
--

CREATE TABLE catalog.tax_rate (
    org_id bigint NOT NULL,
    country text NOT NULL COLLATE pg_catalog."C",
    category text DEFAULT 'standard'::text NOT NULL COLLATE pg_catalog."C",
    percent numeric NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    CONSTRAINT tax_rate_percent_check CHECK (((percent >= (0)::numeric) AND (percent < (1000)::numeric)))
);

ALTER TABLE ONLY catalog.tax_rate FORCE ROW LEVEL SECURITY;


--
-- Name: channel; Type: TABLE; Schema: channels; Owner: -
--

CREATE TABLE channels.channel (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    provider text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    base_url text DEFAULT ''::text NOT NULL,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    key_refused_at timestamp with time zone,
    signatures_failed_at timestamp with time zone[] DEFAULT '{}'::timestamp with time zone[] NOT NULL,
    stopped_at timestamp with time zone,
    last_notice_at timestamp with time zone,
    notices_refused bigint DEFAULT 0 NOT NULL,
    notice_refused_at timestamp with time zone,
    CONSTRAINT channel_state_check CHECK ((state = ANY (ARRAY['active'::text, 'paused'::text, 'closed'::text])))
);

ALTER TABLE ONLY channels.channel FORCE ROW LEVEL SECURITY;


--
-- Name: exchange; Type: TABLE; Schema: channels; Owner: -
--

CREATE TABLE channels.exchange (
    org_id bigint NOT NULL,
    id bigint NOT NULL,
    channel_id text NOT NULL COLLATE pg_catalog."C",
    operation text NOT NULL COLLATE pg_catalog."C",
    correlation text NOT NULL COLLATE pg_catalog."C",
    method text NOT NULL,
    url text NOT NULL,
    status integer,
    failure text NOT NULL,
    elapsed_ms integer NOT NULL,
    started_at timestamp with time zone NOT NULL,
    key_id text NOT NULL,
    box bytea NOT NULL
);

ALTER TABLE ONLY channels.exchange FORCE ROW LEVEL SECURITY;


--
-- Name: exchange_id_seq; Type: SEQUENCE; Schema: channels; Owner: -
--

ALTER TABLE channels.exchange ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME channels.exchange_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: instruction; Type: TABLE; Schema: channels; Owner: -
--

CREATE TABLE channels.instruction (
    org_id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    purpose text NOT NULL COLLATE pg_catalog."C",
    operation text NOT NULL COLLATE pg_catalog."C",
    object_id text NOT NULL COLLATE pg_catalog."C",
    request jsonb NOT NULL,
    parent_key text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    merchant_ref text DEFAULT ''::text NOT NULL,
    state text DEFAULT 'created'::text NOT NULL,
    ref text DEFAULT ''::text NOT NULL,
    outcome jsonb,
    sends smallint DEFAULT 0 NOT NULL,
    asks integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    concluded_at timestamp with time zone,
    access text DEFAULT ''::text NOT NULL,
    tries smallint DEFAULT 0 NOT NULL,
    needs_person_since timestamp with time zone,
    CONSTRAINT final_is_concluded CHECK (((state = ANY (ARRAY['succeeded'::text, 'declined'::text])) = (concluded_at IS NOT NULL))),
    CONSTRAINT instruction_access CHECK ((access = ANY (ARRAY[''::text, 'key'::text, 'signature'::text, 'answer'::text, 'config'::text, 'funds'::text]))),
    CONSTRAINT instruction_state_check CHECK ((state = ANY (ARRAY['created'::text, 'sent'::text, 'pending'::text, 'unknown'::text, 'succeeded'::text, 'declined'::text])))
)
WITH (fillfactor='80');

ALTER TABLE ONLY channels.instruction FORCE ROW LEVEL SECURITY;


--
-- Name: line; Type: TABLE; Schema: channels; Owner: -
--

CREATE UNLOGGED TABLE channels.line (
    org_id bigint NOT NULL,
    channel_id text NOT NULL COLLATE pg_catalog."C",
    next_micros bigint NOT NULL
);

ALTER TABLE ONLY channels.line FORCE ROW LEVEL SECURITY;


--
-- Name: listing; Type: TABLE; Schema: channels; Owner: -
--

CREATE TABLE channels.listing (
    org_id bigint NOT NULL,
    channel_id text NOT NULL COLLATE pg_catalog."C",
    read_to timestamp with time zone NOT NULL,
    read_at timestamp with time zone,
    due_at timestamp with time zone,
    missed bigint DEFAULT 0 NOT NULL,
    missed_at timestamp with time zone,
    lost_from timestamp with time zone,
    lost_to timestamp with time zone,
    accounts_read_to timestamp with time zone NOT NULL,
    CONSTRAINT listing_check CHECK ((((lost_from IS NULL) = (lost_to IS NULL)) AND (lost_from < lost_to)))
);

ALTER TABLE ONLY channels.listing FORCE ROW LEVEL SECURITY;


--
-- Name: notice; Type: TABLE; Schema: channels; Owner: -
--

CREATE TABLE channels.notice (
    org_id bigint NOT NULL,
    channel_id text NOT NULL COLLATE pg_catalog."C",
    event_id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    content jsonb NOT NULL,
    received_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone
);

ALTER TABLE ONLY channels.notice FORCE ROW LEVEL SECURITY;


--
-- Name: stop; Type: TABLE; Schema: channels; Owner: -
--

CREATE TABLE channels.stop (
    org_id bigint NOT NULL,
    channel_id text NOT NULL COLLATE pg_catalog."C",
    merchant_ref text NOT NULL,
    instruction_key text NOT NULL COLLATE pg_catalog."C",
    code text NOT NULL,
    message text NOT NULL,
    stopped_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY channels.stop FORCE ROW LEVEL SECURITY;


--
-- Name: fee_rate; Type: TABLE; Schema: compliance; Owner: -
--

CREATE TABLE compliance.fee_rate (
    org_id bigint NOT NULL,
    channel_id text NOT NULL COLLATE pg_catalog."C",
    valid_from timestamp with time zone NOT NULL,
    rate_bps integer NOT NULL,
    contract text NOT NULL,
    agreed_by text NOT NULL,
    approved_by text NOT NULL,
    CONSTRAINT fee_rate_contract_check CHECK ((contract <> ''::text)),
    CONSTRAINT fee_rate_rate_bps_check CHECK (((rate_bps >= 0) AND (rate_bps <= 10000))),
    CONSTRAINT second_person CHECK (((approved_by <> ''::text) AND (approved_by <> agreed_by)))
);

ALTER TABLE ONLY compliance.fee_rate FORCE ROW LEVEL SECURITY;


--
-- Name: fee_rate_draft; Type: TABLE; Schema: compliance; Owner: -
--

CREATE TABLE compliance.fee_rate_draft (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    rate_bps integer NOT NULL,
    contract text NOT NULL,
    agreed_by text NOT NULL,
    agreed_at timestamp with time zone NOT NULL,
    approved_by text DEFAULT ''::text NOT NULL,
    approved_at timestamp with time zone,
    CONSTRAINT fee_rate_draft_contract_check CHECK ((contract <> ''::text)),
    CONSTRAINT fee_rate_draft_rate_bps_check CHECK (((rate_bps >= 0) AND (rate_bps <= 10000))),
    CONSTRAINT second_person CHECK ((approved_by <> agreed_by))
);

ALTER TABLE ONLY compliance.fee_rate_draft FORCE ROW LEVEL SECURITY;


--
-- Name: licence; Type: TABLE; Schema: compliance; Owner: -
--

CREATE TABLE compliance.licence (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    holder text NOT NULL,
    provider_class text NOT NULL,
    kind text NOT NULL,
    number text NOT NULL,
    authority text NOT NULL,
    clearing_route text NOT NULL,
    scopes text[] DEFAULT '{}'::text[] NOT NULL,
    valid_from date NOT NULL,
    valid_until date NOT NULL,
    document text DEFAULT ''::text NOT NULL,
    due_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT licence_check CHECK ((valid_until >= valid_from)),
    CONSTRAINT licence_holder_check CHECK ((holder <> ''::text)),
    CONSTRAINT licence_number_check CHECK ((number <> ''::text)),
    CONSTRAINT licence_provider_class_check CHECK ((provider_class = ANY (ARRAY['bank'::text, 'licensed_psp'::text, 'card_scheme_psp'::text])))
);

ALTER TABLE ONLY compliance.licence FORCE ROW LEVEL SECURITY;


--
-- Name: self_check; Type: TABLE; Schema: compliance; Owner: -
--

CREATE TABLE compliance.self_check (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    answers jsonb NOT NULL,
    signed_by text NOT NULL,
    signed_at timestamp with time zone NOT NULL,
    valid_until timestamp with time zone NOT NULL,
    channels text[] NOT NULL,
    CONSTRAINT self_check_signed_by_check CHECK ((signed_by <> ''::text))
);

ALTER TABLE ONLY compliance.self_check FORCE ROW LEVEL SECURITY;


--
-- Name: conversation; Type: TABLE; Schema: conversations; Owner: -
--

CREATE TABLE conversations.conversation (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    customer_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    visitor text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    visitor_name text DEFAULT ''::text NOT NULL,
    visitor_email text DEFAULT ''::text NOT NULL,
    channel_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    ref text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL,
    assignee text DEFAULT ''::text NOT NULL,
    last_side text DEFAULT ''::text NOT NULL,
    last_at timestamp with time zone NOT NULL,
    waiting_since timestamp with time zone,
    answer_seconds bigint,
    first_standing text DEFAULT ''::text NOT NULL,
    read_at timestamp with time zone,
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    CONSTRAINT conversation_last_side_check CHECK ((last_side = ANY (ARRAY[''::text, 'customer'::text, 'staff'::text]))),
    CONSTRAINT conversation_state_check CHECK ((state = ANY (ARRAY['open'::text, 'closed'::text])))
)
WITH (fillfactor='80');

ALTER TABLE ONLY conversations.conversation FORCE ROW LEVEL SECURITY;


--
-- Name: message; Type: TABLE; Schema: conversations; Owner: -
--

CREATE TABLE conversations.message (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    conversation_id text NOT NULL COLLATE pg_catalog."C",
    customer_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    side text NOT NULL,
    author text DEFAULT ''::text NOT NULL,
    body text NOT NULL,
    ref text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    at timestamp with time zone NOT NULL,
    CONSTRAINT message_side_check CHECK ((side = ANY (ARRAY['customer'::text, 'staff'::text])))
);

ALTER TABLE ONLY conversations.message FORCE ROW LEVEL SECURITY;


--
-- Name: saved_reply; Type: TABLE; Schema: conversations; Owner: -
--

CREATE TABLE conversations.saved_reply (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    title text NOT NULL,
    body text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT saved_reply_body_check CHECK ((body <> ''::text)),
    CONSTRAINT saved_reply_title_check CHECK ((title <> ''::text))
);

ALTER TABLE ONLY conversations.saved_reply FORCE ROW LEVEL SECURITY;


--
-- Name: credit_grant; Type: TABLE; Schema: customers; Owner: -
--

CREATE TABLE customers.credit_grant (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    wallet_id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    subscription_id text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    plan text NOT NULL COLLATE pg_catalog."C",
    period_start date NOT NULL,
    period_end date NOT NULL,
    amount_minor bigint NOT NULL,
    left_minor bigint NOT NULL,
    used_minor bigint DEFAULT 0 NOT NULL,
    lapsed_minor bigint DEFAULT 0 NOT NULL,
    lapse text DEFAULT ''::text NOT NULL,
    granted_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    due_at timestamp with time zone,
    CONSTRAINT all_of_it_is_somewhere CHECK ((amount_minor = ((left_minor + used_minor) + lapsed_minor))),
    CONSTRAINT credit_grant_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT credit_grant_lapse_check CHECK ((lapse = ANY (ARRAY[''::text, 'expired'::text, 'taken_back'::text]))),
    CONSTRAINT credit_grant_lapsed_minor_check CHECK ((lapsed_minor >= 0)),
    CONSTRAINT credit_grant_left_minor_check CHECK ((left_minor >= 0)),
    CONSTRAINT credit_grant_used_minor_check CHECK ((used_minor >= 0)),
    CONSTRAINT only_a_rest_lapses CHECK (((due_at IS NULL) OR (left_minor > 0)))
);

ALTER TABLE ONLY customers.credit_grant FORCE ROW LEVEL SECURITY;


--
-- Name: customer; Type: TABLE; Schema: customers; Owner: -
--

CREATE TABLE customers.customer (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    external_id text NOT NULL COLLATE pg_catalog."C",
    email text DEFAULT ''::text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    locale text DEFAULT 'en'::text NOT NULL,
    timezone text DEFAULT 'UTC'::text NOT NULL,
    country text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    address jsonb DEFAULT '{}'::jsonb NOT NULL,
    tax_ids jsonb DEFAULT '[]'::jsonb NOT NULL,
    tax_treatment text DEFAULT 'standard'::text NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    suspended_at timestamp with time zone,
    erased_at timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT customer_external_id_check CHECK (((length(external_id) >= 1) AND (length(external_id) <= 255))),
    CONSTRAINT customer_tax_treatment_check CHECK ((tax_treatment = ANY (ARRAY['standard'::text, 'exempt'::text, 'reverse_charge'::text])))
)
WITH (fillfactor='85');

ALTER TABLE ONLY customers.customer FORCE ROW LEVEL SECURITY;


--
-- Name: grant_use; Type: TABLE; Schema: customers; Owner: -
--

CREATE TABLE customers.grant_use (
    org_id bigint NOT NULL,
    invoice_id text NOT NULL COLLATE pg_catalog."C",
    grant_id text NOT NULL COLLATE pg_catalog."C",
    amount_minor bigint NOT NULL,
    returned_minor bigint DEFAULT 0 NOT NULL,
    used_at timestamp with time zone NOT NULL,
    CONSTRAINT grant_use_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT grant_use_check CHECK (((returned_minor >= 0) AND (returned_minor <= amount_minor)))
);

ALTER TABLE ONLY customers.grant_use FORCE ROW LEVEL SECURITY;


--
-- Name: member; Type: TABLE; Schema: customers; Owner: -
--

CREATE TABLE customers.member (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    external_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    email text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    role text NOT NULL,
    state text NOT NULL,
    invited_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    joined_at timestamp with time zone,
    removed_at timestamp with time zone,
    CONSTRAINT member_role_check CHECK ((role = ANY (ARRAY['admin'::text, 'member'::text]))),
    CONSTRAINT member_state_check CHECK ((state = ANY (ARRAY['invited'::text, 'joined'::text, 'removed'::text])))
);

ALTER TABLE ONLY customers.member FORCE ROW LEVEL SECURITY;


--
-- Name: token; Type: TABLE; Schema: customers; Owner: -
--

CREATE TABLE customers.token (
    org_id bigint NOT NULL,
    token text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C"
);

ALTER TABLE ONLY customers.token FORCE ROW LEVEL SECURITY;


--
-- Name: wallet; Type: TABLE; Schema: customers; Owner: -
--

CREATE TABLE customers.wallet (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT wallet_currency_check CHECK ((currency ~ '^[a-z]{3}$'::text))
);

ALTER TABLE ONLY customers.wallet FORCE ROW LEVEL SECURITY;


--
-- Name: api_key; Type: TABLE; Schema: directory; Owner: -
--

CREATE TABLE directory.api_key (
    id bigint NOT NULL,
    public_id text NOT NULL COLLATE pg_catalog."C",
    org_id bigint NOT NULL,
    name text NOT NULL,
    secret_hash bytea NOT NULL,
    hint text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    last_used_at timestamp with time zone,
    expires_at timestamp with time zone,
    replaced_by bigint,
    revoked_at timestamp with time zone
);


--
-- Name: api_key_id_seq; Type: SEQUENCE; Schema: directory; Owner: -
--

ALTER TABLE directory.api_key ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME directory.api_key_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: inbound_route; Type: TABLE; Schema: directory; Owner: -
--

CREATE TABLE directory.inbound_route (
    token text NOT NULL COLLATE pg_catalog."C",
    org_id bigint NOT NULL,
    channel_id text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);


--
-- Name: membership; Type: TABLE; Schema: directory; Owner: -
--

CREATE TABLE directory.membership (
    org_id bigint NOT NULL,
    person_id bigint NOT NULL,
    role text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT membership_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'finance'::text, 'support'::text, 'developer'::text, 'viewer'::text])))
);


--
-- Name: migration; Type: TABLE; Schema: directory; Owner: -
--

CREATE TABLE directory.migration (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);


--
-- Name: org; Type: TABLE; Schema: directory; Owner: -
--

CREATE TABLE directory.org (
    id bigint NOT NULL,
    public_id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    mode text NOT NULL,
    timezone text DEFAULT 'UTC'::text NOT NULL,
    locale text DEFAULT 'en'::text NOT NULL,
    country text DEFAULT ''::text NOT NULL,
    legal_name text DEFAULT ''::text NOT NULL,
    legal_address text DEFAULT ''::text NOT NULL,
    tax_id text DEFAULT ''::text NOT NULL,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    clock_frozen_at timestamp with time zone,
    clock_offset_seconds bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT live_has_the_wall_clock CHECK (((mode = 'sandbox'::text) OR ((clock_frozen_at IS NULL) AND (clock_offset_seconds = 0)))),
    CONSTRAINT org_mode_check CHECK ((mode = ANY (ARRAY['live'::text, 'sandbox'::text]))),
    CONSTRAINT org_name_check CHECK ((name <> ''::text))
);


--
-- Name: org_id_seq; Type: SEQUENCE; Schema: directory; Owner: -
--

ALTER TABLE directory.org ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME directory.org_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: person; Type: TABLE; Schema: directory; Owner: -
--

CREATE TABLE directory.person (
    id bigint NOT NULL,
    public_id text NOT NULL COLLATE pg_catalog."C",
    email text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    locale text DEFAULT 'en'::text NOT NULL,
    password_hash text,
    totp_secret_sealed bytea,
    disabled_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT person_email_check CHECK (((email = lower(email)) AND (email ~~ '%_@_%'::text)))
);


--
-- Name: person_id_seq; Type: SEQUENCE; Schema: directory; Owner: -
--

ALTER TABLE directory.person ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME directory.person_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: session; Type: TABLE; Schema: directory; Owner: -
--

CREATE TABLE directory.session (
    token_hash bytea NOT NULL,
    person_id bigint NOT NULL,
    org_id bigint,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    confirmed_at timestamp with time zone,
    data jsonb DEFAULT '{}'::jsonb NOT NULL
);


--
-- Name: sign_in_link; Type: TABLE; Schema: directory; Owner: -
--

CREATE TABLE directory.sign_in_link (
    token_hash bytea NOT NULL,
    person_id bigint NOT NULL,
    org_id bigint,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone
);


--
-- Name: access; Type: TABLE; Schema: entitlements; Owner: -
--

CREATE TABLE entitlements.access (
    org_id bigint NOT NULL,
    subscription_id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    product_id text NOT NULL COLLATE pg_catalog."C",
    plan_id text NOT NULL COLLATE pg_catalog."C",
    level text NOT NULL,
    features jsonb NOT NULL,
    suspended boolean DEFAULT false NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    limits jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT access_level_check CHECK ((level = ANY (ARRAY['full'::text, 'grace'::text, 'read_only'::text, 'none'::text])))
);

ALTER TABLE ONLY entitlements.access FORCE ROW LEVEL SECURITY;


--
-- Name: hand_grant; Type: TABLE; Schema: entitlements; Owner: -
--

CREATE TABLE entitlements.hand_grant (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    product_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    feature text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    value jsonb,
    level text,
    reason text NOT NULL,
    actor text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT hand_grant_level_check CHECK ((level = ANY (ARRAY['full'::text, 'grace'::text, 'read_only'::text, 'none'::text]))),
    CONSTRAINT hand_grant_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT level_or_feature CHECK (((feature = ''::text) = (level IS NOT NULL)))
);

ALTER TABLE ONLY entitlements.hand_grant FORCE ROW LEVEL SECURITY;


--
-- Name: credit_note; Type: TABLE; Schema: invoicing; Owner: -
--

CREATE TABLE invoicing.credit_note (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    invoice_id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    series text NOT NULL COLLATE pg_catalog."C",
    sequence bigint NOT NULL,
    number text NOT NULL,
    currency text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL,
    net_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    total_minor bigint NOT NULL,
    to_receivable_minor bigint NOT NULL,
    to_credit_minor bigint NOT NULL,
    to_refund_minor bigint NOT NULL,
    lines jsonb NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    to_granted_minor bigint DEFAULT 0 NOT NULL,
    voided_at timestamp with time zone,
    void_reason text DEFAULT ''::text NOT NULL,
    CONSTRAINT adds_up CHECK ((total_minor = (net_minor + tax_minor))),
    CONSTRAINT credit_note_to_credit_minor_check CHECK ((to_credit_minor >= 0)),
    CONSTRAINT credit_note_to_granted_minor_check CHECK ((to_granted_minor >= 0)),
    CONSTRAINT credit_note_to_receivable_minor_check CHECK ((to_receivable_minor >= 0)),
    CONSTRAINT credit_note_to_refund_minor_check CHECK ((to_refund_minor >= 0)),
    CONSTRAINT credit_note_total_minor_check CHECK ((total_minor > 0)),
    CONSTRAINT goes_somewhere CHECK ((total_minor = (((to_receivable_minor + to_credit_minor) + to_refund_minor) + to_granted_minor)))
);

ALTER TABLE ONLY invoicing.credit_note FORCE ROW LEVEL SECURITY;


--
-- Name: invoice; Type: TABLE; Schema: invoicing; Owner: -
--

CREATE TABLE invoicing.invoice (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    series text COLLATE pg_catalog."C",
    sequence bigint,
    number text,
    customer_id text NOT NULL COLLATE pg_catalog."C",
    subscription_id text COLLATE pg_catalog."C",
    term integer DEFAULT 0 NOT NULL,
    reason text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    period_start date,
    period_end date,
    subtotal_minor bigint NOT NULL,
    discount_minor bigint DEFAULT 0 NOT NULL,
    tax_minor bigint DEFAULT 0 NOT NULL,
    total_minor bigint NOT NULL,
    credit_minor bigint DEFAULT 0 NOT NULL,
    paid_minor bigint DEFAULT 0 NOT NULL,
    credited_minor bigint DEFAULT 0 NOT NULL,
    lost_minor bigint DEFAULT 0 NOT NULL,
    collection text DEFAULT 'charge'::text NOT NULL,
    snapshot jsonb DEFAULT '{}'::jsonb NOT NULL,
    issued_on date,
    payable_on date,
    due_at timestamp with time zone,
    finalized_at timestamp with time zone,
    paid_at timestamp with time zone,
    closed_at timestamp with time zone,
    disputed boolean DEFAULT false NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    granted_minor bigint DEFAULT 0 NOT NULL,
    notice_at timestamp with time zone,
    CONSTRAINT invoice_collection_check CHECK ((collection = ANY (ARRAY['charge'::text, 'send_invoice'::text]))),
    CONSTRAINT invoice_currency_check CHECK ((currency ~ '^[a-z]{3}$'::text)),
    CONSTRAINT invoice_granted_minor_check CHECK ((granted_minor >= 0)),
    CONSTRAINT invoice_reason_check CHECK ((reason = ANY (ARRAY['cycle'::text, 'change'::text, 'final'::text, 'resume'::text, 'manual'::text, 'import'::text]))),
    CONSTRAINT invoice_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'open'::text, 'paid'::text, 'void'::text, 'uncollectible'::text]))),
    CONSTRAINT numbered_when_final CHECK (((status = 'draft'::text) = (number IS NULL))),
    CONSTRAINT paid_is_paid CHECK (((status <> 'paid'::text) OR (((credit_minor + paid_minor) + credited_minor) >= total_minor))),
    CONSTRAINT settled_at_most_once CHECK (((total_minor < 0) OR (((credit_minor + paid_minor) + lost_minor) <= total_minor)))
)
WITH (fillfactor='80');

ALTER TABLE ONLY invoicing.invoice FORCE ROW LEVEL SECURITY;


--
-- Name: line; Type: TABLE; Schema: invoicing; Owner: -
--

CREATE TABLE invoicing.line (
    org_id bigint NOT NULL,
    invoice_id text NOT NULL COLLATE pg_catalog."C",
    number smallint NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    description text NOT NULL,
    subscription_id text COLLATE pg_catalog."C",
    item_id text COLLATE pg_catalog."C",
    price_id text COLLATE pg_catalog."C",
    product_id text COLLATE pg_catalog."C",
    quantity numeric NOT NULL,
    period_start date,
    period_end date,
    amount_minor bigint NOT NULL,
    discount_minor bigint NOT NULL,
    tax_percent numeric NOT NULL,
    tax_inclusive boolean NOT NULL,
    tax_minor bigint NOT NULL,
    net_minor bigint NOT NULL,
    total_minor bigint NOT NULL,
    deferred boolean NOT NULL,
    recognized_minor bigint DEFAULT 0 NOT NULL,
    credited_net_minor bigint DEFAULT 0 NOT NULL,
    credited_tax_minor bigint DEFAULT 0 NOT NULL,
    details jsonb,
    starts_at timestamp with time zone,
    rest_credited_at timestamp with time zone,
    CONSTRAINT adds_up CHECK ((total_minor = (net_minor + tax_minor))),
    CONSTRAINT credited_at_most_once CHECK (((abs(credited_net_minor) <= abs(net_minor)) AND (abs(credited_tax_minor) <= abs(tax_minor)))),
    CONSTRAINT line_kind_check CHECK ((kind = ANY (ARRAY['recurring'::text, 'usage'::text, 'one_time'::text, 'proration'::text, 'minimum'::text, 'pending'::text])))
)
WITH (fillfactor='85');

ALTER TABLE ONLY invoicing.line FORCE ROW LEVEL SECURITY;


--
-- Name: pending_line; Type: TABLE; Schema: invoicing; Owner: -
--

CREATE TABLE invoicing.pending_line (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    subscription_id text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    kind text DEFAULT 'pending'::text NOT NULL COLLATE pg_catalog."C",
    description text NOT NULL,
    product_id text COLLATE pg_catalog."C",
    item_id text COLLATE pg_catalog."C",
    price_id text COLLATE pg_catalog."C",
    quantity numeric DEFAULT 1 NOT NULL,
    amount_minor bigint NOT NULL,
    tax_category text DEFAULT 'standard'::text NOT NULL COLLATE pg_catalog."C",
    tax_inclusive boolean DEFAULT false NOT NULL,
    period_start date,
    period_end date,
    state text NOT NULL,
    invoice_id text COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    invoice_now boolean DEFAULT false NOT NULL,
    starts_at timestamp with time zone,
    net_of_percent boolean DEFAULT false NOT NULL,
    CONSTRAINT invoiced_names_its_invoice CHECK (((state = 'invoiced'::text) = (invoice_id IS NOT NULL))),
    CONSTRAINT pending_line_state_check CHECK ((state = ANY (ARRAY['proposed'::text, 'waiting'::text, 'invoiced'::text, 'removed'::text, 'rejected'::text])))
);

ALTER TABLE ONLY invoicing.pending_line FORCE ROW LEVEL SECURITY;


--
-- Name: series; Type: TABLE; Schema: invoicing; Owner: -
--

CREATE TABLE invoicing.series (
    org_id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    prefix text NOT NULL,
    last bigint DEFAULT 0 NOT NULL
);

ALTER TABLE ONLY invoicing.series FORCE ROW LEVEL SECURITY;


--
-- Name: account; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.account (
    org_id bigint NOT NULL,
    id bigint NOT NULL,
    pool_id integer NOT NULL,
    code text NOT NULL COLLATE pg_catalog."C",
    owner_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    normal_side smallint NOT NULL,
    floor_minor bigint,
    balance_minor bigint DEFAULT 0 NOT NULL,
    held_minor bigint DEFAULT 0 NOT NULL,
    closed_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT account_code_check CHECK ((code <> ''::text)),
    CONSTRAINT account_held_minor_check CHECK ((held_minor >= 0)),
    CONSTRAINT account_normal_side_check CHECK ((normal_side = ANY (ARRAY[1, '-1'::integer]))),
    CONSTRAINT not_below_floor CHECK (((floor_minor IS NULL) OR (((normal_side * balance_minor) - held_minor) >= floor_minor)))
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05');

ALTER TABLE ONLY ledger.account FORCE ROW LEVEL SECURITY;


--
-- Name: account_id_seq; Type: SEQUENCE; Schema: ledger; Owner: -
--

ALTER TABLE ledger.account ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.account_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: book_rate; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.book_rate (
    org_id bigint NOT NULL,
    base text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    valid_on date NOT NULL,
    rate numeric NOT NULL,
    source text NOT NULL,
    recorded_by text NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT book_rate_rate_check CHECK ((rate > (0)::numeric)),
    CONSTRAINT book_rate_source_check CHECK ((source <> ''::text)),
    CONSTRAINT not_itself CHECK ((currency <> base))
);

ALTER TABLE ONLY ledger.book_rate FORCE ROW LEVEL SECURITY;


--
-- Name: entry; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.entry (
    org_id bigint NOT NULL,
    journal_id bigint NOT NULL,
    leg smallint NOT NULL,
    account_id bigint NOT NULL,
    amount_minor bigint NOT NULL,
    balance_after bigint NOT NULL,
    CONSTRAINT entry_amount_minor_check CHECK ((amount_minor <> 0))
);

ALTER TABLE ONLY ledger.entry FORCE ROW LEVEL SECURITY;


--
-- Name: hold; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.hold (
    org_id bigint NOT NULL,
    id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    content_hash bigint NOT NULL,
    account_id bigint NOT NULL,
    owner text NOT NULL COLLATE pg_catalog."C",
    reference text NOT NULL COLLATE pg_catalog."C",
    amount_minor bigint NOT NULL,
    remaining_minor bigint NOT NULL,
    state text NOT NULL,
    due_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT ended_holds_are_not_due CHECK (((state = 'open'::text) OR (due_at IS NULL))),
    CONSTRAINT hold_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT hold_check CHECK (((remaining_minor >= 0) AND (remaining_minor <= amount_minor))),
    CONSTRAINT hold_state_check CHECK ((state = ANY (ARRAY['open'::text, 'captured'::text, 'released'::text, 'expired'::text]))),
    CONSTRAINT only_open_holds_reserve CHECK (((state = 'open'::text) = (remaining_minor > 0)))
)
WITH (fillfactor='80');

ALTER TABLE ONLY ledger.hold FORCE ROW LEVEL SECURITY;


--
-- Name: journal_id; Type: SEQUENCE; Schema: ledger; Owner: -
--

CREATE SEQUENCE ledger.journal_id
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: month; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.month (
    org_id bigint NOT NULL,
    book text NOT NULL,
    channel_id text NOT NULL COLLATE pg_catalog."C",
    starts_on date NOT NULL,
    until_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    closing_by text,
    closed_at timestamp with time zone,
    closed_by text,
    notes jsonb DEFAULT '[]'::jsonb NOT NULL,
    reopened_at timestamp with time zone,
    reopened_by text,
    reopen_approved_by text,
    reopen_reason text,
    CONSTRAINT closed_by_somebody CHECK (((state = 'closed'::text) = ((closed_at IS NOT NULL) AND (closed_by IS NOT NULL)))),
    CONSTRAINT custody_has_a_holder CHECK (((book = 'custody'::text) = (channel_id <> ''::text))),
    CONSTRAINT month_book_check CHECK ((book = ANY (ARRAY['platform'::text, 'custody'::text]))),
    CONSTRAINT month_starts_on_check CHECK ((EXTRACT(day FROM starts_on) = (1)::numeric)),
    CONSTRAINT month_state_check CHECK ((state = ANY (ARRAY['open'::text, 'closing'::text, 'closed'::text]))),
    CONSTRAINT reopening_takes_two CHECK ((((reopened_by IS NULL) = (reopened_at IS NULL)) AND ((reopened_by IS NULL) OR (((COALESCE(reopen_approved_by, ''::text) <> ''::text) AND (COALESCE(reopen_approved_by, ''::text) <> reopened_by)) AND (COALESCE(reopen_reason, ''::text) <> ''::text)))))
);

ALTER TABLE ONLY ledger.month FORCE ROW LEVEL SECURITY;


--
-- Name: pool; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.pool (
    org_id bigint NOT NULL,
    id integer NOT NULL,
    book text NOT NULL,
    channel_id text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    closed_before timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT custody_has_a_holder CHECK (((book = 'custody'::text) = (channel_id <> ''::text))),
    CONSTRAINT pool_book_check CHECK ((book = ANY (ARRAY['platform'::text, 'custody'::text]))),
    CONSTRAINT pool_currency_check CHECK ((currency ~ '^[a-z]{3}$'::text))
);

ALTER TABLE ONLY ledger.pool FORCE ROW LEVEL SECURITY;


--
-- Name: pool_id_seq; Type: SEQUENCE; Schema: ledger; Owner: -
--

ALTER TABLE ledger.pool ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.pool_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: reversal; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.reversal (
    org_id bigint NOT NULL,
    journal_id bigint NOT NULL,
    reversed_by bigint NOT NULL
);

ALTER TABLE ONLY ledger.reversal FORCE ROW LEVEL SECURITY;


--
-- Name: seal; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.seal (
    org_id bigint NOT NULL,
    number bigint NOT NULL,
    until_id bigint NOT NULL,
    journals bigint NOT NULL,
    hash bytea NOT NULL,
    sealed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT seal_journals_check CHECK ((journals > 0))
);

ALTER TABLE ONLY ledger.seal FORCE ROW LEVEL SECURITY;


--
-- Name: seal_mark; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.seal_mark (
    org_id bigint NOT NULL,
    until_id bigint NOT NULL,
    behind_xact numeric NOT NULL
);

ALTER TABLE ONLY ledger.seal_mark FORCE ROW LEVEL SECURITY;


--
-- Name: account; Type: TABLE; Schema: merchants; Owner: -
--

CREATE TABLE merchants.account (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    merchant_id text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    ref text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL,
    state text NOT NULL,
    needs text[] DEFAULT '{}'::text[] NOT NULL,
    onboarding_url text DEFAULT ''::text NOT NULL,
    shows_balance boolean DEFAULT true NOT NULL,
    agreement text DEFAULT ''::text NOT NULL,
    agreed_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    pays_out boolean DEFAULT true NOT NULL,
    asked bigint DEFAULT 0 NOT NULL,
    bank_refs jsonb,
    CONSTRAINT account_kind_check CHECK ((kind = ANY (ARRAY['merchant'::text, 'person'::text]))),
    CONSTRAINT account_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'submitted'::text, 'verifying'::text, 'action_required'::text, 'active'::text, 'restricted'::text, 'closing'::text, 'closed'::text, 'rejected'::text]))),
    CONSTRAINT active_is_known_and_agreed CHECK (((state <> 'active'::text) OR ((ref <> ''::text) AND (agreed_at IS NOT NULL))))
);

ALTER TABLE ONLY merchants.account FORCE ROW LEVEL SECURITY;


--
-- Name: instrument; Type: TABLE; Schema: merchants; Owner: -
--

CREATE TABLE merchants.instrument (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    merchant_id text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    ref text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    holder_name text NOT NULL,
    last4 text DEFAULT ''::text NOT NULL,
    currency text NOT NULL COLLATE pg_catalog."C",
    ownership text DEFAULT 'merchant'::text NOT NULL,
    state text NOT NULL,
    requested_by text NOT NULL,
    approved_by text DEFAULT ''::text NOT NULL,
    usable_from timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    from_channel boolean DEFAULT false NOT NULL,
    CONSTRAINT instrument_holder_name_check CHECK ((holder_name <> ''::text)),
    CONSTRAINT instrument_last4_check CHECK ((length(last4) <= 4)),
    CONSTRAINT instrument_ownership_check CHECK ((ownership = 'merchant'::text)),
    CONSTRAINT instrument_state_check CHECK ((state = ANY (ARRAY['requested'::text, 'challenge_sent'::text, 'verified'::text, 'default'::text, 'detached'::text, 'failed'::text, 'expired'::text, 'locked'::text]))),
    CONSTRAINT two_persons CHECK (((state <> 'default'::text) OR ((approved_by <> ''::text) AND (approved_by <> requested_by))))
);

ALTER TABLE ONLY merchants.instrument FORCE ROW LEVEL SECURITY;


--
-- Name: merchant; Type: TABLE; Schema: merchants; Owner: -
--

CREATE TABLE merchants.merchant (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    external_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    legal_form text NOT NULL,
    trade_place text NOT NULL,
    country text DEFAULT ''::text NOT NULL,
    email text DEFAULT ''::text NOT NULL,
    state text NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT merchant_legal_form_check CHECK ((legal_form = ANY (ARRAY['enterprise'::text, 'institution'::text, 'sole_trader'::text, 'other_organisation'::text, 'natural_person'::text]))),
    CONSTRAINT merchant_name_check CHECK ((name <> ''::text)),
    CONSTRAINT merchant_state_check CHECK ((state = ANY (ARRAY['active'::text, 'restricted'::text, 'closed'::text]))),
    CONSTRAINT merchant_trade_place_check CHECK ((trade_place = ANY (ARRAY['physical'::text, 'online'::text, 'both'::text]))),
    CONSTRAINT persons_trade_online CHECK (((legal_form <> 'natural_person'::text) OR (trade_place = 'online'::text)))
);

ALTER TABLE ONLY merchants.merchant FORCE ROW LEVEL SECURITY;


--
-- Name: collection; Type: TABLE; Schema: orders; Owner: -
--

CREATE TABLE orders.collection (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    order_id text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    owner_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    merchant_ref text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    destination text NOT NULL,
    method text DEFAULT ''::text NOT NULL,
    currency text NOT NULL COLLATE pg_catalog."C",
    amount_minor bigint NOT NULL,
    fee_minor bigint DEFAULT 0 NOT NULL,
    escrow_minor bigint DEFAULT 0 NOT NULL,
    released_minor bigint DEFAULT 0 NOT NULL,
    refunded_minor bigint DEFAULT 0 NOT NULL,
    fee_returned_minor bigint DEFAULT 0 NOT NULL,
    ref text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL,
    next_action jsonb,
    paid_at timestamp with time zone,
    freeze_ends_at timestamp with time zone,
    due_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    payer_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    payer jsonb,
    subsidy_planned_minor bigint DEFAULT 0 NOT NULL,
    subsidy_minor bigint DEFAULT 0 NOT NULL,
    subsidy_returned_minor bigint DEFAULT 0 NOT NULL,
    combined_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT collection_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT collection_check CHECK (((fee_returned_minor >= 0) AND (fee_returned_minor <= fee_minor))),
    CONSTRAINT collection_destination_check CHECK ((destination = ANY (ARRAY['custody'::text, 'provider'::text, 'sub_merchant'::text]))),
    CONSTRAINT collection_escrow_minor_check CHECK ((escrow_minor >= 0)),
    CONSTRAINT collection_fee_minor_check CHECK ((fee_minor >= 0)),
    CONSTRAINT collection_released_minor_check CHECK ((released_minor >= 0)),
    CONSTRAINT collection_state_check CHECK ((state = ANY (ARRAY['created'::text, 'requires_action'::text, 'pending'::text, 'paid'::text, 'cleared'::text, 'partially_refunded'::text, 'refunded'::text, 'failed'::text, 'expired'::text, 'canceled'::text]))),
    CONSTRAINT conserved CHECK (((escrow_minor + released_minor) <= (amount_minor + subsidy_minor))),
    CONSTRAINT refunded_at_most_paid CHECK (((refunded_minor >= 0) AND (refunded_minor <= amount_minor))),
    CONSTRAINT subsidised_as_planned CHECK (((subsidy_minor >= 0) AND (subsidy_minor <= subsidy_planned_minor))),
    CONSTRAINT subsidy_returned_at_most CHECK (((subsidy_returned_minor >= 0) AND (subsidy_returned_minor <= subsidy_minor)))
)
WITH (fillfactor='80');

ALTER TABLE ONLY orders.collection FORCE ROW LEVEL SECURITY;


--
-- Name: dispute; Type: TABLE; Schema: orders; Owner: -
--

CREATE TABLE orders.dispute (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    ref text NOT NULL COLLATE pg_catalog."C",
    order_id text NOT NULL COLLATE pg_catalog."C",
    collection_id text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    amount_minor bigint NOT NULL,
    fee_minor bigint DEFAULT 0 NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    state text NOT NULL,
    refund_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    respond_by timestamp with time zone,
    opened_at timestamp with time zone NOT NULL,
    withdrawn_at timestamp with time zone,
    reinstated_at timestamp with time zone,
    booked_back boolean DEFAULT false NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT dispute_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT dispute_fee_minor_check CHECK ((fee_minor >= 0)),
    CONSTRAINT dispute_state_check CHECK ((state = ANY (ARRAY['open'::text, 'won'::text, 'lost'::text, 'closed'::text]))),
    CONSTRAINT given_back_what_was_taken CHECK (((NOT booked_back) OR (refund_id <> ''::text)))
);

ALTER TABLE ONLY orders.dispute FORCE ROW LEVEL SECURITY;


--
-- Name: import; Type: TABLE; Schema: orders; Owner: -
--

CREATE TABLE orders.import (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL,
    read_rows bigint DEFAULT 0 NOT NULL,
    accepted bigint DEFAULT 0 NOT NULL,
    refused bigint DEFAULT 0 NOT NULL,
    done_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY orders.import FORCE ROW LEVEL SECURITY;


--
-- Name: line; Type: TABLE; Schema: orders; Owner: -
--

CREATE TABLE orders.line (
    org_id bigint NOT NULL,
    order_id text NOT NULL COLLATE pg_catalog."C",
    line smallint NOT NULL,
    seller_id text NOT NULL COLLATE pg_catalog."C",
    sold_by text DEFAULT 'merchant'::text NOT NULL,
    goods_kind text NOT NULL,
    price_minor bigint NOT NULL,
    freight_minor bigint DEFAULT 0 NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    subsidy_minor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT line_freight_minor_check CHECK ((freight_minor >= 0)),
    CONSTRAINT line_goods_kind_check CHECK ((goods_kind = ANY (ARRAY['physical'::text, 'service'::text, 'virtual'::text]))),
    CONSTRAINT line_price_minor_check CHECK ((price_minor >= 0)),
    CONSTRAINT line_seller_id_check CHECK ((seller_id <> ''::text)),
    CONSTRAINT line_sold_by_check CHECK ((sold_by = 'merchant'::text)),
    CONSTRAINT line_subsidy_minor_check CHECK ((subsidy_minor >= 0))
);

ALTER TABLE ONLY orders.line FORCE ROW LEVEL SECURITY;


--
-- Name: party; Type: TABLE; Schema: orders; Owner: -
--

CREATE TABLE orders.party (
    org_id bigint NOT NULL,
    order_id text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL COLLATE pg_catalog."C",
    party text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT fee_is_the_platforms CHECK (((role = 'fee'::text) = (party = 'fee'::text))),
    CONSTRAINT party_party_check CHECK ((party <> ALL (ARRAY[''::text, 'kept'::text]))),
    CONSTRAINT party_role_check CHECK ((role <> ''::text))
);

ALTER TABLE ONLY orders.party FORCE ROW LEVEL SECURITY;


--
-- Name: purchase; Type: TABLE; Schema: orders; Owner: -
--

CREATE TABLE orders.purchase (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    external_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    total_minor bigint NOT NULL,
    collected_minor bigint DEFAULT 0 NOT NULL,
    refunded_minor bigint DEFAULT 0 NOT NULL,
    state text NOT NULL,
    rule_id text NOT NULL COLLATE pg_catalog."C",
    rule_version integer NOT NULL,
    release_on text NOT NULL,
    release_days integer DEFAULT 0 NOT NULL,
    next_step text,
    due_at timestamp with time zone,
    placed_at timestamp with time zone NOT NULL,
    paid_at timestamp with time zone,
    deliver_at timestamp with time zone,
    cancel_at timestamp with time zone,
    delivered_at timestamp with time zone,
    canceled_at timestamp with time zone,
    released_at timestamp with time zone,
    body_hash bytea NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT due_means_a_step CHECK (((due_at IS NULL) OR (next_step IS NOT NULL))),
    CONSTRAINT purchase_next_step_check CHECK ((next_step = ANY (ARRAY['collect'::text, 'deliver'::text, 'release'::text, 'cancel'::text]))),
    CONSTRAINT purchase_release_days_check CHECK (((release_days >= 0) AND (release_days <= 3650))),
    CONSTRAINT purchase_release_on_check CHECK ((release_on = ANY (ARRAY['delivery'::text, 'days'::text, 'hand'::text]))),
    CONSTRAINT purchase_state_check CHECK ((state = ANY (ARRAY['created'::text, 'paid'::text, 'releasing'::text, 'released'::text, 'canceled'::text]))),
    CONSTRAINT purchase_total_minor_check CHECK ((total_minor >= 0)),
    CONSTRAINT refunded_at_most_collected CHECK (((refunded_minor >= 0) AND (refunded_minor <= collected_minor)))
)
WITH (fillfactor='80');

ALTER TABLE ONLY orders.purchase FORCE ROW LEVEL SECURITY;


--
-- Name: refund; Type: TABLE; Schema: orders; Owner: -
--

CREATE TABLE orders.refund (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    order_id text NOT NULL COLLATE pg_catalog."C",
    collection_id text NOT NULL COLLATE pg_catalog."C",
    external_id text NOT NULL COLLATE pg_catalog."C",
    amount_minor bigint NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    policy text NOT NULL,
    state text NOT NULL,
    attempt_key text NOT NULL COLLATE pg_catalog."C",
    taken jsonb DEFAULT '{}'::jsonb NOT NULL,
    open_reversals integer DEFAULT 0 NOT NULL,
    fee_expected_minor bigint DEFAULT 0 NOT NULL,
    requested_by text DEFAULT 'system'::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT refund_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT refund_state_check CHECK ((state = ANY (ARRAY['requested'::text, 'approved'::text, 'reversing_splits'::text, 'funding'::text, 'submitted'::text, 'processing'::text, 'succeeded'::text, 'failed'::text, 'unknown'::text, 'canceled'::text])))
);

ALTER TABLE ONLY orders.refund FORCE ROW LEVEL SECURITY;


--
-- Name: refund_line; Type: TABLE; Schema: orders; Owner: -
--

CREATE TABLE orders.refund_line (
    org_id bigint NOT NULL,
    refund_id text NOT NULL COLLATE pg_catalog."C",
    order_id text NOT NULL COLLATE pg_catalog."C",
    line integer NOT NULL,
    amount_minor bigint NOT NULL,
    CONSTRAINT refund_line_amount_minor_check CHECK ((amount_minor > 0))
);

ALTER TABLE ONLY orders.refund_line FORCE ROW LEVEL SECURITY;


--
-- Name: refused; Type: TABLE; Schema: orders; Owner: -
--

CREATE TABLE orders.refused (
    org_id bigint NOT NULL,
    import_id text NOT NULL COLLATE pg_catalog."C",
    external_id text NOT NULL COLLATE pg_catalog."C",
    code text NOT NULL,
    message text NOT NULL
);

ALTER TABLE ONLY orders.refused FORCE ROW LEVEL SECURITY;


--
-- Name: automation; Type: TABLE; Schema: outreach; Owner: -
--

CREATE TABLE outreach.automation (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    enabled boolean NOT NULL,
    content jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT automation_name_check CHECK ((name <> ''::text))
);

ALTER TABLE ONLY outreach.automation FORCE ROW LEVEL SECURITY;


--
-- Name: bounce; Type: TABLE; Schema: outreach; Owner: -
--

CREATE TABLE outreach.bounce (
    org_id bigint NOT NULL,
    address text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL,
    bounced_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY outreach.bounce FORCE ROW LEVEL SECURITY;


--
-- Name: campaign; Type: TABLE; Schema: outreach; Owner: -
--

CREATE TABLE outreach.campaign (
    org_id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    enabled boolean NOT NULL,
    content jsonb NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT campaign_key_check CHECK ((key ~ '^[a-z][a-z0-9_]{0,63}$'::text))
);

ALTER TABLE ONLY outreach.campaign FORCE ROW LEVEL SECURITY;


--
-- Name: consent; Type: TABLE; Schema: outreach; Owner: -
--

CREATE TABLE outreach.consent (
    org_id bigint NOT NULL,
    customer_id text NOT NULL COLLATE pg_catalog."C",
    category text NOT NULL,
    granted boolean NOT NULL,
    source text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT consent_category_check CHECK ((category = ANY (ARRAY['onboarding'::text, 'marketing'::text])))
);

ALTER TABLE ONLY outreach.consent FORCE ROW LEVEL SECURITY;


--
-- Name: contact; Type: TABLE; Schema: outreach; Owner: -
--

CREATE TABLE outreach.contact (
    org_id bigint NOT NULL,
    channel_id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    ref text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    company_ref text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    tag text DEFAULT ''::text NOT NULL,
    state text DEFAULT 'linked'::text NOT NULL,
    told_at timestamp with time zone NOT NULL,
    CONSTRAINT contact_state_check CHECK ((state = ANY (ARRAY['linked'::text, 'gone'::text, 'erased'::text])))
);

ALTER TABLE ONLY outreach.contact FORCE ROW LEVEL SECURITY;


--
-- Name: goals; Type: TABLE; Schema: outreach; Owner: -
--

CREATE TABLE outreach.goals (
    org_id bigint NOT NULL,
    plan_key text NOT NULL COLLATE pg_catalog."C",
    goals jsonb NOT NULL
);

ALTER TABLE ONLY outreach.goals FORCE ROW LEVEL SECURITY;


--
-- Name: hold; Type: TABLE; Schema: outreach; Owner: -
--

CREATE TABLE outreach.hold (
    org_id bigint NOT NULL,
    customer_id text NOT NULL COLLATE pg_catalog."C",
    held_until timestamp with time zone NOT NULL,
    reason text DEFAULT ''::text NOT NULL
);

ALTER TABLE ONLY outreach.hold FORCE ROW LEVEL SECURITY;


--
-- Name: message; Type: TABLE; Schema: outreach; Owner: -
--

CREATE TABLE outreach.message (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    subject_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    campaign text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    step text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    period text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    audience text DEFAULT 'customer'::text NOT NULL,
    category text NOT NULL,
    template text NOT NULL COLLATE pg_catalog."C",
    channel text NOT NULL,
    channel_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    to_address text DEFAULT ''::text NOT NULL,
    to_name text DEFAULT ''::text NOT NULL,
    locale text NOT NULL,
    data jsonb DEFAULT '{}'::jsonb NOT NULL,
    subject text DEFAULT ''::text NOT NULL,
    body_text text DEFAULT ''::text NOT NULL,
    body_html text DEFAULT ''::text NOT NULL,
    state text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    ref text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT message_audience_check CHECK ((audience = ANY (ARRAY['customer'::text, 'staff'::text, 'test'::text]))),
    CONSTRAINT message_category_check CHECK ((category = ANY (ARRAY['service'::text, 'onboarding'::text, 'marketing'::text]))),
    CONSTRAINT message_channel_check CHECK ((channel = ANY (ARRAY['mail'::text, 'contact'::text, 'webhook'::text, 'log'::text]))),
    CONSTRAINT message_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'sending'::text, 'sent'::text, 'suppressed'::text, 'bounced'::text, 'failed'::text, 'unknown'::text])))
)
WITH (fillfactor='80');

ALTER TABLE ONLY outreach.message FORCE ROW LEVEL SECURITY;


--
-- Name: product_event; Type: TABLE; Schema: outreach; Owner: -
--

CREATE TABLE outreach.product_event (
    org_id bigint NOT NULL,
    customer_id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    event_id text NOT NULL COLLATE pg_catalog."C",
    occurred_at timestamp with time zone NOT NULL,
    properties jsonb DEFAULT '{}'::jsonb NOT NULL
);

ALTER TABLE ONLY outreach.product_event FORCE ROW LEVEL SECURITY;


--
-- Name: run; Type: TABLE; Schema: outreach; Owner: -
--

CREATE TABLE outreach.run (
    org_id bigint NOT NULL,
    automation_id text NOT NULL COLLATE pg_catalog."C",
    event_id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL,
    done integer DEFAULT 0 NOT NULL,
    log jsonb DEFAULT '[]'::jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT run_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'completed'::text, 'failed'::text, 'skipped'::text])))
);

ALTER TABLE ONLY outreach.run FORCE ROW LEVEL SECURITY;


--
-- Name: step; Type: TABLE; Schema: outreach; Owner: -
--

CREATE TABLE outreach.step (
    org_id bigint NOT NULL,
    customer_id text NOT NULL COLLATE pg_catalog."C",
    campaign text NOT NULL COLLATE pg_catalog."C",
    step text NOT NULL COLLATE pg_catalog."C",
    period text NOT NULL COLLATE pg_catalog."C",
    subscription_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    "position" smallint NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    planned_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone,
    data jsonb DEFAULT '{}'::jsonb NOT NULL,
    message_id text COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT only_waiting_is_due CHECK (((due_at IS NULL) OR (state = 'waiting'::text))),
    CONSTRAINT step_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'queued'::text, 'skipped'::text, 'stopped'::text])))
)
WITH (fillfactor='80');

ALTER TABLE ONLY outreach.step FORCE ROW LEVEL SECURITY;


--
-- Name: stopped; Type: TABLE; Schema: outreach; Owner: -
--

CREATE TABLE outreach.stopped (
    org_id bigint NOT NULL,
    channel_id text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL,
    stopped_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY outreach.stopped FORCE ROW LEVEL SECURITY;


--
-- Name: template; Type: TABLE; Schema: outreach; Owner: -
--

CREATE TABLE outreach.template (
    org_id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    locale text NOT NULL COLLATE pg_catalog."C",
    subject text NOT NULL,
    body text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT template_key_check CHECK ((key ~ '^[a-z][a-z0-9_]{0,63}$'::text)),
    CONSTRAINT template_locale_check CHECK ((locale = ANY (ARRAY['en'::text, 'es'::text, 'zh'::text])))
);

ALTER TABLE ONLY outreach.template FORCE ROW LEVEL SECURITY;


--
-- Name: attempt; Type: TABLE; Schema: payments; Owner: -
--

CREATE TABLE payments.attempt (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    invoice_id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    subscription_id text COLLATE pg_catalog."C",
    method_id text COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    amount_minor bigint NOT NULL,
    state text NOT NULL,
    refusal text DEFAULT ''::text NOT NULL,
    code text DEFAULT ''::text NOT NULL,
    message text DEFAULT ''::text NOT NULL,
    next_action jsonb,
    by_customer boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone NOT NULL,
    concluded_at timestamp with time zone,
    CONSTRAINT attempt_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT attempt_state_check CHECK ((state = ANY (ARRAY['created'::text, 'processing'::text, 'succeeded'::text, 'failed'::text, 'canceled'::text])))
)
WITH (fillfactor='85');

ALTER TABLE ONLY payments.attempt FORCE ROW LEVEL SECURITY;


--
-- Name: dunning_case; Type: TABLE; Schema: payments; Owner: -
--

CREATE TABLE payments.dunning_case (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    subscription_id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL,
    policy jsonb NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    refusal text DEFAULT ''::text NOT NULL,
    currency text NOT NULL COLLATE pg_catalog."C",
    recovered_minor bigint DEFAULT 0 NOT NULL,
    restricted boolean DEFAULT false NOT NULL,
    due_at timestamp with time zone,
    grace_at timestamp with time zone,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT dunning_case_state_check CHECK ((state = ANY (ARRAY['open'::text, 'recovered'::text, 'exhausted'::text, 'stopped'::text]))),
    CONSTRAINT ended_is_not_due CHECK (((state = 'open'::text) OR ((due_at IS NULL) AND (grace_at IS NULL))))
);

ALTER TABLE ONLY payments.dunning_case FORCE ROW LEVEL SECURITY;


--
-- Name: method; Type: TABLE; Schema: payments; Owner: -
--

CREATE TABLE payments.method (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    customer_ref text NOT NULL,
    ref text NOT NULL,
    kind text NOT NULL,
    brand text DEFAULT ''::text NOT NULL,
    last4 text DEFAULT ''::text NOT NULL,
    expires_on date,
    fingerprint text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    is_default boolean DEFAULT false NOT NULL,
    usable boolean DEFAULT true NOT NULL,
    due_at timestamp with time zone,
    removed_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY payments.method FORCE ROW LEVEL SECURITY;


--
-- Name: payer; Type: TABLE; Schema: payments; Owner: -
--

CREATE TABLE payments.payer (
    org_id bigint NOT NULL,
    customer_id text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    ref text DEFAULT ''::text NOT NULL,
    generation integer DEFAULT 0 NOT NULL
);

ALTER TABLE ONLY payments.payer FORCE ROW LEVEL SECURITY;


--
-- Name: payment; Type: TABLE; Schema: payments; Owner: -
--

CREATE TABLE payments.payment (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    invoice_id text COLLATE pg_catalog."C",
    attempt_id text COLLATE pg_catalog."C",
    channel_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL,
    reference text DEFAULT ''::text NOT NULL,
    instruction_key text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    amount_minor bigint NOT NULL,
    applied_minor bigint NOT NULL,
    fee_minor bigint DEFAULT 0 NOT NULL,
    refunded_minor bigint DEFAULT 0 NOT NULL,
    disputed boolean DEFAULT false NOT NULL,
    paid_at timestamp with time zone NOT NULL,
    dispute_lost boolean DEFAULT false NOT NULL,
    settled_currency text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    settled_minor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT payment_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT payment_applied_minor_check CHECK ((applied_minor >= 0)),
    CONSTRAINT payment_source_check CHECK ((source = ANY (ARRAY['charge'::text, 'link'::text, 'bank_transfer'::text, 'manual'::text]))),
    CONSTRAINT refunded_at_most_once CHECK (((refunded_minor >= 0) AND (refunded_minor <= amount_minor)))
);

ALTER TABLE ONLY payments.payment FORCE ROW LEVEL SECURITY;


--
-- Name: refund; Type: TABLE; Schema: payments; Owner: -
--

CREATE TABLE payments.refund (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    payment_id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    credit_note_id text COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    amount_minor bigint NOT NULL,
    reason text NOT NULL,
    state text NOT NULL,
    message text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    concluded_at timestamp with time zone,
    settled_currency text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    settled_minor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT refund_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT refund_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'succeeded'::text, 'failed'::text, 'canceled'::text])))
);

ALTER TABLE ONLY payments.refund FORCE ROW LEVEL SECURITY;


--
-- Name: setup; Type: TABLE; Schema: payments; Owner: -
--

CREATE TABLE payments.setup (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL,
    next_action jsonb,
    method_id text COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT setup_state_check CHECK ((state = ANY (ARRAY['open'::text, 'done'::text, 'failed'::text])))
);

ALTER TABLE ONLY payments.setup FORCE ROW LEVEL SECURITY;


--
-- Name: history; Type: TABLE; Schema: provisioning; Owner: -
--

CREATE TABLE provisioning.history (
    org_id bigint NOT NULL,
    id bigint NOT NULL,
    instance_id text NOT NULL COLLATE pg_catalog."C",
    operation_id text COLLATE pg_catalog."C",
    at timestamp with time zone NOT NULL,
    trigger text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    target text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT listed_transition CHECK (provisioning.allows(source, trigger, target))
);

ALTER TABLE ONLY provisioning.history FORCE ROW LEVEL SECURITY;


--
-- Name: history_id_seq; Type: SEQUENCE; Schema: provisioning; Owner: -
--

ALTER TABLE provisioning.history ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME provisioning.history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: instance; Type: TABLE; Schema: provisioning; Owner: -
--

CREATE TABLE provisioning.instance (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    subscription_id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    plan_id text NOT NULL COLLATE pg_catalog."C",
    runner text NOT NULL,
    channel_id text COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    wanted text NOT NULL COLLATE pg_catalog."C",
    ref text DEFAULT ''::text NOT NULL,
    redirect_url text DEFAULT ''::text NOT NULL,
    fields jsonb DEFAULT '{}'::jsonb NOT NULL,
    failure text DEFAULT ''::text NOT NULL,
    due_at timestamp with time zone,
    ready_at timestamp with time zone,
    suspended_at timestamp with time zone,
    deleted_at timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT instance_runner_check CHECK ((runner <> ''::text)),
    CONSTRAINT instance_state_check CHECK ((state = ANY (ARRAY['requested'::text, 'provisioning'::text, 'ready'::text, 'failed'::text, 'suspended'::text, 'deleted'::text]))),
    CONSTRAINT instance_wanted_check CHECK ((wanted = ANY (ARRAY['running'::text, 'suspended'::text, 'deleted'::text]))),
    CONSTRAINT running_is_not_due CHECK (((due_at IS NULL) OR (wanted = 'suspended'::text)))
)
WITH (fillfactor='75');

ALTER TABLE ONLY provisioning.instance FORCE ROW LEVEL SECURITY;


--
-- Name: operation; Type: TABLE; Schema: provisioning; Owner: -
--

CREATE TABLE provisioning.operation (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    instance_id text NOT NULL COLLATE pg_catalog."C",
    verb text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    asked boolean DEFAULT false NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    failure text DEFAULT ''::text NOT NULL,
    at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone,
    concluded_at timestamp with time zone,
    CONSTRAINT concluded_when_final CHECK (((state = ANY (ARRAY['waiting'::text, 'sent'::text])) = (concluded_at IS NULL))),
    CONSTRAINT operation_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'sent'::text, 'done'::text, 'failed'::text, 'refused'::text, 'vetoed'::text]))),
    CONSTRAINT operation_verb_check CHECK ((verb = ANY (ARRAY['provision'::text, 'change'::text, 'suspend'::text, 'restore'::text, 'deprovision'::text, 'reactivate'::text])))
);

ALTER TABLE ONLY provisioning.operation FORCE ROW LEVEL SECURITY;


--
-- Name: break; Type: TABLE; Schema: reconciliation; Owner: -
--

CREATE TABLE reconciliation.break (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    run_id text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL,
    kind text NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    order_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    ours_minor bigint,
    theirs_minor bigint,
    amount_minor bigint NOT NULL,
    severity text NOT NULL,
    state text NOT NULL,
    case_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    due_at timestamp with time zone,
    resolution text DEFAULT ''::text NOT NULL,
    evidence text DEFAULT ''::text NOT NULL,
    resolved_by text DEFAULT ''::text NOT NULL,
    approved_by text DEFAULT ''::text NOT NULL,
    found_at timestamp with time zone NOT NULL,
    resolved_at timestamp with time zone,
    proposal text DEFAULT ''::text NOT NULL,
    written_off_minor bigint DEFAULT 0 NOT NULL,
    write_offs integer DEFAULT 0 NOT NULL,
    CONSTRAINT break_severity_check CHECK ((severity = ANY (ARRAY['critical'::text, 'high'::text, 'normal'::text]))),
    CONSTRAINT break_state_check CHECK ((state = ANY (ARRAY['open'::text, 'assigned'::text, 'explained'::text, 'corrected'::text, 'accepted'::text, 'closed'::text]))),
    CONSTRAINT break_type_check CHECK ((type = ANY (ARRAY['missing_here'::text, 'missing_there'::text, 'amount'::text, 'status'::text, 'timing'::text, 'duplicate'::text, 'balance'::text, 'balance_gap'::text, 'count'::text, 'fee'::text, 'unknown_reference'::text, 'unknown_debit'::text, 'status_conflict'::text]))),
    CONSTRAINT money_takes_two CHECK (((state <> ALL (ARRAY['corrected'::text, 'accepted'::text])) OR ((approved_by <> ''::text) AND (approved_by <> resolved_by)))),
    CONSTRAINT only_accepted_is_written_off CHECK (((written_off_minor = 0) OR (state = 'accepted'::text)))
);

ALTER TABLE ONLY reconciliation.break FORCE ROW LEVEL SECURITY;


--
-- Name: case; Type: TABLE; Schema: reconciliation; Owner: -
--

CREATE TABLE reconciliation."case" (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    cause text NOT NULL,
    owner text DEFAULT ''::text NOT NULL,
    severity text NOT NULL,
    due_at timestamp with time zone,
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    CONSTRAINT case_severity_check CHECK ((severity = ANY (ARRAY['critical'::text, 'high'::text, 'normal'::text])))
);

ALTER TABLE ONLY reconciliation."case" FORCE ROW LEVEL SECURITY;


--
-- Name: daily; Type: TABLE; Schema: reconciliation; Owner: -
--

CREATE TABLE reconciliation.daily (
    org_id bigint NOT NULL,
    channel_id text NOT NULL COLLATE pg_catalog."C",
    hour smallint NOT NULL,
    due_at timestamp with time zone,
    parked_after text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT daily_hour_check CHECK (((hour >= 0) AND (hour <= 23)))
);

ALTER TABLE ONLY reconciliation.daily FORCE ROW LEVEL SECURITY;


--
-- Name: line; Type: TABLE; Schema: reconciliation; Owner: -
--

CREATE TABLE reconciliation.line (
    org_id bigint NOT NULL,
    statement_id bigint NOT NULL,
    row_key text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    ref text NOT NULL COLLATE pg_catalog."C",
    order_ref text NOT NULL COLLATE pg_catalog."C",
    account_ref text NOT NULL COLLATE pg_catalog."C",
    amount_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    currency text NOT NULL COLLATE pg_catalog."C",
    occurred_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    status text DEFAULT 'booked'::text NOT NULL,
    CONSTRAINT line_status CHECK ((status = ANY (ARRAY['booked'::text, 'pending'::text, 'failed'::text])))
);

ALTER TABLE ONLY reconciliation.line FORCE ROW LEVEL SECURITY;


--
-- Name: run; Type: TABLE; Schema: reconciliation; Owner: -
--

CREATE TABLE reconciliation.run (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    from_at timestamp with time zone NOT NULL,
    until_at timestamp with time zone NOT NULL,
    from_id bigint NOT NULL,
    until_id bigint NOT NULL,
    lines bigint DEFAULT 0 NOT NULL,
    ours bigint DEFAULT 0 NOT NULL,
    matched bigint DEFAULT 0 NOT NULL,
    breaks bigint DEFAULT 0 NOT NULL,
    custody_difference_minor bigint,
    state text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    CONSTRAINT run_state_check CHECK ((state = ANY (ARRAY['fetching'::text, 'parsed'::text, 'matched'::text, 'balanced'::text, 'breaks_open'::text, 'closed'::text])))
);

ALTER TABLE ONLY reconciliation.run FORCE ROW LEVEL SECURITY;


--
-- Name: statement; Type: TABLE; Schema: reconciliation; Owner: -
--

CREATE TABLE reconciliation.statement (
    org_id bigint NOT NULL,
    id bigint NOT NULL,
    public_id text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    day date NOT NULL,
    content_hash bytea,
    lines bigint DEFAULT 0 NOT NULL,
    state text NOT NULL,
    imported_at timestamp with time zone NOT NULL,
    account_ref text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    opening_minor bigint,
    closing_minor bigint,
    map_version text DEFAULT ''::text NOT NULL,
    CONSTRAINT statement_state_check CHECK ((state = ANY (ARRAY['fetching'::text, 'parsed'::text, 'matched'::text, 'balanced'::text, 'breaks_open'::text, 'closed'::text])))
);

ALTER TABLE ONLY reconciliation.statement FORCE ROW LEVEL SECURITY;


--
-- Name: statement_id_seq; Type: SEQUENCE; Schema: reconciliation; Owner: -
--

ALTER TABLE reconciliation.statement ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME reconciliation.statement_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: terms; Type: TABLE; Schema: reconciliation; Owner: -
--

CREATE TABLE reconciliation.terms (
    org_id bigint NOT NULL,
    channel_id text NOT NULL COLLATE pg_catalog."C",
    fee_tolerances jsonb DEFAULT '{}'::jsonb NOT NULL,
    timing_days integer DEFAULT 3 NOT NULL,
    csv_map jsonb,
    map_version integer DEFAULT 0 NOT NULL,
    accept_max_minor bigint,
    CONSTRAINT terms_accept_max_minor_check CHECK ((accept_max_minor >= 0)),
    CONSTRAINT terms_timing_days_check CHECK (((timing_days >= 0) AND (timing_days <= 30)))
);

ALTER TABLE ONLY reconciliation.terms FORCE ROW LEVEL SECURITY;


--
-- Name: file; Type: TABLE; Schema: relations; Owner: -
--

CREATE TABLE relations.file (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    sha256 text NOT NULL COLLATE pg_catalog."C",
    bytes bigint NOT NULL,
    content bytea NOT NULL,
    added_by text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    CONSTRAINT file_check CHECK (((bytes = octet_length(content)) AND ((bytes >= 1) AND (bytes <= 10485760)))),
    CONSTRAINT file_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

ALTER TABLE ONLY relations.file FORCE ROW LEVEL SECURITY;


--
-- Name: note; Type: TABLE; Schema: relations; Owner: -
--

CREATE TABLE relations.note (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    author text NOT NULL,
    body text NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY relations.note FORCE ROW LEVEL SECURITY;


--
-- Name: owner; Type: TABLE; Schema: relations; Owner: -
--

CREATE TABLE relations.owner (
    org_id bigint NOT NULL,
    customer_id text NOT NULL COLLATE pg_catalog."C",
    email text NOT NULL,
    since timestamp with time zone NOT NULL
);

ALTER TABLE ONLY relations.owner FORCE ROW LEVEL SECURITY;


--
-- Name: segment; Type: TABLE; Schema: relations; Owner: -
--

CREATE TABLE relations.segment (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    filter jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT segment_name_check CHECK ((name <> ''::text))
);

ALTER TABLE ONLY relations.segment FORCE ROW LEVEL SECURITY;


--
-- Name: step_mode; Type: TABLE; Schema: relations; Owner: -
--

CREATE TABLE relations.step_mode (
    org_id bigint NOT NULL,
    step text NOT NULL COLLATE pg_catalog."C",
    plan_key text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    mode text NOT NULL,
    actor text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT step_mode_mode_check CHECK ((mode = ANY (ARRAY['manual'::text, 'assisted'::text, 'automatic'::text])))
);

ALTER TABLE ONLY relations.step_mode FORCE ROW LEVEL SECURITY;


--
-- Name: tag; Type: TABLE; Schema: relations; Owner: -
--

CREATE TABLE relations.tag (
    org_id bigint NOT NULL,
    customer_id text NOT NULL COLLATE pg_catalog."C",
    tag text NOT NULL COLLATE pg_catalog."C",
    added_by text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    CONSTRAINT tag_tag_check CHECK (((length(tag) >= 1) AND (length(tag) <= 60)))
);

ALTER TABLE ONLY relations.tag FORCE ROW LEVEL SECURITY;


--
-- Name: task; Type: TABLE; Schema: relations; Owner: -
--

CREATE TABLE relations.task (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    step text NOT NULL COLLATE pg_catalog."C",
    mode text NOT NULL,
    work text NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    object_id text NOT NULL COLLATE pg_catalog."C",
    customer_id text COLLATE pg_catalog."C",
    plan_key text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL,
    at timestamp with time zone NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    minutes integer,
    actor text DEFAULT ''::text NOT NULL,
    CONSTRAINT ended_when_over CHECK (((state = ANY (ARRAY['open'::text, 'released'::text])) = (ended_at IS NULL))),
    CONSTRAINT task_minutes_check CHECK ((minutes >= 0)),
    CONSTRAINT task_mode_check CHECK ((mode = ANY (ARRAY['manual'::text, 'assisted'::text]))),
    CONSTRAINT task_state_check CHECK ((state = ANY (ARRAY['open'::text, 'released'::text, 'done'::text, 'dropped'::text]))),
    CONSTRAINT task_work_check CHECK ((work = ANY (ARRAY['row'::text, 'job'::text])))
);

ALTER TABLE ONLY relations.task FORCE ROW LEVEL SECURITY;


--
-- Name: todo; Type: TABLE; Schema: relations; Owner: -
--

CREATE TABLE relations.todo (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    customer_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    title text NOT NULL,
    owner text DEFAULT ''::text NOT NULL,
    due_on date,
    state text DEFAULT 'open'::text NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    done_by text DEFAULT ''::text NOT NULL,
    done_at timestamp with time zone,
    CONSTRAINT done_has_its_time CHECK (((state = 'done'::text) = (done_at IS NOT NULL))),
    CONSTRAINT todo_state_check CHECK ((state = ANY (ARRAY['open'::text, 'done'::text]))),
    CONSTRAINT todo_title_check CHECK ((title <> ''::text))
);

ALTER TABLE ONLY relations.todo FORCE ROW LEVEL SECURITY;


--
-- Name: change; Type: TABLE; Schema: reports; Owner: -
--

CREATE TABLE reports.change (
    org_id bigint NOT NULL,
    id bigint NOT NULL,
    measure text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    day date NOT NULL,
    of_day date NOT NULL,
    amount_minor bigint NOT NULL,
    count bigint NOT NULL
);

ALTER TABLE ONLY reports.change FORCE ROW LEVEL SECURITY;


--
-- Name: change_id_seq; Type: SEQUENCE; Schema: reports; Owner: -
--

ALTER TABLE reports.change ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME reports.change_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: daily; Type: TABLE; Schema: reports; Owner: -
--

CREATE TABLE reports.daily (
    org_id bigint NOT NULL,
    measure text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    day date NOT NULL,
    of_day date NOT NULL,
    amount_minor bigint NOT NULL,
    count bigint NOT NULL
)
WITH (fillfactor='80');

ALTER TABLE ONLY reports.daily FORCE ROW LEVEL SECURITY;


--
-- Name: batch; Type: TABLE; Schema: settlement; Owner: -
--

CREATE TABLE settlement.batch (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    merchant_id text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    runs_on date NOT NULL,
    from_at timestamp with time zone,
    until_at timestamp with time zone NOT NULL,
    balance_minor bigint NOT NULL,
    retained_minor bigint DEFAULT 0 NOT NULL,
    payout_minor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT batch_check CHECK (((payout_minor >= 0) AND (payout_minor <= balance_minor)))
);

ALTER TABLE ONLY settlement.batch FORCE ROW LEVEL SECURITY;


--
-- Name: channel_pause; Type: TABLE; Schema: settlement; Owner: -
--

CREATE TABLE settlement.channel_pause (
    org_id bigint NOT NULL,
    channel_id text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL,
    paused_at timestamp with time zone NOT NULL,
    paused_by text NOT NULL,
    CONSTRAINT channel_pause_reason_check CHECK ((reason = ANY (ARRAY['transit_break'::text, 'custody_mismatch'::text, 'statement_missing'::text, 'operator'::text])))
);

ALTER TABLE ONLY settlement.channel_pause FORCE ROW LEVEL SECURITY;


--
-- Name: funding; Type: TABLE; Schema: settlement; Owner: -
--

CREATE TABLE settlement.funding (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL,
    channel_id text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    merchant_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    order_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    parent_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    amount_minor bigint NOT NULL,
    spent_minor bigint DEFAULT 0 NOT NULL,
    state text NOT NULL,
    requested_by text NOT NULL,
    approved_by text DEFAULT ''::text NOT NULL,
    ref text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    failure text DEFAULT ''::text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    paid_at timestamp with time zone,
    CONSTRAINT funding_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT funding_kind_check CHECK ((kind = ANY (ARRAY['top_up'::text, 'undo_top_up'::text, 'subsidy'::text, 'advance'::text, 'recover_advance'::text, 'fee_sweep'::text, 'assign_suspense'::text, 'undo_assign'::text, 'order_subsidy'::text, 'return_order_subsidy'::text, 'drop_order_subsidy'::text]))),
    CONSTRAINT funding_state_check CHECK ((state = ANY (ARRAY['requested'::text, 'submitted'::text, 'processing'::text, 'paid'::text, 'failed'::text, 'canceled'::text]))),
    CONSTRAINT members_have_a_merchant CHECK (((kind <> ALL (ARRAY['top_up'::text, 'undo_top_up'::text, 'advance'::text, 'recover_advance'::text])) OR (merchant_id <> ''::text))),
    CONSTRAINT spent_at_most_paid CHECK (((spent_minor >= 0) AND (spent_minor <= amount_minor))),
    CONSTRAINT subsidies_have_an_order CHECK (((kind <> ALL (ARRAY['order_subsidy'::text, 'return_order_subsidy'::text, 'drop_order_subsidy'::text])) OR ((order_id <> ''::text) AND (parent_id <> ''::text)))),
    CONSTRAINT suspense_has_an_item CHECK (((kind <> ALL (ARRAY['assign_suspense'::text, 'undo_assign'::text])) OR (parent_id <> ''::text))),
    CONSTRAINT two_persons CHECK (((kind <> ALL (ARRAY['subsidy'::text, 'advance'::text, 'assign_suspense'::text, 'undo_assign'::text, 'order_subsidy'::text])) OR (state = ANY (ARRAY['requested'::text, 'canceled'::text])) OR ((approved_by <> ''::text) AND (approved_by <> requested_by))))
)
WITH (fillfactor='80');

ALTER TABLE ONLY settlement.funding FORCE ROW LEVEL SECURITY;


--
-- Name: holiday; Type: TABLE; Schema: settlement; Owner: -
--

CREATE TABLE settlement.holiday (
    org_id bigint NOT NULL,
    market text NOT NULL COLLATE pg_catalog."C",
    day date NOT NULL,
    works boolean DEFAULT false NOT NULL,
    name text DEFAULT ''::text NOT NULL
);

ALTER TABLE ONLY settlement.holiday FORCE ROW LEVEL SECURITY;


--
-- Name: merchant_pause; Type: TABLE; Schema: settlement; Owner: -
--

CREATE TABLE settlement.merchant_pause (
    org_id bigint NOT NULL,
    merchant_id text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL,
    paused_at timestamp with time zone NOT NULL,
    paused_by text NOT NULL,
    CONSTRAINT merchant_pause_reason_check CHECK ((length(reason) <= 500))
);

ALTER TABLE ONLY settlement.merchant_pause FORCE ROW LEVEL SECURITY;


--
-- Name: payout; Type: TABLE; Schema: settlement; Owner: -
--

CREATE TABLE settlement.payout (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    batch_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    merchant_id text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    instrument_id text COLLATE pg_catalog."C",
    account_ref text NOT NULL COLLATE pg_catalog."C",
    instrument_ref text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    amount_minor bigint NOT NULL,
    fee_minor bigint DEFAULT 0 NOT NULL,
    state text NOT NULL,
    needs_approval boolean NOT NULL,
    requested_by text NOT NULL,
    approved_by text DEFAULT ''::text NOT NULL,
    ref text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    failure text DEFAULT ''::text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    submitted_at timestamp with time zone,
    paid_at timestamp with time zone,
    CONSTRAINT approved_before_sent CHECK (((NOT needs_approval) OR (approved_by <> ''::text) OR (state = ANY (ARRAY['requested'::text, 'canceled'::text])))),
    CONSTRAINT payout_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT payout_fee_minor_check CHECK ((fee_minor >= 0)),
    CONSTRAINT payout_state_check CHECK ((state = ANY (ARRAY['requested'::text, 'approved'::text, 'funds_reserved'::text, 'submitted'::text, 'processing'::text, 'paid'::text, 'returned'::text, 'failed'::text, 'unknown'::text, 'canceled'::text]))),
    CONSTRAINT second_person CHECK ((approved_by <> requested_by))
);

ALTER TABLE ONLY settlement.payout FORCE ROW LEVEL SECURITY;


--
-- Name: schedule; Type: TABLE; Schema: settlement; Owner: -
--

CREATE TABLE settlement.schedule (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    content jsonb NOT NULL,
    is_default boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY settlement.schedule FORCE ROW LEVEL SECURITY;


--
-- Name: standing; Type: TABLE; Schema: settlement; Owner: -
--

CREATE TABLE settlement.standing (
    org_id bigint NOT NULL,
    merchant_id text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    schedule_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    due_at timestamp with time zone,
    last_run_at timestamp with time zone,
    key text GENERATED ALWAYS AS (((((merchant_id || '|'::text) || channel_id) || '|'::text) || currency)) STORED NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='70');

ALTER TABLE ONLY settlement.standing FORCE ROW LEVEL SECURITY;


--
-- Name: suspense; Type: TABLE; Schema: settlement; Owner: -
--

CREATE TABLE settlement.suspense (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    amount_minor bigint NOT NULL,
    assigned_minor bigint DEFAULT 0 NOT NULL,
    evidence text NOT NULL COLLATE pg_catalog."C",
    ref text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    arrived_at timestamp with time zone NOT NULL,
    CONSTRAINT assigned_at_most_arrived CHECK (((assigned_minor >= 0) AND (assigned_minor <= amount_minor))),
    CONSTRAINT suspense_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT suspense_evidence_check CHECK ((evidence <> ''::text))
);

ALTER TABLE ONLY settlement.suspense FORCE ROW LEVEL SECURITY;


--
-- Name: allocation; Type: TABLE; Schema: splits; Owner: -
--

CREATE TABLE splits.allocation (
    org_id bigint NOT NULL,
    collection_id text NOT NULL COLLATE pg_catalog."C",
    "position" smallint NOT NULL,
    order_id text NOT NULL COLLATE pg_catalog."C",
    party text NOT NULL COLLATE pg_catalog."C",
    amount_minor bigint NOT NULL,
    reversed_minor bigint DEFAULT 0 NOT NULL,
    is_rest boolean DEFAULT false NOT NULL,
    closed boolean DEFAULT false NOT NULL,
    fee_borne_minor bigint DEFAULT 0 NOT NULL,
    role text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    parked_minor bigint DEFAULT 0 NOT NULL,
    brought boolean DEFAULT false NOT NULL,
    recovered_minor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT allocation_amount_minor_check CHECK ((amount_minor >= 0)),
    CONSTRAINT allocation_fee_borne_minor_check CHECK ((fee_borne_minor >= 0)),
    CONSTRAINT allocation_parked_minor_check CHECK ((parked_minor >= 0)),
    CONSTRAINT allocation_party_check CHECK ((party <> ''::text)),
    CONSTRAINT allocation_recovered_minor_check CHECK ((recovered_minor >= 0)),
    CONSTRAINT reversed_at_most_given CHECK (((reversed_minor >= 0) AND (reversed_minor <= amount_minor)))
)
WITH (fillfactor='90');

ALTER TABLE ONLY splits.allocation FORCE ROW LEVEL SECURITY;


--
-- Name: kept_part; Type: TABLE; Schema: splits; Owner: -
--

CREATE TABLE splits.kept_part (
    org_id bigint NOT NULL,
    collection_id text NOT NULL COLLATE pg_catalog."C",
    "position" smallint NOT NULL,
    order_id text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL COLLATE pg_catalog."C",
    party text NOT NULL COLLATE pg_catalog."C",
    amount_minor bigint NOT NULL,
    rule_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    rule_version integer,
    reason text DEFAULT ''::text NOT NULL,
    divided_by text NOT NULL,
    divided_at timestamp with time zone NOT NULL,
    CONSTRAINT kept_part_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT kept_part_divided_by_check CHECK ((divided_by <> ''::text))
);

ALTER TABLE ONLY splits.kept_part FORCE ROW LEVEL SECURITY;


--
-- Name: reversal; Type: TABLE; Schema: splits; Owner: -
--

CREATE TABLE splits.reversal (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    order_id text NOT NULL COLLATE pg_catalog."C",
    collection_id text NOT NULL COLLATE pg_catalog."C",
    "position" smallint NOT NULL,
    split_id text NOT NULL COLLATE pg_catalog."C",
    refund_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    party text NOT NULL COLLATE pg_catalog."C",
    amount_minor bigint NOT NULL,
    state text NOT NULL,
    ref text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT reversal_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT reversal_state_check CHECK ((state = ANY (ARRAY['submitted'::text, 'applied'::text, 'failed'::text])))
);

ALTER TABLE ONLY splits.reversal FORCE ROW LEVEL SECURITY;


--
-- Name: rule; Type: TABLE; Schema: splits; Owner: -
--

CREATE TABLE splits.rule (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    version integer NOT NULL,
    name text NOT NULL,
    content jsonb NOT NULL,
    state text NOT NULL,
    created_by text NOT NULL,
    activated_by text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT rule_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'active'::text, 'superseded'::text]))),
    CONSTRAINT rule_version_check CHECK ((version > 0))
);

ALTER TABLE ONLY splits.rule FORCE ROW LEVEL SECURITY;


--
-- Name: split; Type: TABLE; Schema: splits; Owner: -
--

CREATE TABLE splits.split (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    order_id text NOT NULL COLLATE pg_catalog."C",
    collection_id text NOT NULL COLLATE pg_catalog."C",
    channel_id text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    first_position smallint NOT NULL,
    last_position smallint NOT NULL,
    sent_minor bigint NOT NULL,
    fee_minor bigint DEFAULT 0 NOT NULL,
    owner_minor bigint DEFAULT 0 NOT NULL,
    finishes boolean NOT NULL,
    owner_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL,
    ref text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    applied_at timestamp with time zone,
    resends boolean DEFAULT false NOT NULL,
    CONSTRAINT split_fee_minor_check CHECK ((fee_minor >= 0)),
    CONSTRAINT split_owner_minor_check CHECK ((owner_minor >= 0)),
    CONSTRAINT split_sent_minor_check CHECK ((sent_minor >= 0)),
    CONSTRAINT split_state_check CHECK ((state = ANY (ARRAY['planned'::text, 'submitted'::text, 'processing'::text, 'applied'::text, 'partially_applied'::text, 'failed'::text, 'unknown'::text, 'partially_reversed'::text, 'reversed'::text])))
)
WITH (fillfactor='80');

ALTER TABLE ONLY splits.split FORCE ROW LEVEL SECURITY;


--
-- Name: audit; Type: TABLE; Schema: storage; Owner: -
--

CREATE TABLE storage.audit (
    org_id bigint NOT NULL,
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor text NOT NULL,
    address text,
    request_id text,
    action text NOT NULL COLLATE pg_catalog."C",
    object_id text NOT NULL COLLATE pg_catalog."C",
    refused boolean DEFAULT false NOT NULL,
    before jsonb,
    after jsonb
);

ALTER TABLE ONLY storage.audit FORCE ROW LEVEL SECURITY;


--
-- Name: audit_id_seq; Type: SEQUENCE; Schema: storage; Owner: -
--

ALTER TABLE storage.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME storage.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: clock_advance; Type: TABLE; Schema: storage; Owner: -
--

CREATE TABLE storage.clock_advance (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    started_at timestamp with time zone NOT NULL,
    target_at timestamp with time zone NOT NULL,
    reached_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone,
    steps bigint DEFAULT 0 NOT NULL,
    error text
);

ALTER TABLE ONLY storage.clock_advance FORCE ROW LEVEL SECURITY;


--
-- Name: event; Type: TABLE; Schema: storage; Owner: -
--

CREATE TABLE storage.event (
    org_id bigint NOT NULL,
    id bigint NOT NULL,
    public_id text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    object_id text NOT NULL COLLATE pg_catalog."C",
    customer_id text COLLATE pg_catalog."C",
    sequence bigint NOT NULL,
    data jsonb NOT NULL,
    previous jsonb,
    actor text NOT NULL,
    cause text,
    occurred_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE ONLY storage.event FORCE ROW LEVEL SECURITY;


--
-- Name: event_id_seq; Type: SEQUENCE; Schema: storage; Owner: -
--

ALTER TABLE storage.event ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME storage.event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: idempotency; Type: TABLE; Schema: storage; Owner: -
--

CREATE TABLE storage.idempotency (
    org_id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    operation text NOT NULL,
    body_hash bytea NOT NULL,
    status smallint NOT NULL,
    response bytea NOT NULL,
    keep boolean NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT idempotency_key_check CHECK (((length(key) >= 1) AND (length(key) <= 255)))
);

ALTER TABLE ONLY storage.idempotency FORCE ROW LEVEL SECURITY;


--
-- Name: job; Type: TABLE; Schema: storage; Owner: -
--

CREATE TABLE storage.job (
    org_id bigint NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    key text COLLATE pg_catalog."C",
    dedupe text COLLATE pg_catalog."C",
    payload jsonb NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL COLLATE pg_catalog."C",
    due_at timestamp with time zone NOT NULL,
    try_at timestamp with time zone NOT NULL,
    attempts smallint DEFAULT 0 NOT NULL,
    lease_token bigint,
    leased_until timestamp with time zone,
    error text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT blocked_has_a_key CHECK (((state <> 'blocked'::text) OR (key IS NOT NULL))),
    CONSTRAINT job_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'blocked'::text, 'leased'::text, 'buried'::text]))),
    CONSTRAINT leased_has_a_lease CHECK (((state = 'leased'::text) = ((lease_token IS NOT NULL) AND (leased_until IS NOT NULL))))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_cost_delay='0');

ALTER TABLE ONLY storage.job FORCE ROW LEVEL SECURITY;


--
-- Name: job_id_seq; Type: SEQUENCE; Schema: storage; Owner: -
--

ALTER TABLE storage.job ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME storage.job_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: lease_token; Type: SEQUENCE; Schema: storage; Owner: -
--

CREATE SEQUENCE storage.lease_token
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 100;


--
-- Name: parked; Type: TABLE; Schema: storage; Owner: -
--

CREATE TABLE storage.parked (
    org_id bigint NOT NULL,
    sweep text NOT NULL COLLATE pg_catalog."C",
    row_key text NOT NULL COLLATE pg_catalog."C",
    error text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    tries integer DEFAULT 1 NOT NULL,
    parked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    let_go_at timestamp with time zone
);

ALTER TABLE ONLY storage.parked FORCE ROW LEVEL SECURITY;


--
-- Name: sealed; Type: TABLE; Schema: storage; Owner: -
--

CREATE TABLE storage.sealed (
    org_id bigint NOT NULL,
    owner_id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    key_id text NOT NULL,
    box bytea NOT NULL,
    expires_at timestamp with time zone,
    written_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE ONLY storage.sealed FORCE ROW LEVEL SECURITY;


--
-- Name: unrelayed; Type: TABLE; Schema: storage; Owner: -
--

CREATE TABLE storage.unrelayed (
    org_id bigint NOT NULL,
    event_id bigint NOT NULL
);

ALTER TABLE ONLY storage.unrelayed FORCE ROW LEVEL SECURITY;


--
-- Name: change; Type: TABLE; Schema: subscriptions; Owner: -
--

CREATE TABLE subscriptions.change (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    subscription_id text NOT NULL COLLATE pg_catalog."C",
    content jsonb NOT NULL,
    at_period_end boolean NOT NULL,
    due_at timestamp with time zone,
    state text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    settled_at timestamp with time zone,
    invoice_id text COLLATE pg_catalog."C",
    CONSTRAINT awaits_an_invoice CHECK (((state <> 'awaiting'::text) OR (invoice_id IS NOT NULL)))
);

ALTER TABLE ONLY subscriptions.change FORCE ROW LEVEL SECURITY;


--
-- Name: discount; Type: TABLE; Schema: subscriptions; Owner: -
--

CREATE TABLE subscriptions.discount (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    subscription_id text NOT NULL COLLATE pg_catalog."C",
    coupon_id text NOT NULL COLLATE pg_catalog."C",
    percent numeric,
    amount_minor bigint,
    product_ids text[] DEFAULT '{}'::text[] NOT NULL,
    periods_left integer,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY subscriptions.discount FORCE ROW LEVEL SECURITY;


--
-- Name: history; Type: TABLE; Schema: subscriptions; Owner: -
--

CREATE TABLE subscriptions.history (
    org_id bigint NOT NULL,
    id bigint NOT NULL,
    subscription_id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    at timestamp with time zone NOT NULL,
    trigger text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    target text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    mrr_before_minor bigint NOT NULL,
    mrr_after_minor bigint NOT NULL,
    actor text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    CONSTRAINT listed_transition CHECK (subscriptions.allows(source, trigger, target))
);

ALTER TABLE ONLY subscriptions.history FORCE ROW LEVEL SECURITY;


--
-- Name: history_id_seq; Type: SEQUENCE; Schema: subscriptions; Owner: -
--

ALTER TABLE subscriptions.history ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME subscriptions.history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: item; Type: TABLE; Schema: subscriptions; Owner: -
--

CREATE TABLE subscriptions.item (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    subscription_id text NOT NULL COLLATE pg_catalog."C",
    price_id text NOT NULL COLLATE pg_catalog."C",
    quantity numeric NOT NULL,
    options jsonb DEFAULT '{}'::jsonb NOT NULL,
    adjust_minor bigint DEFAULT 0 NOT NULL,
    adjust_percent numeric DEFAULT 0 NOT NULL,
    removed_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    phases_from date,
    CONSTRAINT item_quantity_check CHECK ((quantity >= (0)::numeric))
);

ALTER TABLE ONLY subscriptions.item FORCE ROW LEVEL SECURITY;


--
-- Name: subscription; Type: TABLE; Schema: subscriptions; Owner: -
--

CREATE TABLE subscriptions.subscription (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    customer_id text NOT NULL COLLATE pg_catalog."C",
    plan_id text NOT NULL COLLATE pg_catalog."C",
    product_id text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    timezone text NOT NULL,
    term integer DEFAULT 1 NOT NULL,
    interval_unit text NOT NULL,
    interval_count integer NOT NULL,
    anchor_on date NOT NULL,
    anchor_day smallint,
    anchor_time time without time zone NOT NULL,
    period_index integer DEFAULT '-1'::integer NOT NULL,
    period_start date,
    period_end date,
    collection text DEFAULT 'charge'::text NOT NULL,
    net_days integer DEFAULT 0 NOT NULL,
    method_id text COLLATE pg_catalog."C",
    trial_start timestamp with time zone,
    trial_end timestamp with time zone,
    cancel_at_period_end boolean DEFAULT false NOT NULL,
    cancellation text DEFAULT ''::text NOT NULL,
    cancel_reason text DEFAULT ''::text NOT NULL,
    pause_reason text DEFAULT ''::text NOT NULL,
    paused_on date,
    resume_at timestamp with time zone,
    periods_max integer,
    pending_invoice_id text COLLATE pg_catalog."C",
    mrr_minor bigint DEFAULT 0 NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    due_kind text COLLATE pg_catalog."C",
    due_at timestamp with time zone,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    upcoming_at timestamp with time zone,
    usage_from date,
    access_kept boolean DEFAULT false NOT NULL,
    alignment text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT due_has_a_kind CHECK (((due_at IS NULL) OR (due_kind IS NOT NULL))),
    CONSTRAINT ended_is_not_due CHECK (((status <> ALL (ARRAY['canceled'::text, 'expired'::text])) OR (due_at IS NULL))),
    CONSTRAINT kept_when_complete CHECK (((NOT access_kept) OR (status = 'expired'::text))),
    CONSTRAINT paused_has_a_reason CHECK (((status = 'paused'::text) = (pause_reason <> ''::text))),
    CONSTRAINT period_is_whole CHECK ((((period_start IS NULL) = (period_end IS NULL)) AND (period_start < period_end))),
    CONSTRAINT subscription_alignment_check CHECK ((alignment = ANY (ARRAY[''::text, 'calendar'::text, '1'::text, '2'::text, '3'::text, '4'::text, '5'::text, '6'::text, '7'::text]))),
    CONSTRAINT subscription_anchor_day_check CHECK (((anchor_day >= 1) AND (anchor_day <= 31))),
    CONSTRAINT subscription_cancellation_check CHECK ((cancellation = ANY (ARRAY[''::text, 'waiting'::text, 'approved'::text, 'rejected'::text]))),
    CONSTRAINT subscription_collection_check CHECK ((collection = ANY (ARRAY['charge'::text, 'send_invoice'::text]))),
    CONSTRAINT subscription_currency_check CHECK ((currency ~ '^[a-z]{3}$'::text)),
    CONSTRAINT subscription_net_days_check CHECK ((net_days >= 0)),
    CONSTRAINT subscription_pause_reason_check CHECK ((pause_reason = ANY (ARRAY[''::text, 'requested'::text, 'trial_ended'::text]))),
    CONSTRAINT subscription_periods_max_check CHECK ((periods_max > 0)),
    CONSTRAINT subscription_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'incomplete'::text, 'trialing'::text, 'active'::text, 'past_due'::text, 'unpaid'::text, 'paused'::text, 'canceled'::text, 'expired'::text])))
)
WITH (fillfactor='75');

ALTER TABLE ONLY subscriptions.subscription FORCE ROW LEVEL SECURITY;


--
-- Name: timer; Type: TABLE; Schema: subscriptions; Owner: -
--

CREATE TABLE subscriptions.timer (
    org_id bigint NOT NULL,
    subscription_id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    due_at timestamp with time zone
);

ALTER TABLE ONLY subscriptions.timer FORCE ROW LEVEL SECURITY;


--
-- Name: trial_use; Type: TABLE; Schema: subscriptions; Owner: -
--

CREATE TABLE subscriptions.trial_use (
    org_id bigint NOT NULL,
    product_id text NOT NULL COLLATE pg_catalog."C",
    identity text NOT NULL COLLATE pg_catalog."C",
    subscription_id text NOT NULL COLLATE pg_catalog."C",
    used_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY subscriptions.trial_use FORCE ROW LEVEL SECURITY;


--
-- Name: alert; Type: TABLE; Schema: usage; Owner: -
--

CREATE TABLE usage.alert (
    org_id bigint NOT NULL,
    subscription_id text NOT NULL COLLATE pg_catalog."C",
    feature text NOT NULL COLLATE pg_catalog."C",
    period_start date NOT NULL,
    percent integer NOT NULL,
    quota bigint NOT NULL,
    reached_at timestamp with time zone NOT NULL,
    CONSTRAINT alert_percent_check CHECK ((percent > 0))
);

ALTER TABLE ONLY usage.alert FORCE ROW LEVEL SECURITY;


--
-- Name: correction; Type: TABLE; Schema: usage; Owner: -
--

CREATE TABLE usage.correction (
    org_id bigint NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    event_id text NOT NULL COLLATE pg_catalog."C",
    by_event_id text NOT NULL COLLATE pg_catalog."C",
    recorded_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY usage.correction FORCE ROW LEVEL SECURITY;


--
-- Name: distinct_value; Type: TABLE; Schema: usage; Owner: -
--

CREATE TABLE usage.distinct_value (
    org_id bigint NOT NULL,
    subscription_id text NOT NULL COLLATE pg_catalog."C",
    meter_key text NOT NULL COLLATE pg_catalog."C",
    day date NOT NULL,
    value text NOT NULL COLLATE pg_catalog."C"
);

ALTER TABLE ONLY usage.distinct_value FORCE ROW LEVEL SECURITY;


--
-- Name: event; Type: TABLE; Schema: usage; Owner: -
--

CREATE TABLE usage.event (
    org_id bigint CONSTRAINT event_org_id_not_null1 NOT NULL,
    subscription_id text NOT NULL COLLATE pg_catalog."C",
    meter_key text CONSTRAINT event_meter_key_not_null1 NOT NULL COLLATE pg_catalog."C",
    day date CONSTRAINT event_day_not_null1 NOT NULL,
    source text CONSTRAINT event_source_not_null1 NOT NULL COLLATE pg_catalog."C",
    event_id text CONSTRAINT event_event_id_not_null1 NOT NULL COLLATE pg_catalog."C",
    customer_id text CONSTRAINT event_customer_id_not_null1 NOT NULL COLLATE pg_catalog."C",
    value numeric CONSTRAINT event_value_not_null1 NOT NULL,
    unique_value text DEFAULT ''::text CONSTRAINT event_unique_value_not_null1 NOT NULL COLLATE pg_catalog."C",
    occurred_at timestamp with time zone CONSTRAINT event_occurred_at_not_null1 NOT NULL,
    recorded_at timestamp with time zone CONSTRAINT event_recorded_at_not_null1 NOT NULL
)
PARTITION BY RANGE (day);

ALTER TABLE ONLY usage.event FORCE ROW LEVEL SECURITY;


--
-- Name: event_key; Type: TABLE; Schema: usage; Owner: -
--

CREATE TABLE usage.event_key (
    org_id bigint NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    event_id text NOT NULL COLLATE pg_catalog."C",
    subscription_id text NOT NULL COLLATE pg_catalog."C",
    meter_key text NOT NULL COLLATE pg_catalog."C",
    day date NOT NULL
);

ALTER TABLE ONLY usage.event_key FORCE ROW LEVEL SECURITY;


--
-- Name: event_rest; Type: TABLE; Schema: usage; Owner: -
--

CREATE TABLE usage.event_rest (
    org_id bigint CONSTRAINT event_org_id_not_null1 NOT NULL,
    subscription_id text CONSTRAINT event_subscription_id_not_null NOT NULL COLLATE pg_catalog."C",
    meter_key text CONSTRAINT event_meter_key_not_null1 NOT NULL COLLATE pg_catalog."C",
    day date CONSTRAINT event_day_not_null1 NOT NULL,
    source text CONSTRAINT event_source_not_null1 NOT NULL COLLATE pg_catalog."C",
    event_id text CONSTRAINT event_event_id_not_null1 NOT NULL COLLATE pg_catalog."C",
    customer_id text CONSTRAINT event_customer_id_not_null1 NOT NULL COLLATE pg_catalog."C",
    value numeric CONSTRAINT event_value_not_null1 NOT NULL,
    unique_value text DEFAULT ''::text CONSTRAINT event_unique_value_not_null1 NOT NULL COLLATE pg_catalog."C",
    occurred_at timestamp with time zone CONSTRAINT event_occurred_at_not_null1 NOT NULL,
    recorded_at timestamp with time zone CONSTRAINT event_recorded_at_not_null1 NOT NULL
);

ALTER TABLE ONLY usage.event_rest FORCE ROW LEVEL SECURITY;


--
-- Name: late; Type: TABLE; Schema: usage; Owner: -
--

CREATE TABLE usage.late (
    org_id bigint NOT NULL,
    subscription_id text NOT NULL COLLATE pg_catalog."C",
    meter_key text NOT NULL COLLATE pg_catalog."C",
    day date NOT NULL,
    recorded_on date NOT NULL
);

ALTER TABLE ONLY usage.late FORCE ROW LEVEL SECURITY;


--
-- Name: meter; Type: TABLE; Schema: usage; Owner: -
--

CREATE TABLE usage.meter (
    org_id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    name text DEFAULT ''::text NOT NULL,
    aggregation text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    archived_at timestamp with time zone
);

ALTER TABLE ONLY usage.meter FORCE ROW LEVEL SECURITY;


--
-- Name: rollup; Type: TABLE; Schema: usage; Owner: -
--

CREATE TABLE usage.rollup (
    org_id bigint NOT NULL,
    subscription_id text NOT NULL COLLATE pg_catalog."C",
    meter_key text NOT NULL COLLATE pg_catalog."C",
    day date NOT NULL,
    events bigint NOT NULL,
    total numeric NOT NULL,
    highest numeric NOT NULL,
    latest numeric NOT NULL,
    latest_at timestamp with time zone NOT NULL
)
WITH (fillfactor='80');

ALTER TABLE ONLY usage.rollup FORCE ROW LEVEL SECURITY;


--
-- Name: delivery; Type: TABLE; Schema: webhooks; Owner: -
--

CREATE TABLE webhooks.delivery (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    endpoint_id text NOT NULL COLLATE pg_catalog."C",
    event_id bigint NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    attempts smallint DEFAULT 0 NOT NULL,
    last_status integer,
    last_answer text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    delivered_at timestamp with time zone,
    CONSTRAINT delivery_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'failed'::text])))
);

ALTER TABLE ONLY webhooks.delivery FORCE ROW LEVEL SECURITY;


--
-- Name: endpoint; Type: TABLE; Schema: webhooks; Owner: -
--

CREATE TABLE webhooks.endpoint (
    org_id bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    url text NOT NULL,
    event_types text[] DEFAULT '{}'::text[] NOT NULL,
    state text DEFAULT 'enabled'::text NOT NULL,
    failing_since timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT endpoint_state_check CHECK ((state = ANY (ARRAY['enabled'::text, 'disabled'::text])))
);

ALTER TABLE ONLY webhooks.endpoint FORCE ROW LEVEL SECURITY;


--
-- Name: event_rest; Type: TABLE ATTACH; Schema: usage; Owner: -
--

ALTER TABLE ONLY usage.event ATTACH PARTITION usage.event_rest DEFAULT;


--
-- Name: coupon coupon_org_id_code_key; Type: CONSTRAINT; Schema: catalog; Owner: -
--

ALTER TABLE ONLY catalog.coupon
    ADD CONSTRAINT coupon_org_id_code_key UNIQUE (org_id, code);


--
-- Name: coupon coupon_pkey; Type: CONSTRAINT; Schema: catalog; Owner: -
--

ALTER TABLE ONLY catalog.coupon
    ADD CONSTRAINT coupon_pkey PRIMARY KEY (org_id, id);


--
-- Name: plan plan_org_id_key_version_key; Type: CONSTRAINT; Schema: catalog; Owner: -
--

ALTER TABLE ONLY catalog.plan
    ADD CONSTRAINT plan_org_id_key_version_key UNIQUE (org_id, key, version);


--
-- Name: plan plan_pkey; Type: CONSTRAINT; Schema: catalog; Owner: -
--

ALTER TABLE ONLY catalog.plan
    ADD CONSTRAINT plan_pkey PRIMARY KEY (org_id, id);


--
-- Name: price price_org_id_plan_id_key_currency_key; Type: CONSTRAINT; Schema: catalog; Owner: -
--

ALTER TABLE ONLY catalog.price
    ADD CONSTRAINT price_org_id_plan_id_key_currency_key UNIQUE (org_id, plan_id, key, currency);


--
-- Name: price price_pkey; Type: CONSTRAINT; Schema: catalog; Owner: -
--

ALTER TABLE ONLY catalog.price
    ADD CONSTRAINT price_pkey PRIMARY KEY (org_id, id);


--
-- Name: product product_org_id_key_key; Type: CONSTRAINT; Schema: catalog; Owner: -
--

ALTER TABLE ONLY catalog.product
    ADD CONSTRAINT product_org_id_key_key UNIQUE (org_id, key);


--
-- Name: product product_pkey; Type: CONSTRAINT; Schema: catalog; Owner: -
--

ALTER TABLE ONLY catalog.product
    ADD CONSTRAINT product_pkey PRIMARY KEY (org_id, id);


--
-- Name: tax_rate tax_rate_pkey; Type: CONSTRAINT; Schema: catalog; Owner: -
--

ALTER TABLE ONLY catalog.tax_rate
    ADD CONSTRAINT tax_rate_pkey PRIMARY KEY (org_id, country, category);


--
-- Name: channel channel_pkey; Type: CONSTRAINT; Schema: channels; Owner: -
--

ALTER TABLE ONLY channels.channel
    ADD CONSTRAINT channel_pkey PRIMARY KEY (org_id, id);


--
-- Name: exchange exchange_pkey; Type: CONSTRAINT; Schema: channels; Owner: -
--

ALTER TABLE ONLY channels.exchange
    ADD CONSTRAINT exchange_pkey PRIMARY KEY (org_id, id);


--
-- Name: instruction instruction_pkey; Type: CONSTRAINT; Schema: channels; Owner: -
--

ALTER TABLE ONLY channels.instruction
    ADD CONSTRAINT instruction_pkey PRIMARY KEY (org_id, key);


--
-- Name: line line_pkey; Type: CONSTRAINT; Schema: channels; Owner: -
--

ALTER TABLE ONLY channels.line
    ADD CONSTRAINT line_pkey PRIMARY KEY (org_id, channel_id);


--
-- Name: listing listing_pkey; Type: CONSTRAINT; Schema: channels; Owner: -
--

ALTER TABLE ONLY channels.listing
    ADD CONSTRAINT listing_pkey PRIMARY KEY (org_id, channel_id);


--
-- Name: notice notice_pkey; Type: CONSTRAINT; Schema: channels; Owner: -
--

ALTER TABLE ONLY channels.notice
    ADD CONSTRAINT notice_pkey PRIMARY KEY (org_id, channel_id, event_id);


--
-- Name: stop stop_pkey; Type: CONSTRAINT; Schema: channels; Owner: -
--

ALTER TABLE ONLY channels.stop
    ADD CONSTRAINT stop_pkey PRIMARY KEY (org_id, channel_id, merchant_ref);


--
-- Name: fee_rate_draft fee_rate_draft_pkey; Type: CONSTRAINT; Schema: compliance; Owner: -
--

ALTER TABLE ONLY compliance.fee_rate_draft
    ADD CONSTRAINT fee_rate_draft_pkey PRIMARY KEY (org_id, id);


--
-- Name: fee_rate fee_rate_pkey; Type: CONSTRAINT; Schema: compliance; Owner: -
--

ALTER TABLE ONLY compliance.fee_rate
    ADD CONSTRAINT fee_rate_pkey PRIMARY KEY (org_id, channel_id, valid_from);


--
-- Name: licence licence_pkey; Type: CONSTRAINT; Schema: compliance; Owner: -
--

ALTER TABLE ONLY compliance.licence
    ADD CONSTRAINT licence_pkey PRIMARY KEY (org_id, id);


--
-- Name: self_check self_check_pkey; Type: CONSTRAINT; Schema: compliance; Owner: -
--

ALTER TABLE ONLY compliance.self_check
    ADD CONSTRAINT self_check_pkey PRIMARY KEY (org_id, id);


--
-- Name: self_check signed_by_a_person; Type: CHECK CONSTRAINT; Schema: compliance; Owner: -
--

ALTER TABLE compliance.self_check
    ADD CONSTRAINT signed_by_a_person CHECK ((signed_by ~~ 'person:%'::text)) NOT VALID;


--
-- Name: conversation conversation_pkey; Type: CONSTRAINT; Schema: conversations; Owner: -
--

ALTER TABLE ONLY conversations.conversation
    ADD CONSTRAINT conversation_pkey PRIMARY KEY (org_id, id);


--
-- Name: message message_pkey; Type: CONSTRAINT; Schema: conversations; Owner: -
--

ALTER TABLE ONLY conversations.message
    ADD CONSTRAINT message_pkey PRIMARY KEY (org_id, id);


--
-- Name: saved_reply saved_reply_pkey; Type: CONSTRAINT; Schema: conversations; Owner: -
--

ALTER TABLE ONLY conversations.saved_reply
    ADD CONSTRAINT saved_reply_pkey PRIMARY KEY (org_id, id);


--
-- Name: credit_grant credit_grant_org_id_source_key; Type: CONSTRAINT; Schema: customers; Owner: -
--

ALTER TABLE ONLY customers.credit_grant
    ADD CONSTRAINT credit_grant_org_id_source_key UNIQUE (org_id, source);


--
-- Name: credit_grant credit_grant_pkey; Type: CONSTRAINT; Schema: customers; Owner: -
--

ALTER TABLE ONLY customers.credit_grant
    ADD CONSTRAINT credit_grant_pkey PRIMARY KEY (org_id, id);


--
-- Name: customer customer_org_id_external_id_key; Type: CONSTRAINT; Schema: customers; Owner: -
--

ALTER TABLE ONLY customers.customer
    ADD CONSTRAINT customer_org_id_external_id_key UNIQUE (org_id, external_id);


--
-- Name: customer customer_pkey; Type: CONSTRAINT; Schema: customers; Owner: -
--

ALTER TABLE ONLY customers.customer
    ADD CONSTRAINT customer_pkey PRIMARY KEY (org_id, id);


--
-- Name: grant_use grant_use_pkey; Type: CONSTRAINT; Schema: customers; Owner: -
--

ALTER TABLE ONLY customers.grant_use
    ADD CONSTRAINT grant_use_pkey PRIMARY KEY (org_id, invoice_id, grant_id);


--
-- Name: member member_pkey; Type: CONSTRAINT; Schema: customers; Owner: -
--

ALTER TABLE ONLY customers.member
    ADD CONSTRAINT member_pkey PRIMARY KEY (org_id, id);


--
-- Name: token token_pkey; Type: CONSTRAINT; Schema: customers; Owner: -
--

ALTER TABLE ONLY customers.token
    ADD CONSTRAINT token_pkey PRIMARY KEY (org_id, token, customer_id);


--
-- Name: wallet wallet_org_id_customer_id_currency_key; Type: CONSTRAINT; Schema: customers; Owner: -
--

ALTER TABLE ONLY customers.wallet
    ADD CONSTRAINT wallet_org_id_customer_id_currency_key UNIQUE (org_id, customer_id, currency);


--
-- Name: wallet wallet_pkey; Type: CONSTRAINT; Schema: customers; Owner: -
--

ALTER TABLE ONLY customers.wallet
    ADD CONSTRAINT wallet_pkey PRIMARY KEY (org_id, id);


--
-- Name: api_key api_key_pkey; Type: CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (id);


--
-- Name: api_key api_key_public_id_key; Type: CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.api_key
    ADD CONSTRAINT api_key_public_id_key UNIQUE (public_id);


--
-- Name: api_key api_key_secret_hash_key; Type: CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.api_key
    ADD CONSTRAINT api_key_secret_hash_key UNIQUE (secret_hash);


--
-- Name: inbound_route inbound_route_org_id_channel_id_key; Type: CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.inbound_route
    ADD CONSTRAINT inbound_route_org_id_channel_id_key UNIQUE (org_id, channel_id);


--
-- Name: inbound_route inbound_route_pkey; Type: CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.inbound_route
    ADD CONSTRAINT inbound_route_pkey PRIMARY KEY (token);


--
-- Name: membership membership_pkey; Type: CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.membership
    ADD CONSTRAINT membership_pkey PRIMARY KEY (org_id, person_id);


--
-- Name: migration migration_pkey; Type: CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (number);


--
-- Name: org org_pkey; Type: CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.org
    ADD CONSTRAINT org_pkey PRIMARY KEY (id);


--
-- Name: org org_public_id_key; Type: CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.org
    ADD CONSTRAINT org_public_id_key UNIQUE (public_id);


--
-- Name: person person_email_key; Type: CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.person
    ADD CONSTRAINT person_email_key UNIQUE (email);


--
-- Name: person person_pkey; Type: CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.person
    ADD CONSTRAINT person_pkey PRIMARY KEY (id);


--
-- Name: person person_public_id_key; Type: CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.person
    ADD CONSTRAINT person_public_id_key UNIQUE (public_id);


--
-- Name: session session_pkey; Type: CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (token_hash);


--
-- Name: sign_in_link sign_in_link_pkey; Type: CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.sign_in_link
    ADD CONSTRAINT sign_in_link_pkey PRIMARY KEY (token_hash);


--
-- Name: access access_pkey; Type: CONSTRAINT; Schema: entitlements; Owner: -
--

ALTER TABLE ONLY entitlements.access
    ADD CONSTRAINT access_pkey PRIMARY KEY (org_id, subscription_id);


--
-- Name: hand_grant hand_grant_pkey; Type: CONSTRAINT; Schema: entitlements; Owner: -
--

ALTER TABLE ONLY entitlements.hand_grant
    ADD CONSTRAINT hand_grant_pkey PRIMARY KEY (org_id, id);


--
-- Name: credit_note credit_note_pkey; Type: CONSTRAINT; Schema: invoicing; Owner: -
--

ALTER TABLE ONLY invoicing.credit_note
    ADD CONSTRAINT credit_note_pkey PRIMARY KEY (org_id, id);


--
-- Name: invoice invoice_pkey; Type: CONSTRAINT; Schema: invoicing; Owner: -
--

ALTER TABLE ONLY invoicing.invoice
    ADD CONSTRAINT invoice_pkey PRIMARY KEY (org_id, id);


--
-- Name: line line_pkey; Type: CONSTRAINT; Schema: invoicing; Owner: -
--

ALTER TABLE ONLY invoicing.line
    ADD CONSTRAINT line_pkey PRIMARY KEY (org_id, invoice_id, number);


--
-- Name: pending_line pending_line_pkey; Type: CONSTRAINT; Schema: invoicing; Owner: -
--

ALTER TABLE ONLY invoicing.pending_line
    ADD CONSTRAINT pending_line_pkey PRIMARY KEY (org_id, id);


--
-- Name: series series_pkey; Type: CONSTRAINT; Schema: invoicing; Owner: -
--

ALTER TABLE ONLY invoicing.series
    ADD CONSTRAINT series_pkey PRIMARY KEY (org_id, key);


--
-- Name: account account_pkey; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (org_id, id);


--
-- Name: book_rate book_rate_pkey; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.book_rate
    ADD CONSTRAINT book_rate_pkey PRIMARY KEY (org_id, base, currency, valid_on);


--
-- Name: entry entry_pkey; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.entry
    ADD CONSTRAINT entry_pkey PRIMARY KEY (org_id, journal_id, leg);


--
-- Name: hold hold_pkey; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.hold
    ADD CONSTRAINT hold_pkey PRIMARY KEY (org_id, key);


--
-- Name: journal journal_pkey; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.journal
    ADD CONSTRAINT journal_pkey PRIMARY KEY (org_id, id);


--
-- Name: month month_pkey; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.month
    ADD CONSTRAINT month_pkey PRIMARY KEY (org_id, book, channel_id, starts_on);


--
-- Name: pool pool_pkey; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.pool
    ADD CONSTRAINT pool_pkey PRIMARY KEY (org_id, id);


--
-- Name: reversal reversal_pkey; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.reversal
    ADD CONSTRAINT reversal_pkey PRIMARY KEY (org_id, journal_id);


--
-- Name: seal_mark seal_mark_pkey; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.seal_mark
    ADD CONSTRAINT seal_mark_pkey PRIMARY KEY (org_id);


--
-- Name: seal seal_pkey; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.seal
    ADD CONSTRAINT seal_pkey PRIMARY KEY (org_id, number);


--
-- Name: account account_pkey; Type: CONSTRAINT; Schema: merchants; Owner: -
--

ALTER TABLE ONLY merchants.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (org_id, id);


--
-- Name: instrument instrument_pkey; Type: CONSTRAINT; Schema: merchants; Owner: -
--

ALTER TABLE ONLY merchants.instrument
    ADD CONSTRAINT instrument_pkey PRIMARY KEY (org_id, id);


--
-- Name: merchant merchant_pkey; Type: CONSTRAINT; Schema: merchants; Owner: -
--

ALTER TABLE ONLY merchants.merchant
    ADD CONSTRAINT merchant_pkey PRIMARY KEY (org_id, id);


--
-- Name: collection collection_pkey; Type: CONSTRAINT; Schema: orders; Owner: -
--

ALTER TABLE ONLY orders.collection
    ADD CONSTRAINT collection_pkey PRIMARY KEY (org_id, id);


--
-- Name: dispute dispute_pkey; Type: CONSTRAINT; Schema: orders; Owner: -
--

ALTER TABLE ONLY orders.dispute
    ADD CONSTRAINT dispute_pkey PRIMARY KEY (org_id, id);


--
-- Name: import import_pkey; Type: CONSTRAINT; Schema: orders; Owner: -
--

ALTER TABLE ONLY orders.import
    ADD CONSTRAINT import_pkey PRIMARY KEY (org_id, id);


--
-- Name: line line_pkey; Type: CONSTRAINT; Schema: orders; Owner: -
--

ALTER TABLE ONLY orders.line
    ADD CONSTRAINT line_pkey PRIMARY KEY (org_id, order_id, line);


--
-- Name: party party_pkey; Type: CONSTRAINT; Schema: orders; Owner: -
--

ALTER TABLE ONLY orders.party
    ADD CONSTRAINT party_pkey PRIMARY KEY (org_id, order_id, role, party);


--
-- Name: purchase purchase_pkey; Type: CONSTRAINT; Schema: orders; Owner: -
--

ALTER TABLE ONLY orders.purchase
    ADD CONSTRAINT purchase_pkey PRIMARY KEY (org_id, id);


--
-- Name: refund_line refund_line_pkey; Type: CONSTRAINT; Schema: orders; Owner: -
--

ALTER TABLE ONLY orders.refund_line
    ADD CONSTRAINT refund_line_pkey PRIMARY KEY (org_id, refund_id, line);


--
-- Name: refund refund_pkey; Type: CONSTRAINT; Schema: orders; Owner: -
--

ALTER TABLE ONLY orders.refund
    ADD CONSTRAINT refund_pkey PRIMARY KEY (org_id, id);


--
-- Name: refused refused_pkey; Type: CONSTRAINT; Schema: orders; Owner: -
--

ALTER TABLE ONLY orders.refused
    ADD CONSTRAINT refused_pkey PRIMARY KEY (org_id, import_id, external_id);


--
-- Name: automation automation_pkey; Type: CONSTRAINT; Schema: outreach; Owner: -
--

ALTER TABLE ONLY outreach.automation
    ADD CONSTRAINT automation_pkey PRIMARY KEY (org_id, id);


--
-- Name: bounce bounce_pkey; Type: CONSTRAINT; Schema: outreach; Owner: -
--

ALTER TABLE ONLY outreach.bounce
    ADD CONSTRAINT bounce_pkey PRIMARY KEY (org_id, address);


--
-- Name: campaign campaign_pkey; Type: CONSTRAINT; Schema: outreach; Owner: -
--

ALTER TABLE ONLY outreach.campaign
    ADD CONSTRAINT campaign_pkey PRIMARY KEY (org_id, key);


--
-- Name: consent consent_pkey; Type: CONSTRAINT; Schema: outreach; Owner: -
--

ALTER TABLE ONLY outreach.consent
    ADD CONSTRAINT consent_pkey PRIMARY KEY (org_id, customer_id, category);


--
-- Name: contact contact_pkey; Type: CONSTRAINT; Schema: outreach; Owner: -
--

ALTER TABLE ONLY outreach.contact
    ADD CONSTRAINT contact_pkey PRIMARY KEY (org_id, channel_id, customer_id);


--
-- Name: goals goals_pkey; Type: CONSTRAINT; Schema: outreach; Owner: -
--

ALTER TABLE ONLY outreach.goals
    ADD CONSTRAINT goals_pkey PRIMARY KEY (org_id, plan_key);


--
-- Name: hold hold_pkey; Type: CONSTRAINT; Schema: outreach; Owner: -
--

ALTER TABLE ONLY outreach.hold
    ADD CONSTRAINT hold_pkey PRIMARY KEY (org_id, customer_id);


--
-- Name: message message_pkey; Type: CONSTRAINT; Schema: outreach; Owner: -
--

ALTER TABLE ONLY outreach.message
    ADD CONSTRAINT message_pkey PRIMARY KEY (org_id, id);


--
-- Name: product_event product_event_pkey; Type: CONSTRAINT; Schema: outreach; Owner: -
--

ALTER TABLE ONLY outreach.product_event
    ADD CONSTRAINT product_event_pkey PRIMARY KEY (org_id, customer_id, name, event_id);


--
-- Name: run run_pkey; Type: CONSTRAINT; Schema: outreach; Owner: -
--

ALTER TABLE ONLY outreach.run
    ADD CONSTRAINT run_pkey PRIMARY KEY (org_id, automation_id, event_id);


--
-- Name: step step_pkey; Type: CONSTRAINT; Schema: outreach; Owner: -
--

ALTER TABLE ONLY outreach.step
    ADD CONSTRAINT step_pkey PRIMARY KEY (org_id, customer_id, campaign, step, period);


--
-- Name: stopped stopped_pkey; Type: CONSTRAINT; Schema: outreach; Owner: -
--

ALTER TABLE ONLY outreach.stopped
    ADD CONSTRAINT stopped_pkey PRIMARY KEY (org_id, channel_id);


--
-- Name: template template_pkey; Type: CONSTRAINT; Schema: outreach; Owner: -
--

ALTER TABLE ONLY outreach.template
    ADD CONSTRAINT template_pkey PRIMARY KEY (org_id, key, locale);


--
-- Name: attempt attempt_pkey; Type: CONSTRAINT; Schema: payments; Owner: -
--

ALTER TABLE ONLY payments.attempt
    ADD CONSTRAINT attempt_pkey PRIMARY KEY (org_id, id);


--
-- Name: dunning_case dunning_case_pkey; Type: CONSTRAINT; Schema: payments; Owner: -
--

ALTER TABLE ONLY payments.dunning_case
    ADD CONSTRAINT dunning_case_pkey PRIMARY KEY (org_id, id);


--
-- Name: method method_pkey; Type: CONSTRAINT; Schema: payments; Owner: -
--

ALTER TABLE ONLY payments.method
    ADD CONSTRAINT method_pkey PRIMARY KEY (org_id, id);


--
-- Name: payer payer_pkey; Type: CONSTRAINT; Schema: payments; Owner: -
--

ALTER TABLE ONLY payments.payer
    ADD CONSTRAINT payer_pkey PRIMARY KEY (org_id, customer_id, channel_id);


--
-- Name: payment payment_pkey; Type: CONSTRAINT; Schema: payments; Owner: -
--

ALTER TABLE ONLY payments.payment
    ADD CONSTRAINT payment_pkey PRIMARY KEY (org_id, id);


--
-- Name: refund refund_pkey; Type: CONSTRAINT; Schema: payments; Owner: -
--

ALTER TABLE ONLY payments.refund
    ADD CONSTRAINT refund_pkey PRIMARY KEY (org_id, id);


--
-- Name: setup setup_pkey; Type: CONSTRAINT; Schema: payments; Owner: -
--

ALTER TABLE ONLY payments.setup
    ADD CONSTRAINT setup_pkey PRIMARY KEY (org_id, id);


--
-- Name: history history_pkey; Type: CONSTRAINT; Schema: provisioning; Owner: -
--

ALTER TABLE ONLY provisioning.history
    ADD CONSTRAINT history_pkey PRIMARY KEY (org_id, id);


--
-- Name: instance instance_org_id_subscription_id_key; Type: CONSTRAINT; Schema: provisioning; Owner: -
--

ALTER TABLE ONLY provisioning.instance
    ADD CONSTRAINT instance_org_id_subscription_id_key UNIQUE (org_id, subscription_id);


--
-- Name: instance instance_pkey; Type: CONSTRAINT; Schema: provisioning; Owner: -
--

ALTER TABLE ONLY provisioning.instance
    ADD CONSTRAINT instance_pkey PRIMARY KEY (org_id, id);


--
-- Name: operation operation_pkey; Type: CONSTRAINT; Schema: provisioning; Owner: -
--

ALTER TABLE ONLY provisioning.operation
    ADD CONSTRAINT operation_pkey PRIMARY KEY (org_id, id);


--
-- Name: break break_pkey; Type: CONSTRAINT; Schema: reconciliation; Owner: -
--

ALTER TABLE ONLY reconciliation.break
    ADD CONSTRAINT break_pkey PRIMARY KEY (org_id, id);


--
-- Name: case case_pkey; Type: CONSTRAINT; Schema: reconciliation; Owner: -
--

ALTER TABLE ONLY reconciliation."case"
    ADD CONSTRAINT case_pkey PRIMARY KEY (org_id, id);


--
-- Name: daily daily_pkey; Type: CONSTRAINT; Schema: reconciliation; Owner: -
--

ALTER TABLE ONLY reconciliation.daily
    ADD CONSTRAINT daily_pkey PRIMARY KEY (org_id, channel_id);


--
-- Name: line line_pkey; Type: CONSTRAINT; Schema: reconciliation; Owner: -
--

ALTER TABLE ONLY reconciliation.line
    ADD CONSTRAINT line_pkey PRIMARY KEY (org_id, statement_id, row_key);


--
-- Name: run run_pkey; Type: CONSTRAINT; Schema: reconciliation; Owner: -
--

ALTER TABLE ONLY reconciliation.run
    ADD CONSTRAINT run_pkey PRIMARY KEY (org_id, id);


--
-- Name: statement statement_pkey; Type: CONSTRAINT; Schema: reconciliation; Owner: -
--

ALTER TABLE ONLY reconciliation.statement
    ADD CONSTRAINT statement_pkey PRIMARY KEY (org_id, id);


--
-- Name: terms terms_pkey; Type: CONSTRAINT; Schema: reconciliation; Owner: -
--

ALTER TABLE ONLY reconciliation.terms
    ADD CONSTRAINT terms_pkey PRIMARY KEY (org_id, channel_id);


--
-- Name: file file_org_id_customer_id_sha256_name_key; Type: CONSTRAINT; Schema: relations; Owner: -
--

ALTER TABLE ONLY relations.file
    ADD CONSTRAINT file_org_id_customer_id_sha256_name_key UNIQUE (org_id, customer_id, sha256, name);


--
-- Name: file file_pkey; Type: CONSTRAINT; Schema: relations; Owner: -
--

ALTER TABLE ONLY relations.file
    ADD CONSTRAINT file_pkey PRIMARY KEY (org_id, id);


--
-- Name: note note_pkey; Type: CONSTRAINT; Schema: relations; Owner: -
--

ALTER TABLE ONLY relations.note
    ADD CONSTRAINT note_pkey PRIMARY KEY (org_id, id);


--
-- Name: owner owner_pkey; Type: CONSTRAINT; Schema: relations; Owner: -
--

ALTER TABLE ONLY relations.owner
    ADD CONSTRAINT owner_pkey PRIMARY KEY (org_id, customer_id);


--
-- Name: segment segment_org_id_name_key; Type: CONSTRAINT; Schema: relations; Owner: -
--

ALTER TABLE ONLY relations.segment
    ADD CONSTRAINT segment_org_id_name_key UNIQUE (org_id, name);


--
-- Name: segment segment_pkey; Type: CONSTRAINT; Schema: relations; Owner: -
--

ALTER TABLE ONLY relations.segment
    ADD CONSTRAINT segment_pkey PRIMARY KEY (org_id, id);


--
-- Name: step_mode step_mode_pkey; Type: CONSTRAINT; Schema: relations; Owner: -
--

ALTER TABLE ONLY relations.step_mode
    ADD CONSTRAINT step_mode_pkey PRIMARY KEY (org_id, step, plan_key);


--
-- Name: tag tag_pkey; Type: CONSTRAINT; Schema: relations; Owner: -
--

ALTER TABLE ONLY relations.tag
    ADD CONSTRAINT tag_pkey PRIMARY KEY (org_id, customer_id, tag);


--
-- Name: task task_pkey; Type: CONSTRAINT; Schema: relations; Owner: -
--

ALTER TABLE ONLY relations.task
    ADD CONSTRAINT task_pkey PRIMARY KEY (org_id, id);


--
-- Name: todo todo_pkey; Type: CONSTRAINT; Schema: relations; Owner: -
--

ALTER TABLE ONLY relations.todo
    ADD CONSTRAINT todo_pkey PRIMARY KEY (org_id, id);


--
-- Name: change change_pkey; Type: CONSTRAINT; Schema: reports; Owner: -
--

ALTER TABLE ONLY reports.change
    ADD CONSTRAINT change_pkey PRIMARY KEY (org_id, id);


--
-- Name: daily daily_pkey; Type: CONSTRAINT; Schema: reports; Owner: -
--

ALTER TABLE ONLY reports.daily
    ADD CONSTRAINT daily_pkey PRIMARY KEY (org_id, measure, currency, day, of_day);


--
-- Name: batch batch_pkey; Type: CONSTRAINT; Schema: settlement; Owner: -
--

ALTER TABLE ONLY settlement.batch
    ADD CONSTRAINT batch_pkey PRIMARY KEY (org_id, id);


--
-- Name: channel_pause channel_pause_pkey; Type: CONSTRAINT; Schema: settlement; Owner: -
--

ALTER TABLE ONLY settlement.channel_pause
    ADD CONSTRAINT channel_pause_pkey PRIMARY KEY (org_id, channel_id, reason);


--
-- Name: funding funding_pkey; Type: CONSTRAINT; Schema: settlement; Owner: -
--

ALTER TABLE ONLY settlement.funding
    ADD CONSTRAINT funding_pkey PRIMARY KEY (org_id, id);


--
-- Name: holiday holiday_pkey; Type: CONSTRAINT; Schema: settlement; Owner: -
--

ALTER TABLE ONLY settlement.holiday
    ADD CONSTRAINT holiday_pkey PRIMARY KEY (org_id, market, day);


--
-- Name: merchant_pause merchant_pause_pkey; Type: CONSTRAINT; Schema: settlement; Owner: -
--

ALTER TABLE ONLY settlement.merchant_pause
    ADD CONSTRAINT merchant_pause_pkey PRIMARY KEY (org_id, merchant_id);


--
-- Name: payout payout_pkey; Type: CONSTRAINT; Schema: settlement; Owner: -
--

ALTER TABLE ONLY settlement.payout
    ADD CONSTRAINT payout_pkey PRIMARY KEY (org_id, id);


--
-- Name: schedule schedule_pkey; Type: CONSTRAINT; Schema: settlement; Owner: -
--

ALTER TABLE ONLY settlement.schedule
    ADD CONSTRAINT schedule_pkey PRIMARY KEY (org_id, id);


--
-- Name: standing standing_pkey; Type: CONSTRAINT; Schema: settlement; Owner: -
--

ALTER TABLE ONLY settlement.standing
    ADD CONSTRAINT standing_pkey PRIMARY KEY (org_id, merchant_id, channel_id, currency);


--
-- Name: suspense suspense_pkey; Type: CONSTRAINT; Schema: settlement; Owner: -
--

ALTER TABLE ONLY settlement.suspense
    ADD CONSTRAINT suspense_pkey PRIMARY KEY (org_id, id);


--
-- Name: allocation allocation_pkey; Type: CONSTRAINT; Schema: splits; Owner: -
--

ALTER TABLE ONLY splits.allocation
    ADD CONSTRAINT allocation_pkey PRIMARY KEY (org_id, collection_id, "position");


--
-- Name: kept_part kept_part_pkey; Type: CONSTRAINT; Schema: splits; Owner: -
--

ALTER TABLE ONLY splits.kept_part
    ADD CONSTRAINT kept_part_pkey PRIMARY KEY (org_id, collection_id, "position");


--
-- Name: allocation parked_at_most_kept; Type: CHECK CONSTRAINT; Schema: splits; Owner: -
--

ALTER TABLE splits.allocation
    ADD CONSTRAINT parked_at_most_kept CHECK (((reversed_minor + parked_minor) <= amount_minor)) NOT VALID;


--
-- Name: reversal reversal_pkey; Type: CONSTRAINT; Schema: splits; Owner: -
--

ALTER TABLE ONLY splits.reversal
    ADD CONSTRAINT reversal_pkey PRIMARY KEY (org_id, id);


--
-- Name: rule rule_pkey; Type: CONSTRAINT; Schema: splits; Owner: -
--

ALTER TABLE ONLY splits.rule
    ADD CONSTRAINT rule_pkey PRIMARY KEY (org_id, id, version);


--
-- Name: split split_pkey; Type: CONSTRAINT; Schema: splits; Owner: -
--

ALTER TABLE ONLY splits.split
    ADD CONSTRAINT split_pkey PRIMARY KEY (org_id, id);


--
-- Name: rule two_persons; Type: CHECK CONSTRAINT; Schema: splits; Owner: -
--

ALTER TABLE splits.rule
    ADD CONSTRAINT two_persons CHECK (((state = 'draft'::text) OR ((activated_by <> ''::text) AND (activated_by <> created_by)))) NOT VALID;


--
-- Name: audit audit_pkey; Type: CONSTRAINT; Schema: storage; Owner: -
--

ALTER TABLE ONLY storage.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (org_id, id);


--
-- Name: clock_advance clock_advance_pkey; Type: CONSTRAINT; Schema: storage; Owner: -
--

ALTER TABLE ONLY storage.clock_advance
    ADD CONSTRAINT clock_advance_pkey PRIMARY KEY (org_id, id);


--
-- Name: event event_pkey; Type: CONSTRAINT; Schema: storage; Owner: -
--

ALTER TABLE ONLY storage.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (org_id, id);


--
-- Name: idempotency idempotency_pkey; Type: CONSTRAINT; Schema: storage; Owner: -
--

ALTER TABLE ONLY storage.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (org_id, key);


--
-- Name: job job_pkey; Type: CONSTRAINT; Schema: storage; Owner: -
--

ALTER TABLE ONLY storage.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (org_id, id);


--
-- Name: parked parked_pkey; Type: CONSTRAINT; Schema: storage; Owner: -
--

ALTER TABLE ONLY storage.parked
    ADD CONSTRAINT parked_pkey PRIMARY KEY (org_id, sweep, row_key);


--
-- Name: sealed sealed_pkey; Type: CONSTRAINT; Schema: storage; Owner: -
--

ALTER TABLE ONLY storage.sealed
    ADD CONSTRAINT sealed_pkey PRIMARY KEY (org_id, owner_id, name);


--
-- Name: unrelayed unrelayed_pkey; Type: CONSTRAINT; Schema: storage; Owner: -
--

ALTER TABLE ONLY storage.unrelayed
    ADD CONSTRAINT unrelayed_pkey PRIMARY KEY (org_id, event_id);


--
-- Name: change change_pkey; Type: CONSTRAINT; Schema: subscriptions; Owner: -
--

ALTER TABLE ONLY subscriptions.change
    ADD CONSTRAINT change_pkey PRIMARY KEY (org_id, id);


--
-- Name: change change_state_check; Type: CHECK CONSTRAINT; Schema: subscriptions; Owner: -
--

ALTER TABLE subscriptions.change
    ADD CONSTRAINT change_state_check CHECK ((state = ANY (ARRAY['scheduled'::text, 'awaiting'::text, 'migrating'::text, 'applied'::text, 'canceled'::text, 'failed'::text]))) NOT VALID;


--
-- Name: discount discount_pkey; Type: CONSTRAINT; Schema: subscriptions; Owner: -
--

ALTER TABLE ONLY subscriptions.discount
    ADD CONSTRAINT discount_pkey PRIMARY KEY (org_id, id);


--
-- Name: history history_pkey; Type: CONSTRAINT; Schema: subscriptions; Owner: -
--

ALTER TABLE ONLY subscriptions.history
    ADD CONSTRAINT history_pkey PRIMARY KEY (org_id, id);


--
-- Name: item item_pkey; Type: CONSTRAINT; Schema: subscriptions; Owner: -
--

ALTER TABLE ONLY subscriptions.item
    ADD CONSTRAINT item_pkey PRIMARY KEY (org_id, id);


--
-- Name: subscription subscription_pkey; Type: CONSTRAINT; Schema: subscriptions; Owner: -
--

ALTER TABLE ONLY subscriptions.subscription
    ADD CONSTRAINT subscription_pkey PRIMARY KEY (org_id, id);


--
-- Name: timer timer_pkey; Type: CONSTRAINT; Schema: subscriptions; Owner: -
--

ALTER TABLE ONLY subscriptions.timer
    ADD CONSTRAINT timer_pkey PRIMARY KEY (org_id, subscription_id, kind);


--
-- Name: trial_use trial_use_pkey; Type: CONSTRAINT; Schema: subscriptions; Owner: -
--

ALTER TABLE ONLY subscriptions.trial_use
    ADD CONSTRAINT trial_use_pkey PRIMARY KEY (org_id, product_id, identity);


--
-- Name: alert alert_pkey; Type: CONSTRAINT; Schema: usage; Owner: -
--

ALTER TABLE ONLY usage.alert
    ADD CONSTRAINT alert_pkey PRIMARY KEY (org_id, subscription_id, feature, period_start, percent, quota);


--
-- Name: correction correction_pkey; Type: CONSTRAINT; Schema: usage; Owner: -
--

ALTER TABLE ONLY usage.correction
    ADD CONSTRAINT correction_pkey PRIMARY KEY (org_id, source, event_id);


--
-- Name: distinct_value distinct_value_pkey; Type: CONSTRAINT; Schema: usage; Owner: -
--

ALTER TABLE ONLY usage.distinct_value
    ADD CONSTRAINT distinct_value_pkey PRIMARY KEY (org_id, subscription_id, meter_key, day, value);


--
-- Name: event_key event_key_pkey; Type: CONSTRAINT; Schema: usage; Owner: -
--

ALTER TABLE ONLY usage.event_key
    ADD CONSTRAINT event_key_pkey PRIMARY KEY (org_id, source, event_id);


--
-- Name: event event_pkey; Type: CONSTRAINT; Schema: usage; Owner: -
--

ALTER TABLE ONLY usage.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (org_id, subscription_id, meter_key, day, source, event_id);


--
-- Name: event_rest event_rest_pkey; Type: CONSTRAINT; Schema: usage; Owner: -
--

ALTER TABLE ONLY usage.event_rest
    ADD CONSTRAINT event_rest_pkey PRIMARY KEY (org_id, subscription_id, meter_key, day, source, event_id);


--
-- Name: late late_pkey; Type: CONSTRAINT; Schema: usage; Owner: -
--

ALTER TABLE ONLY usage.late
    ADD CONSTRAINT late_pkey PRIMARY KEY (org_id, subscription_id, meter_key, day);


--
-- Name: meter meter_aggregation_check; Type: CHECK CONSTRAINT; Schema: usage; Owner: -
--

ALTER TABLE usage.meter
    ADD CONSTRAINT meter_aggregation_check CHECK ((aggregation = ANY (ARRAY['count'::text, 'sum'::text, 'max'::text, 'unique'::text, 'latest'::text, 'weighted'::text]))) NOT VALID;


--
-- Name: meter meter_pkey; Type: CONSTRAINT; Schema: usage; Owner: -
--

ALTER TABLE ONLY usage.meter
    ADD CONSTRAINT meter_pkey PRIMARY KEY (org_id, key);


--
-- Name: rollup rollup_pkey; Type: CONSTRAINT; Schema: usage; Owner: -
--

ALTER TABLE ONLY usage.rollup
    ADD CONSTRAINT rollup_pkey PRIMARY KEY (org_id, subscription_id, meter_key, day);


--
-- Name: delivery delivery_pkey; Type: CONSTRAINT; Schema: webhooks; Owner: -
--

ALTER TABLE ONLY webhooks.delivery
    ADD CONSTRAINT delivery_pkey PRIMARY KEY (org_id, id);


--
-- Name: endpoint endpoint_pkey; Type: CONSTRAINT; Schema: webhooks; Owner: -
--

ALTER TABLE ONLY webhooks.endpoint
    ADD CONSTRAINT endpoint_pkey PRIMARY KEY (org_id, id);


--
-- Name: plan_product; Type: INDEX; Schema: catalog; Owner: -
--

CREATE INDEX plan_product ON catalog.plan USING btree (org_id, product_id);


--
-- Name: exchange_correlation; Type: INDEX; Schema: channels; Owner: -
--

CREATE INDEX exchange_correlation ON channels.exchange USING btree (org_id, correlation) WHERE (correlation <> ''::text);


--
-- Name: instruction_access_lacked; Type: INDEX; Schema: channels; Owner: -
--

CREATE INDEX instruction_access_lacked ON channels.instruction USING btree (org_id, channel_id) WHERE (access <> ''::text);


--
-- Name: instruction_due; Type: INDEX; Schema: channels; Owner: -
--

CREATE INDEX instruction_due ON channels.instruction USING btree (due_at, org_id) WHERE (due_at IS NOT NULL);


--
-- Name: instruction_needs_person; Type: INDEX; Schema: channels; Owner: -
--

CREATE INDEX instruction_needs_person ON channels.instruction USING btree (org_id, needs_person_since) WHERE (needs_person_since IS NOT NULL);


--
-- Name: instruction_object; Type: INDEX; Schema: channels; Owner: -
--

CREATE INDEX instruction_object ON channels.instruction USING btree (org_id, object_id);


--
-- Name: instruction_org_due; Type: INDEX; Schema: channels; Owner: -
--

CREATE INDEX instruction_org_due ON channels.instruction USING btree (org_id, due_at) WHERE (due_at IS NOT NULL);


--
-- Name: instruction_ref; Type: INDEX; Schema: channels; Owner: -
--

CREATE INDEX instruction_ref ON channels.instruction USING btree (org_id, channel_id, ref) WHERE (ref <> ''::text);


--
-- Name: listing_due; Type: INDEX; Schema: channels; Owner: -
--

CREATE INDEX listing_due ON channels.listing USING btree (due_at, org_id) WHERE (due_at IS NOT NULL);


--
-- Name: notice_received; Type: INDEX; Schema: channels; Owner: -
--

CREATE INDEX notice_received ON channels.notice USING btree (org_id, received_at);


--
-- Name: licence_channel; Type: INDEX; Schema: compliance; Owner: -
--

CREATE INDEX licence_channel ON compliance.licence USING btree (org_id, channel_id, valid_until);


--
-- Name: licence_due; Type: INDEX; Schema: compliance; Owner: -
--

CREATE INDEX licence_due ON compliance.licence USING btree (due_at, org_id) WHERE (due_at IS NOT NULL);


--
-- Name: conversation_customer; Type: INDEX; Schema: conversations; Owner: -
--

CREATE INDEX conversation_customer ON conversations.conversation USING btree (org_id, customer_id, id) WHERE (customer_id <> ''::text);


--
-- Name: conversation_inbox; Type: INDEX; Schema: conversations; Owner: -
--

CREATE INDEX conversation_inbox ON conversations.conversation USING btree (org_id, state, last_at);


--
-- Name: conversation_open_customer; Type: INDEX; Schema: conversations; Owner: -
--

CREATE UNIQUE INDEX conversation_open_customer ON conversations.conversation USING btree (org_id, customer_id) WHERE ((state = 'open'::text) AND (customer_id <> ''::text) AND (channel_id = ''::text));


--
-- Name: conversation_open_visitor; Type: INDEX; Schema: conversations; Owner: -
--

CREATE UNIQUE INDEX conversation_open_visitor ON conversations.conversation USING btree (org_id, visitor) WHERE ((state = 'open'::text) AND (customer_id = ''::text) AND (visitor <> ''::text) AND (channel_id = ''::text));


--
-- Name: conversation_outside; Type: INDEX; Schema: conversations; Owner: -
--

CREATE UNIQUE INDEX conversation_outside ON conversations.conversation USING btree (org_id, channel_id, ref) WHERE (ref <> ''::text);


--
-- Name: conversation_visitor; Type: INDEX; Schema: conversations; Owner: -
--

CREATE INDEX conversation_visitor ON conversations.conversation USING btree (org_id, visitor) WHERE (visitor <> ''::text);


--
-- Name: message_conversation; Type: INDEX; Schema: conversations; Owner: -
--

CREATE INDEX message_conversation ON conversations.message USING btree (org_id, conversation_id, id);


--
-- Name: message_customer; Type: INDEX; Schema: conversations; Owner: -
--

CREATE INDEX message_customer ON conversations.message USING btree (org_id, customer_id, id) WHERE (customer_id <> ''::text);


--
-- Name: message_outside; Type: INDEX; Schema: conversations; Owner: -
--

CREATE UNIQUE INDEX message_outside ON conversations.message USING btree (org_id, conversation_id, ref) WHERE (ref <> ''::text);


--
-- Name: credit_grant_customer; Type: INDEX; Schema: customers; Owner: -
--

CREATE INDEX credit_grant_customer ON customers.credit_grant USING btree (org_id, customer_id, id);


--
-- Name: credit_grant_due; Type: INDEX; Schema: customers; Owner: -
--

CREATE INDEX credit_grant_due ON customers.credit_grant USING btree (due_at, org_id) WHERE (due_at IS NOT NULL);


--
-- Name: credit_grant_left; Type: INDEX; Schema: customers; Owner: -
--

CREATE INDEX credit_grant_left ON customers.credit_grant USING btree (org_id, customer_id) WHERE (left_minor > 0);


--
-- Name: credit_grant_org_due; Type: INDEX; Schema: customers; Owner: -
--

CREATE INDEX credit_grant_org_due ON customers.credit_grant USING btree (org_id, due_at, id) WHERE (due_at IS NOT NULL);


--
-- Name: credit_grant_subscription; Type: INDEX; Schema: customers; Owner: -
--

CREATE INDEX credit_grant_subscription ON customers.credit_grant USING btree (org_id, subscription_id) WHERE (left_minor > 0);


--
-- Name: grant_use_grant; Type: INDEX; Schema: customers; Owner: -
--

CREATE INDEX grant_use_grant ON customers.grant_use USING btree (org_id, grant_id);


--
-- Name: member_customer; Type: INDEX; Schema: customers; Owner: -
--

CREATE INDEX member_customer ON customers.member USING btree (org_id, customer_id, id);


--
-- Name: member_identity; Type: INDEX; Schema: customers; Owner: -
--

CREATE UNIQUE INDEX member_identity ON customers.member USING btree (org_id, external_id, customer_id) WHERE ((state = 'joined'::text) AND (external_id <> ''::text));


--
-- Name: member_once; Type: INDEX; Schema: customers; Owner: -
--

CREATE UNIQUE INDEX member_once ON customers.member USING btree (org_id, customer_id, email) WHERE (state = ANY (ARRAY['invited'::text, 'joined'::text]));


--
-- Name: token_customer; Type: INDEX; Schema: customers; Owner: -
--

CREATE INDEX token_customer ON customers.token USING btree (org_id, customer_id);


--
-- Name: api_key_org; Type: INDEX; Schema: directory; Owner: -
--

CREATE INDEX api_key_org ON directory.api_key USING btree (org_id);


--
-- Name: membership_person; Type: INDEX; Schema: directory; Owner: -
--

CREATE INDEX membership_person ON directory.membership USING btree (person_id);


--
-- Name: session_person; Type: INDEX; Schema: directory; Owner: -
--

CREATE INDEX session_person ON directory.session USING btree (person_id);


--
-- Name: access_customer; Type: INDEX; Schema: entitlements; Owner: -
--

CREATE INDEX access_customer ON entitlements.access USING btree (org_id, customer_id);


--
-- Name: hand_grant_customer; Type: INDEX; Schema: entitlements; Owner: -
--

CREATE INDEX hand_grant_customer ON entitlements.hand_grant USING btree (org_id, customer_id) WHERE (ended_at IS NULL);


--
-- Name: hand_grant_due; Type: INDEX; Schema: entitlements; Owner: -
--

CREATE INDEX hand_grant_due ON entitlements.hand_grant USING btree (due_at, org_id) WHERE (due_at IS NOT NULL);


--
-- Name: hand_grant_org_due; Type: INDEX; Schema: entitlements; Owner: -
--

CREATE INDEX hand_grant_org_due ON entitlements.hand_grant USING btree (org_id, due_at, id) WHERE (due_at IS NOT NULL);


--
-- Name: credit_note_invoice; Type: INDEX; Schema: invoicing; Owner: -
--

CREATE INDEX credit_note_invoice ON invoicing.credit_note USING btree (org_id, invoice_id);


--
-- Name: credit_note_number; Type: INDEX; Schema: invoicing; Owner: -
--

CREATE UNIQUE INDEX credit_note_number ON invoicing.credit_note USING btree (org_id, series, sequence);


--
-- Name: invoice_customer; Type: INDEX; Schema: invoicing; Owner: -
--

CREATE INDEX invoice_customer ON invoicing.invoice USING btree (org_id, customer_id, id);


--
-- Name: invoice_due; Type: INDEX; Schema: invoicing; Owner: -
--

CREATE INDEX invoice_due ON invoicing.invoice USING btree (due_at, org_id) WHERE (due_at IS NOT NULL);


--
-- Name: invoice_notice; Type: INDEX; Schema: invoicing; Owner: -
--

CREATE INDEX invoice_notice ON invoicing.invoice USING btree (notice_at, org_id) WHERE (notice_at IS NOT NULL);


--
-- Name: invoice_number; Type: INDEX; Schema: invoicing; Owner: -
--

CREATE UNIQUE INDEX invoice_number ON invoicing.invoice USING btree (org_id, series, sequence) WHERE (sequence IS NOT NULL);


--
-- Name: invoice_open; Type: INDEX; Schema: invoicing; Owner: -
--

CREATE INDEX invoice_open ON invoicing.invoice USING btree (org_id, subscription_id) WHERE (status = 'open'::text);


--
-- Name: invoice_org_due; Type: INDEX; Schema: invoicing; Owner: -
--

CREATE INDEX invoice_org_due ON invoicing.invoice USING btree (org_id, due_at, id) WHERE (due_at IS NOT NULL);


--
-- Name: invoice_org_notice; Type: INDEX; Schema: invoicing; Owner: -
--

CREATE INDEX invoice_org_notice ON invoicing.invoice USING btree (org_id, notice_at, id) WHERE (notice_at IS NOT NULL);


--
-- Name: invoice_period; Type: INDEX; Schema: invoicing; Owner: -
--

CREATE UNIQUE INDEX invoice_period ON invoicing.invoice USING btree (org_id, subscription_id, term, period_start) WHERE (reason = 'cycle'::text);


--
-- Name: line_deferred; Type: INDEX; Schema: invoicing; Owner: -
--

CREATE INDEX line_deferred ON invoicing.line USING btree (org_id, period_start) WHERE (deferred AND (recognized_minor <> (net_minor - credited_net_minor)));


--
-- Name: line_item; Type: INDEX; Schema: invoicing; Owner: -
--

CREATE INDEX line_item ON invoicing.line USING btree (org_id, item_id) WHERE (item_id IS NOT NULL);


--
-- Name: line_usage; Type: INDEX; Schema: invoicing; Owner: -
--

CREATE INDEX line_usage ON invoicing.line USING btree (org_id, subscription_id, period_end) WHERE (kind = ANY (ARRAY['usage'::text, 'minimum'::text]));


--
-- Name: pending_line_proposed; Type: INDEX; Schema: invoicing; Owner: -
--

CREATE INDEX pending_line_proposed ON invoicing.pending_line USING btree (org_id, customer_id) WHERE (state = 'proposed'::text);


--
-- Name: pending_line_waiting; Type: INDEX; Schema: invoicing; Owner: -
--

CREATE INDEX pending_line_waiting ON invoicing.pending_line USING btree (org_id, subscription_id) WHERE (state = 'waiting'::text);


--
-- Name: account_code; Type: INDEX; Schema: ledger; Owner: -
--

CREATE UNIQUE INDEX account_code ON ledger.account USING btree (org_id, pool_id, code);


--
-- Name: account_owner; Type: INDEX; Schema: ledger; Owner: -
--

CREATE INDEX account_owner ON ledger.account USING btree (org_id, owner_id) WHERE (owner_id <> ''::text);


--
-- Name: entry_account; Type: INDEX; Schema: ledger; Owner: -
--

CREATE INDEX entry_account ON ledger.entry USING btree (org_id, account_id, journal_id);


--
-- Name: hold_account; Type: INDEX; Schema: ledger; Owner: -
--

CREATE INDEX hold_account ON ledger.hold USING btree (org_id, account_id) WHERE (state = 'open'::text);


--
-- Name: hold_due; Type: INDEX; Schema: ledger; Owner: -
--

CREATE INDEX hold_due ON ledger.hold USING btree (due_at, org_id) WHERE (due_at IS NOT NULL);


--
-- Name: hold_number; Type: INDEX; Schema: ledger; Owner: -
--

CREATE UNIQUE INDEX hold_number ON ledger.hold USING btree (org_id, id) WHERE (id > 0);


--
-- Name: journal_key; Type: INDEX; Schema: ledger; Owner: -
--

CREATE UNIQUE INDEX journal_key ON ledger.journal USING btree (org_id, key);


--
-- Name: journal_reference; Type: INDEX; Schema: ledger; Owner: -
--

CREATE INDEX journal_reference ON ledger.journal USING btree (org_id, reference);


--
-- Name: pool_name; Type: INDEX; Schema: ledger; Owner: -
--

CREATE UNIQUE INDEX pool_name ON ledger.pool USING btree (org_id, book, channel_id, currency);


--
-- Name: account_one_per_channel; Type: INDEX; Schema: merchants; Owner: -
--

CREATE UNIQUE INDEX account_one_per_channel ON merchants.account USING btree (org_id, channel_id, merchant_id) WHERE (state <> ALL (ARRAY['closed'::text, 'rejected'::text]));


--
-- Name: account_ref; Type: INDEX; Schema: merchants; Owner: -
--

CREATE UNIQUE INDEX account_ref ON merchants.account USING btree (org_id, channel_id, ref) WHERE ((ref <> ''::text) AND (state <> ALL (ARRAY['closed'::text, 'rejected'::text])));


--
-- Name: instrument_default; Type: INDEX; Schema: merchants; Owner: -
--

CREATE UNIQUE INDEX instrument_default ON merchants.instrument USING btree (org_id, merchant_id, channel_id, currency) WHERE (state = 'default'::text);


--
-- Name: instrument_owner; Type: INDEX; Schema: merchants; Owner: -
--

CREATE UNIQUE INDEX instrument_owner ON merchants.instrument USING btree (org_id, id, merchant_id);


--
-- Name: merchant_external; Type: INDEX; Schema: merchants; Owner: -
--

CREATE UNIQUE INDEX merchant_external ON merchants.merchant USING btree (org_id, external_id) WHERE (external_id <> ''::text);


--
-- Name: merchant_name; Type: INDEX; Schema: merchants; Owner: -
--

CREATE INDEX merchant_name ON merchants.merchant USING btree (org_id, lower(name) text_pattern_ops, id);


--
-- Name: collection_due; Type: INDEX; Schema: orders; Owner: -
--

CREATE INDEX collection_due ON orders.collection USING btree (due_at, org_id) WHERE (due_at IS NOT NULL);


--
-- Name: collection_order; Type: INDEX; Schema: orders; Owner: -
--

CREATE INDEX collection_order ON orders.collection USING btree (org_id, order_id);


--
-- Name: collection_org_due; Type: INDEX; Schema: orders; Owner: -
--

CREATE INDEX collection_org_due ON orders.collection USING btree (org_id, due_at) WHERE (due_at IS NOT NULL);


--
-- Name: collection_ref; Type: INDEX; Schema: orders; Owner: -
--

CREATE INDEX collection_ref ON orders.collection USING btree (org_id, channel_id, ref) WHERE (ref <> ''::text);


--
-- Name: dispute_order; Type: INDEX; Schema: orders; Owner: -
--

CREATE INDEX dispute_order ON orders.dispute USING btree (org_id, order_id);


--
-- Name: dispute_ref; Type: INDEX; Schema: orders; Owner: -
--

CREATE UNIQUE INDEX dispute_ref ON orders.dispute USING btree (org_id, channel_id, ref);


--
-- Name: import_source; Type: INDEX; Schema: orders; Owner: -
--

CREATE UNIQUE INDEX import_source ON orders.import USING btree (org_id, source);


--
-- Name: line_seller; Type: INDEX; Schema: orders; Owner: -
--

CREATE INDEX line_seller ON orders.line USING btree (org_id, seller_id, order_id);


--
-- Name: purchase_due; Type: INDEX; Schema: orders; Owner: -
--

CREATE INDEX purchase_due ON orders.purchase USING btree (due_at, org_id) WHERE (due_at IS NOT NULL);


--
-- Name: purchase_external; Type: INDEX; Schema: orders; Owner: -
--

CREATE UNIQUE INDEX purchase_external ON orders.purchase USING btree (org_id, external_id) WHERE (external_id <> ''::text);


--
-- Name: purchase_org_due; Type: INDEX; Schema: orders; Owner: -
--

CREATE INDEX purchase_org_due ON orders.purchase USING btree (org_id, due_at) WHERE (due_at IS NOT NULL);


--
-- Name: purchase_paid; Type: INDEX; Schema: orders; Owner: -
--

CREATE INDEX purchase_paid ON orders.purchase USING btree (org_id, channel_id, paid_at) WHERE (paid_at IS NOT NULL);


--
-- Name: purchase_placed; Type: INDEX; Schema: orders; Owner: -
--

CREATE INDEX purchase_placed ON orders.purchase USING btree (org_id, placed_at, id);


--
-- Name: refund_attempt; Type: INDEX; Schema: orders; Owner: -
--

CREATE UNIQUE INDEX refund_attempt ON orders.refund USING btree (org_id, attempt_key);


--
-- Name: refund_identity; Type: INDEX; Schema: orders; Owner: -
--

CREATE UNIQUE INDEX refund_identity ON orders.refund USING btree (org_id, collection_id, external_id);


--
-- Name: refund_line_order; Type: INDEX; Schema: orders; Owner: -
--

CREATE INDEX refund_line_order ON orders.refund_line USING btree (org_id, order_id, line);


--
-- Name: refund_order; Type: INDEX; Schema: orders; Owner: -
--

CREATE INDEX refund_order ON orders.refund USING btree (org_id, order_id);


--
-- Name: contact_ref; Type: INDEX; Schema: outreach; Owner: -
--

CREATE INDEX contact_ref ON outreach.contact USING btree (org_id, channel_id, ref) WHERE (ref <> ''::text);


--
-- Name: message_campaign; Type: INDEX; Schema: outreach; Owner: -
--

CREATE INDEX message_campaign ON outreach.message USING btree (org_id, campaign, step, state);


--
-- Name: message_customer; Type: INDEX; Schema: outreach; Owner: -
--

CREATE INDEX message_customer ON outreach.message USING btree (org_id, customer_id, id);


--
-- Name: message_once; Type: INDEX; Schema: outreach; Owner: -
--

CREATE UNIQUE INDEX message_once ON outreach.message USING btree (org_id, customer_id, campaign, step, period) WHERE ((campaign <> ''::text) AND (audience = 'customer'::text) AND (state <> 'suppressed'::text));


--
-- Name: run_customer; Type: INDEX; Schema: outreach; Owner: -
--

CREATE INDEX run_customer ON outreach.run USING btree (org_id, customer_id, automation_id, created_at);


--
-- Name: step_campaign; Type: INDEX; Schema: outreach; Owner: -
--

CREATE INDEX step_campaign ON outreach.step USING btree (org_id, campaign, step, state);


--
-- Name: step_due; Type: INDEX; Schema: outreach; Owner: -
--

CREATE INDEX step_due ON outreach.step USING btree (due_at, org_id) WHERE (due_at IS NOT NULL);


--
-- Name: step_org_due; Type: INDEX; Schema: outreach; Owner: -
--

CREATE INDEX step_org_due ON outreach.step USING btree (org_id, due_at) WHERE (due_at IS NOT NULL);


--
-- Name: attempt_invoice; Type: INDEX; Schema: payments; Owner: -
--

CREATE INDEX attempt_invoice ON payments.attempt USING btree (org_id, invoice_id, id);


--
-- Name: attempt_one_in_flight; Type: INDEX; Schema: payments; Owner: -
--

CREATE UNIQUE INDEX attempt_one_in_flight ON payments.attempt USING btree (org_id, invoice_id) WHERE (state = ANY (ARRAY['created'::text, 'processing'::text]));


--
-- Name: dunning_case_due; Type: INDEX; Schema: payments; Owner: -
--

CREATE INDEX dunning_case_due ON payments.dunning_case USING btree (due_at, org_id) WHERE (due_at IS NOT NULL);


--
-- Name: dunning_case_grace; Type: INDEX; Schema: payments; Owner: -
--

CREATE INDEX dunning_case_grace ON payments.dunning_case USING btree (grace_at, org_id) WHERE (grace_at IS NOT NULL);


--
-- Name: dunning_case_one_open; Type: INDEX; Schema: payments; Owner: -
--

CREATE UNIQUE INDEX dunning_case_one_open ON payments.dunning_case USING btree (org_id, subscription_id) WHERE (state = 'open'::text);


--
-- Name: dunning_case_org_due; Type: INDEX; Schema: payments; Owner: -
--

CREATE INDEX dunning_case_org_due ON payments.dunning_case USING btree (org_id, due_at, id) WHERE (due_at IS NOT NULL);


--
-- Name: dunning_case_org_grace; Type: INDEX; Schema: payments; Owner: -
--

CREATE INDEX dunning_case_org_grace ON payments.dunning_case USING btree (org_id, grace_at, id) WHERE (grace_at IS NOT NULL);


--
-- Name: method_customer; Type: INDEX; Schema: payments; Owner: -
--

CREATE INDEX method_customer ON payments.method USING btree (org_id, customer_id) WHERE (removed_at IS NULL);


--
-- Name: method_due; Type: INDEX; Schema: payments; Owner: -
--

CREATE INDEX method_due ON payments.method USING btree (due_at, org_id) WHERE (due_at IS NOT NULL);


--
-- Name: method_one_default; Type: INDEX; Schema: payments; Owner: -
--

CREATE UNIQUE INDEX method_one_default ON payments.method USING btree (org_id, customer_id) WHERE (is_default AND (removed_at IS NULL));


--
-- Name: method_org_due; Type: INDEX; Schema: payments; Owner: -
--

CREATE INDEX method_org_due ON payments.method USING btree (org_id, due_at, id) WHERE (due_at IS NOT NULL);


--
-- Name: method_ref; Type: INDEX; Schema: payments; Owner: -
--

CREATE UNIQUE INDEX method_ref ON payments.method USING btree (org_id, channel_id, ref) WHERE (removed_at IS NULL);


--
-- Name: payer_ref; Type: INDEX; Schema: payments; Owner: -
--

CREATE INDEX payer_ref ON payments.payer USING btree (org_id, channel_id, ref);


--
-- Name: payment_attempt; Type: INDEX; Schema: payments; Owner: -
--

CREATE UNIQUE INDEX payment_attempt ON payments.payment USING btree (org_id, attempt_id) WHERE (attempt_id IS NOT NULL);


--
-- Name: payment_customer; Type: INDEX; Schema: payments; Owner: -
--

CREATE INDEX payment_customer ON payments.payment USING btree (org_id, customer_id, id);


--
-- Name: payment_disputed; Type: INDEX; Schema: payments; Owner: -
--

CREATE INDEX payment_disputed ON payments.payment USING btree (org_id, invoice_id) WHERE disputed;


--
-- Name: payment_invoice; Type: INDEX; Schema: payments; Owner: -
--

CREATE INDEX payment_invoice ON payments.payment USING btree (org_id, invoice_id);


--
-- Name: payment_reference; Type: INDEX; Schema: payments; Owner: -
--

CREATE INDEX payment_reference ON payments.payment USING btree (org_id, channel_id, reference);


--
-- Name: refund_payment; Type: INDEX; Schema: payments; Owner: -
--

CREATE INDEX refund_payment ON payments.refund USING btree (org_id, payment_id);


--
-- Name: setup_customer; Type: INDEX; Schema: payments; Owner: -
--

CREATE INDEX setup_customer ON payments.setup USING btree (org_id, customer_id);


--
-- Name: history_instance; Type: INDEX; Schema: provisioning; Owner: -
--

CREATE INDEX history_instance ON provisioning.history USING btree (org_id, instance_id, id);


--
-- Name: instance_customer; Type: INDEX; Schema: provisioning; Owner: -
--

CREATE INDEX instance_customer ON provisioning.instance USING btree (org_id, customer_id);


--
-- Name: instance_due; Type: INDEX; Schema: provisioning; Owner: -
--

CREATE INDEX instance_due ON provisioning.instance USING btree (due_at, org_id) WHERE (due_at IS NOT NULL);


--
-- Name: instance_failed; Type: INDEX; Schema: provisioning; Owner: -
--

CREATE INDEX instance_failed ON provisioning.instance USING btree (org_id, id) WHERE (failure <> ''::text);


--
-- Name: instance_org_due; Type: INDEX; Schema: provisioning; Owner: -
--

CREATE INDEX instance_org_due ON provisioning.instance USING btree (org_id, due_at, id) WHERE (due_at IS NOT NULL);


--
-- Name: operation_instance; Type: INDEX; Schema: provisioning; Owner: -
--

CREATE INDEX operation_instance ON provisioning.operation USING btree (org_id, instance_id, id);


--
-- Name: break_case; Type: INDEX; Schema: reconciliation; Owner: -
--

CREATE INDEX break_case ON reconciliation.break USING btree (org_id, case_id) WHERE (case_id <> ''::text);


--
-- Name: break_identity; Type: INDEX; Schema: reconciliation; Owner: -
--

CREATE UNIQUE INDEX break_identity ON reconciliation.break USING btree (org_id, channel_id, kind, key, type);


--
-- Name: break_open; Type: INDEX; Schema: reconciliation; Owner: -
--

CREATE INDEX break_open ON reconciliation.break USING btree (org_id, id) WHERE (state = ANY (ARRAY['open'::text, 'assigned'::text]));


--
-- Name: break_order; Type: INDEX; Schema: reconciliation; Owner: -
--

CREATE INDEX break_order ON reconciliation.break USING btree (org_id, order_id) WHERE (order_id <> ''::text);


--
-- Name: break_written_off; Type: INDEX; Schema: reconciliation; Owner: -
--

CREATE INDEX break_written_off ON reconciliation.break USING btree (org_id, channel_id) WHERE (written_off_minor <> 0);


--
-- Name: daily_due; Type: INDEX; Schema: reconciliation; Owner: -
--

CREATE INDEX daily_due ON reconciliation.daily USING btree (due_at, org_id) WHERE (due_at IS NOT NULL);


--
-- Name: line_key; Type: INDEX; Schema: reconciliation; Owner: -
--

CREATE INDEX line_key ON reconciliation.line USING btree (org_id, key) WHERE (key <> ''::text);


--
-- Name: line_ref; Type: INDEX; Schema: reconciliation; Owner: -
--

CREATE INDEX line_ref ON reconciliation.line USING btree (org_id, ref) WHERE (ref <> ''::text);


--
-- Name: line_unbooked; Type: INDEX; Schema: reconciliation; Owner: -
--

CREATE INDEX line_unbooked ON reconciliation.line USING btree (org_id, statement_id) WHERE (status <> 'booked'::text);


--
-- Name: run_order; Type: INDEX; Schema: reconciliation; Owner: -
--

CREATE INDEX run_order ON reconciliation.run USING btree (org_id, channel_id, until_id);


--
-- Name: statement_account; Type: INDEX; Schema: reconciliation; Owner: -
--

CREATE INDEX statement_account ON reconciliation.statement USING btree (org_id, channel_id, account_ref, day) WHERE (account_ref <> ''::text);


--
-- Name: statement_day; Type: INDEX; Schema: reconciliation; Owner: -
--

CREATE UNIQUE INDEX statement_day ON reconciliation.statement USING btree (org_id, channel_id, kind, day);


--
-- Name: file_customer; Type: INDEX; Schema: relations; Owner: -
--

CREATE INDEX file_customer ON relations.file USING btree (org_id, customer_id, id);


--
-- Name: note_customer; Type: INDEX; Schema: relations; Owner: -
--

CREATE INDEX note_customer ON relations.note USING btree (org_id, customer_id, id);


--
-- Name: tag_customers; Type: INDEX; Schema: relations; Owner: -
--

CREATE INDEX tag_customers ON relations.tag USING btree (org_id, tag, customer_id);


--
-- Name: task_ended; Type: INDEX; Schema: relations; Owner: -
--

CREATE INDEX task_ended ON relations.task USING btree (org_id, ended_at) WHERE (ended_at IS NOT NULL);


--
-- Name: task_one_waiting; Type: INDEX; Schema: relations; Owner: -
--

CREATE UNIQUE INDEX task_one_waiting ON relations.task USING btree (org_id, work, source, key) WHERE (state = ANY (ARRAY['open'::text, 'released'::text]));


--
-- Name: task_open; Type: INDEX; Schema: relations; Owner: -
--

CREATE INDEX task_open ON relations.task USING btree (org_id, at, id) WHERE (state = 'open'::text);


--
-- Name: todo_customer; Type: INDEX; Schema: relations; Owner: -
--

CREATE INDEX todo_customer ON relations.todo USING btree (org_id, customer_id, id) WHERE (customer_id <> ''::text);


--
-- Name: todo_open; Type: INDEX; Schema: relations; Owner: -
--

CREATE INDEX todo_open ON relations.todo USING btree (org_id, state, due_on);


--
-- Name: batch_day; Type: INDEX; Schema: settlement; Owner: -
--

CREATE UNIQUE INDEX batch_day ON settlement.batch USING btree (org_id, merchant_id, channel_id, currency, runs_on);


--
-- Name: funding_advances; Type: INDEX; Schema: settlement; Owner: -
--

CREATE INDEX funding_advances ON settlement.funding USING btree (org_id, channel_id, currency, merchant_id) WHERE ((kind = 'advance'::text) AND (state = 'paid'::text) AND (spent_minor < amount_minor));


--
-- Name: funding_merchant; Type: INDEX; Schema: settlement; Owner: -
--

CREATE INDEX funding_merchant ON settlement.funding USING btree (org_id, merchant_id, id) WHERE (merchant_id <> ''::text);


--
-- Name: funding_subsidies; Type: INDEX; Schema: settlement; Owner: -
--

CREATE INDEX funding_subsidies ON settlement.funding USING btree (org_id, order_id) WHERE (kind = ANY (ARRAY['order_subsidy'::text, 'return_order_subsidy'::text, 'drop_order_subsidy'::text]));


--
-- Name: payout_merchant; Type: INDEX; Schema: settlement; Owner: -
--

CREATE INDEX payout_merchant ON settlement.payout USING btree (org_id, merchant_id, id);


--
-- Name: payout_ref; Type: INDEX; Schema: settlement; Owner: -
--

CREATE INDEX payout_ref ON settlement.payout USING btree (org_id, channel_id, ref) WHERE (ref <> ''::text);


--
-- Name: payout_state; Type: INDEX; Schema: settlement; Owner: -
--

CREATE INDEX payout_state ON settlement.payout USING btree (org_id, state, id);


--
-- Name: schedule_default; Type: INDEX; Schema: settlement; Owner: -
--

CREATE UNIQUE INDEX schedule_default ON settlement.schedule USING btree (org_id) WHERE is_default;


--
-- Name: standing_due; Type: INDEX; Schema: settlement; Owner: -
--

CREATE INDEX standing_due ON settlement.standing USING btree (due_at, org_id) WHERE (due_at IS NOT NULL);


--
-- Name: standing_key; Type: INDEX; Schema: settlement; Owner: -
--

CREATE INDEX standing_key ON settlement.standing USING btree (org_id, key);


--
-- Name: standing_org_due; Type: INDEX; Schema: settlement; Owner: -
--

CREATE INDEX standing_org_due ON settlement.standing USING btree (org_id, due_at) WHERE (due_at IS NOT NULL);


--
-- Name: suspense_evidence; Type: INDEX; Schema: settlement; Owner: -
--

CREATE UNIQUE INDEX suspense_evidence ON settlement.suspense USING btree (org_id, evidence);


--
-- Name: allocation_order; Type: INDEX; Schema: splits; Owner: -
--

CREATE INDEX allocation_order ON splits.allocation USING btree (org_id, order_id);


--
-- Name: kept_part_order; Type: INDEX; Schema: splits; Owner: -
--

CREATE INDEX kept_part_order ON splits.kept_part USING btree (org_id, order_id);


--
-- Name: reversal_collection; Type: INDEX; Schema: splits; Owner: -
--

CREATE INDEX reversal_collection ON splits.reversal USING btree (org_id, collection_id);


--
-- Name: reversal_refund; Type: INDEX; Schema: splits; Owner: -
--

CREATE INDEX reversal_refund ON splits.reversal USING btree (org_id, refund_id) WHERE (refund_id <> ''::text);


--
-- Name: rule_one_active; Type: INDEX; Schema: splits; Owner: -
--

CREATE UNIQUE INDEX rule_one_active ON splits.rule USING btree (org_id, id) WHERE (state = 'active'::text);


--
-- Name: split_collection; Type: INDEX; Schema: splits; Owner: -
--

CREATE INDEX split_collection ON splits.split USING btree (org_id, collection_id);


--
-- Name: split_order; Type: INDEX; Schema: splits; Owner: -
--

CREATE INDEX split_order ON splits.split USING btree (org_id, order_id);


--
-- Name: audit_object; Type: INDEX; Schema: storage; Owner: -
--

CREATE INDEX audit_object ON storage.audit USING btree (org_id, object_id, id);


--
-- Name: clock_advance_one_at_a_time; Type: INDEX; Schema: storage; Owner: -
--

CREATE UNIQUE INDEX clock_advance_one_at_a_time ON storage.clock_advance USING btree (org_id) WHERE (done_at IS NULL);


--
-- Name: event_customer; Type: INDEX; Schema: storage; Owner: -
--

CREATE INDEX event_customer ON storage.event USING btree (org_id, customer_id, id) WHERE (customer_id IS NOT NULL);


--
-- Name: event_public; Type: INDEX; Schema: storage; Owner: -
--

CREATE UNIQUE INDEX event_public ON storage.event USING btree (org_id, public_id);


--
-- Name: event_sequence; Type: INDEX; Schema: storage; Owner: -
--

CREATE UNIQUE INDEX event_sequence ON storage.event USING btree (org_id, object_id, sequence);


--
-- Name: event_type; Type: INDEX; Schema: storage; Owner: -
--

CREATE INDEX event_type ON storage.event USING btree (org_id, type, id);


--
-- Name: idempotency_age; Type: INDEX; Schema: storage; Owner: -
--

CREATE INDEX idempotency_age ON storage.idempotency USING btree (created_at, org_id) WHERE (NOT keep);


--
-- Name: job_buried; Type: INDEX; Schema: storage; Owner: -
--

CREATE INDEX job_buried ON storage.job USING btree (org_id, id) WHERE (state = 'buried'::text);


--
-- Name: job_claim; Type: INDEX; Schema: storage; Owner: -
--

CREATE INDEX job_claim ON storage.job USING btree (org_id, try_at, id) WHERE (state = 'waiting'::text);


--
-- Name: job_dedupe; Type: INDEX; Schema: storage; Owner: -
--

CREATE UNIQUE INDEX job_dedupe ON storage.job USING btree (org_id, kind, dedupe) WHERE ((dedupe IS NOT NULL) AND (state = ANY (ARRAY['waiting'::text, 'blocked'::text])));


--
-- Name: job_lease; Type: INDEX; Schema: storage; Owner: -
--

CREATE INDEX job_lease ON storage.job USING btree (leased_until, org_id) WHERE (state = 'leased'::text);


--
-- Name: job_one_per_key; Type: INDEX; Schema: storage; Owner: -
--

CREATE UNIQUE INDEX job_one_per_key ON storage.job USING btree (org_id, key) WHERE ((state = 'leased'::text) AND (key IS NOT NULL));


--
-- Name: job_order; Type: INDEX; Schema: storage; Owner: -
--

CREATE INDEX job_order ON storage.job USING btree (org_id, key, id) WHERE ((key IS NOT NULL) AND (state <> 'buried'::text));


--
-- Name: parked_now; Type: INDEX; Schema: storage; Owner: -
--

CREATE INDEX parked_now ON storage.parked USING btree (org_id, parked_at) WHERE (let_go_at IS NULL);


--
-- Name: sealed_expiry; Type: INDEX; Schema: storage; Owner: -
--

CREATE INDEX sealed_expiry ON storage.sealed USING btree (org_id, expires_at) WHERE (expires_at IS NOT NULL);


--
-- Name: sealed_key; Type: INDEX; Schema: storage; Owner: -
--

CREATE INDEX sealed_key ON storage.sealed USING btree (org_id, key_id);


--
-- Name: change_due; Type: INDEX; Schema: subscriptions; Owner: -
--

CREATE INDEX change_due ON subscriptions.change USING btree (due_at, org_id) WHERE (due_at IS NOT NULL);


--
-- Name: change_invoice; Type: INDEX; Schema: subscriptions; Owner: -
--

CREATE INDEX change_invoice ON subscriptions.change USING btree (org_id, invoice_id) WHERE (invoice_id IS NOT NULL);


--
-- Name: change_migrations; Type: INDEX; Schema: subscriptions; Owner: -
--

CREATE INDEX change_migrations ON subscriptions.change USING btree (org_id, ((content ->> 'plan_key'::text)), id) WHERE (content ? 'plan_key'::text);


--
-- Name: change_one_awaiting; Type: INDEX; Schema: subscriptions; Owner: -
--

CREATE UNIQUE INDEX change_one_awaiting ON subscriptions.change USING btree (org_id, subscription_id) WHERE (state = 'awaiting'::text);


--
-- Name: change_one_migration; Type: INDEX; Schema: subscriptions; Owner: -
--

CREATE UNIQUE INDEX change_one_migration ON subscriptions.change USING btree (org_id, subscription_id) WHERE (state = 'migrating'::text);


--
-- Name: change_one_waiting; Type: INDEX; Schema: subscriptions; Owner: -
--

CREATE UNIQUE INDEX change_one_waiting ON subscriptions.change USING btree (org_id, subscription_id) WHERE (state = 'scheduled'::text);


--
-- Name: change_org_due; Type: INDEX; Schema: subscriptions; Owner: -
--

CREATE INDEX change_org_due ON subscriptions.change USING btree (org_id, due_at, id) WHERE (due_at IS NOT NULL);


--
-- Name: discount_once; Type: INDEX; Schema: subscriptions; Owner: -
--

CREATE UNIQUE INDEX discount_once ON subscriptions.discount USING btree (org_id, subscription_id, coupon_id);


--
-- Name: history_quotes; Type: INDEX; Schema: subscriptions; Owner: -
--

CREATE INDEX history_quotes ON subscriptions.history USING btree (org_id, id) WHERE (trigger = 'quote'::text);


--
-- Name: history_subscription; Type: INDEX; Schema: subscriptions; Owner: -
--

CREATE INDEX history_subscription ON subscriptions.history USING btree (org_id, subscription_id, id);


--
-- Name: history_time; Type: INDEX; Schema: subscriptions; Owner: -
--

CREATE INDEX history_time ON subscriptions.history USING btree (org_id, at);


--
-- Name: item_subscription; Type: INDEX; Schema: subscriptions; Owner: -
--

CREATE INDEX item_subscription ON subscriptions.item USING btree (org_id, subscription_id) WHERE (removed_at IS NULL);


--
-- Name: subscription_customer; Type: INDEX; Schema: subscriptions; Owner: -
--

CREATE INDEX subscription_customer ON subscriptions.subscription USING btree (org_id, customer_id);


--
-- Name: subscription_due; Type: INDEX; Schema: subscriptions; Owner: -
--

CREATE INDEX subscription_due ON subscriptions.subscription USING btree (due_kind, due_at, org_id) WHERE (due_at IS NOT NULL);


--
-- Name: subscription_org_due; Type: INDEX; Schema: subscriptions; Owner: -
--

CREATE INDEX subscription_org_due ON subscriptions.subscription USING btree (org_id, due_kind, due_at, id) WHERE (due_at IS NOT NULL);


--
-- Name: subscription_upcoming; Type: INDEX; Schema: subscriptions; Owner: -
--

CREATE INDEX subscription_upcoming ON subscriptions.subscription USING btree (org_id, upcoming_at, id) WHERE ((upcoming_at IS NOT NULL) AND (due_kind = 'renew'::text));


--
-- Name: timer_due; Type: INDEX; Schema: subscriptions; Owner: -
--

CREATE INDEX timer_due ON subscriptions.timer USING btree (due_at, org_id) WHERE (due_at IS NOT NULL);


--
-- Name: timer_org_due; Type: INDEX; Schema: subscriptions; Owner: -
--

CREATE INDEX timer_org_due ON subscriptions.timer USING btree (org_id, due_at) WHERE (due_at IS NOT NULL);


--
-- Name: delivery_once; Type: INDEX; Schema: webhooks; Owner: -
--

CREATE UNIQUE INDEX delivery_once ON webhooks.delivery USING btree (org_id, endpoint_id, event_id);


--
-- Name: delivery_recent; Type: INDEX; Schema: webhooks; Owner: -
--

CREATE INDEX delivery_recent ON webhooks.delivery USING btree (org_id, endpoint_id, id);


--
-- Name: event_rest_pkey; Type: INDEX ATTACH; Schema: usage; Owner: -
--

ALTER INDEX usage.event_pkey ATTACH PARTITION usage.event_rest_pkey;


--
-- Name: org keep_mode; Type: TRIGGER; Schema: directory; Owner: -
--

CREATE TRIGGER keep_mode BEFORE UPDATE ON directory.org FOR EACH ROW EXECUTE FUNCTION directory.keep_mode();


--
-- Name: credit_note figures; Type: TRIGGER; Schema: invoicing; Owner: -
--

CREATE TRIGGER figures AFTER INSERT ON invoicing.credit_note REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION reports.tell_credited();


--
-- Name: invoice figures; Type: TRIGGER; Schema: invoicing; Owner: -
--

CREATE TRIGGER figures AFTER INSERT ON invoicing.invoice REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION reports.tell_invoices();


--
-- Name: invoice figures_settled; Type: TRIGGER; Schema: invoicing; Owner: -
--

CREATE TRIGGER figures_settled AFTER UPDATE ON invoicing.invoice REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION reports.tell_settled();


--
-- Name: credit_note figures_voided; Type: TRIGGER; Schema: invoicing; Owner: -
--

CREATE TRIGGER figures_voided AFTER UPDATE ON invoicing.credit_note REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION reports.tell_uncredited();


--
-- Name: entry append_only; Type: TRIGGER; Schema: ledger; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON ledger.entry FOR EACH ROW EXECUTE FUNCTION storage.refuse_change();


--
-- Name: journal append_only; Type: TRIGGER; Schema: ledger; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON ledger.journal FOR EACH ROW EXECUTE FUNCTION storage.refuse_change();


--
-- Name: reversal append_only; Type: TRIGGER; Schema: ledger; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON ledger.reversal FOR EACH ROW EXECUTE FUNCTION storage.refuse_change();


--
-- Name: seal append_only; Type: TRIGGER; Schema: ledger; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON ledger.seal FOR EACH ROW EXECUTE FUNCTION storage.refuse_change();


--
-- Name: month guarded; Type: TRIGGER; Schema: ledger; Owner: -
--

CREATE TRIGGER guarded BEFORE DELETE OR UPDATE ON ledger.month FOR EACH ROW EXECUTE FUNCTION ledger.guard_month();


--
-- Name: entry never_emptied; Type: TRIGGER; Schema: ledger; Owner: -
--

CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ledger.entry FOR EACH STATEMENT EXECUTE FUNCTION storage.refuse_change();


--
-- Name: journal never_emptied; Type: TRIGGER; Schema: ledger; Owner: -
--

CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ledger.journal FOR EACH STATEMENT EXECUTE FUNCTION storage.refuse_change();


--
-- Name: seal never_emptied; Type: TRIGGER; Schema: ledger; Owner: -
--

CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ledger.seal FOR EACH STATEMENT EXECUTE FUNCTION storage.refuse_change();


--
-- Name: dunning_case figures; Type: TRIGGER; Schema: payments; Owner: -
--

CREATE TRIGGER figures AFTER UPDATE ON payments.dunning_case REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION reports.tell_recovered();


--
-- Name: payment figures; Type: TRIGGER; Schema: payments; Owner: -
--

CREATE TRIGGER figures AFTER INSERT ON payments.payment REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION reports.tell_payments();


--
-- Name: payment figures_returned; Type: TRIGGER; Schema: payments; Owner: -
--

CREATE TRIGGER figures_returned AFTER UPDATE ON payments.payment REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION reports.tell_returned();


--
-- Name: history append_only; Type: TRIGGER; Schema: provisioning; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON provisioning.history FOR EACH ROW EXECUTE FUNCTION storage.refuse_change();


--
-- Name: allocation larger_parts_are_covered; Type: TRIGGER; Schema: splits; Owner: -
--

CREATE CONSTRAINT TRIGGER larger_parts_are_covered AFTER UPDATE ON splits.allocation DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((((new.amount_minor + new.fee_borne_minor) > (old.amount_minor + old.fee_borne_minor)) OR (new.party <> old.party) OR (new.collection_id <> old.collection_id))) EXECUTE FUNCTION compliance.check_changed_part();


--
-- Name: allocation new_parts_are_covered; Type: TRIGGER; Schema: splits; Owner: -
--

CREATE TRIGGER new_parts_are_covered AFTER INSERT ON splits.allocation REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION compliance.check_new_parts();


--
-- Name: audit append_only; Type: TRIGGER; Schema: storage; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON storage.audit FOR EACH ROW EXECUTE FUNCTION storage.refuse_change();


--
-- Name: audit never_emptied; Type: TRIGGER; Schema: storage; Owner: -
--

CREATE TRIGGER never_emptied BEFORE TRUNCATE ON storage.audit FOR EACH STATEMENT EXECUTE FUNCTION storage.refuse_change();


--
-- Name: history append_only; Type: TRIGGER; Schema: subscriptions; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON subscriptions.history FOR EACH ROW EXECUTE FUNCTION storage.refuse_change();


--
-- Name: history figures; Type: TRIGGER; Schema: subscriptions; Owner: -
--

CREATE TRIGGER figures AFTER INSERT ON subscriptions.history REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION reports.tell_steps();


--
-- Name: plan plan_org_id_product_id_fkey; Type: FK CONSTRAINT; Schema: catalog; Owner: -
--

ALTER TABLE ONLY catalog.plan
    ADD CONSTRAINT plan_org_id_product_id_fkey FOREIGN KEY (org_id, product_id) REFERENCES catalog.product(org_id, id);


--
-- Name: price price_org_id_plan_id_fkey; Type: FK CONSTRAINT; Schema: catalog; Owner: -
--

ALTER TABLE ONLY catalog.price
    ADD CONSTRAINT price_org_id_plan_id_fkey FOREIGN KEY (org_id, plan_id) REFERENCES catalog.plan(org_id, id);


--
-- Name: listing listing_org_id_channel_id_fkey; Type: FK CONSTRAINT; Schema: channels; Owner: -
--

ALTER TABLE ONLY channels.listing
    ADD CONSTRAINT listing_org_id_channel_id_fkey FOREIGN KEY (org_id, channel_id) REFERENCES channels.channel(org_id, id);


--
-- Name: stop stop_org_id_channel_id_fkey; Type: FK CONSTRAINT; Schema: channels; Owner: -
--

ALTER TABLE ONLY channels.stop
    ADD CONSTRAINT stop_org_id_channel_id_fkey FOREIGN KEY (org_id, channel_id) REFERENCES channels.channel(org_id, id);


--
-- Name: message message_org_id_conversation_id_fkey; Type: FK CONSTRAINT; Schema: conversations; Owner: -
--

ALTER TABLE ONLY conversations.message
    ADD CONSTRAINT message_org_id_conversation_id_fkey FOREIGN KEY (org_id, conversation_id) REFERENCES conversations.conversation(org_id, id);


--
-- Name: credit_grant credit_grant_org_id_wallet_id_fkey; Type: FK CONSTRAINT; Schema: customers; Owner: -
--

ALTER TABLE ONLY customers.credit_grant
    ADD CONSTRAINT credit_grant_org_id_wallet_id_fkey FOREIGN KEY (org_id, wallet_id) REFERENCES customers.wallet(org_id, id);


--
-- Name: grant_use grant_use_org_id_grant_id_fkey; Type: FK CONSTRAINT; Schema: customers; Owner: -
--

ALTER TABLE ONLY customers.grant_use
    ADD CONSTRAINT grant_use_org_id_grant_id_fkey FOREIGN KEY (org_id, grant_id) REFERENCES customers.credit_grant(org_id, id);


--
-- Name: member member_org_id_customer_id_fkey; Type: FK CONSTRAINT; Schema: customers; Owner: -
--

ALTER TABLE ONLY customers.member
    ADD CONSTRAINT member_org_id_customer_id_fkey FOREIGN KEY (org_id, customer_id) REFERENCES customers.customer(org_id, id);


--
-- Name: wallet wallet_org_id_customer_id_fkey; Type: FK CONSTRAINT; Schema: customers; Owner: -
--

ALTER TABLE ONLY customers.wallet
    ADD CONSTRAINT wallet_org_id_customer_id_fkey FOREIGN KEY (org_id, customer_id) REFERENCES customers.customer(org_id, id);


--
-- Name: api_key api_key_org_id_fkey; Type: FK CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.api_key
    ADD CONSTRAINT api_key_org_id_fkey FOREIGN KEY (org_id) REFERENCES directory.org(id);


--
-- Name: api_key api_key_replaced_by_fkey; Type: FK CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.api_key
    ADD CONSTRAINT api_key_replaced_by_fkey FOREIGN KEY (replaced_by) REFERENCES directory.api_key(id);


--
-- Name: inbound_route inbound_route_org_id_fkey; Type: FK CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.inbound_route
    ADD CONSTRAINT inbound_route_org_id_fkey FOREIGN KEY (org_id) REFERENCES directory.org(id);


--
-- Name: membership membership_org_id_fkey; Type: FK CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.membership
    ADD CONSTRAINT membership_org_id_fkey FOREIGN KEY (org_id) REFERENCES directory.org(id);


--
-- Name: membership membership_person_id_fkey; Type: FK CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.membership
    ADD CONSTRAINT membership_person_id_fkey FOREIGN KEY (person_id) REFERENCES directory.person(id);


--
-- Name: session session_org_id_fkey; Type: FK CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.session
    ADD CONSTRAINT session_org_id_fkey FOREIGN KEY (org_id) REFERENCES directory.org(id);


--
-- Name: session session_person_id_fkey; Type: FK CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.session
    ADD CONSTRAINT session_person_id_fkey FOREIGN KEY (person_id) REFERENCES directory.person(id);


--
-- Name: sign_in_link sign_in_link_org_id_fkey; Type: FK CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.sign_in_link
    ADD CONSTRAINT sign_in_link_org_id_fkey FOREIGN KEY (org_id) REFERENCES directory.org(id);


--
-- Name: sign_in_link sign_in_link_person_id_fkey; Type: FK CONSTRAINT; Schema: directory; Owner: -
--

ALTER TABLE ONLY directory.sign_in_link
    ADD CONSTRAINT sign_in_link_person_id_fkey FOREIGN KEY (person_id) REFERENCES directory.person(id);


--
-- Name: account account_org_id_pool_id_fkey; Type: FK CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.account
    ADD CONSTRAINT account_org_id_pool_id_fkey FOREIGN KEY (org_id, pool_id) REFERENCES ledger.pool(org_id, id);


--
-- Name: account account_org_id_merchant_id_fkey; Type: FK CONSTRAINT; Schema: merchants; Owner: -
--

ALTER TABLE ONLY merchants.account
    ADD CONSTRAINT account_org_id_merchant_id_fkey FOREIGN KEY (org_id, merchant_id) REFERENCES merchants.merchant(org_id, id);


--
-- Name: instrument instrument_org_id_merchant_id_fkey; Type: FK CONSTRAINT; Schema: merchants; Owner: -
--

ALTER TABLE ONLY merchants.instrument
    ADD CONSTRAINT instrument_org_id_merchant_id_fkey FOREIGN KEY (org_id, merchant_id) REFERENCES merchants.merchant(org_id, id);


--
-- Name: instance instance_org_id_subscription_id_fkey; Type: FK CONSTRAINT; Schema: provisioning; Owner: -
--

ALTER TABLE ONLY provisioning.instance
    ADD CONSTRAINT instance_org_id_subscription_id_fkey FOREIGN KEY (org_id, subscription_id) REFERENCES subscriptions.subscription(org_id, id);


--
-- Name: operation operation_org_id_instance_id_fkey; Type: FK CONSTRAINT; Schema: provisioning; Owner: -
--

ALTER TABLE ONLY provisioning.operation
    ADD CONSTRAINT operation_org_id_instance_id_fkey FOREIGN KEY (org_id, instance_id) REFERENCES provisioning.instance(org_id, id);


--
-- Name: file file_org_id_customer_id_fkey; Type: FK CONSTRAINT; Schema: relations; Owner: -
--

ALTER TABLE ONLY relations.file
    ADD CONSTRAINT file_org_id_customer_id_fkey FOREIGN KEY (org_id, customer_id) REFERENCES customers.customer(org_id, id);


--
-- Name: note note_org_id_customer_id_fkey; Type: FK CONSTRAINT; Schema: relations; Owner: -
--

ALTER TABLE ONLY relations.note
    ADD CONSTRAINT note_org_id_customer_id_fkey FOREIGN KEY (org_id, customer_id) REFERENCES customers.customer(org_id, id);


--
-- Name: owner owner_org_id_customer_id_fkey; Type: FK CONSTRAINT; Schema: relations; Owner: -
--

ALTER TABLE ONLY relations.owner
    ADD CONSTRAINT owner_org_id_customer_id_fkey FOREIGN KEY (org_id, customer_id) REFERENCES customers.customer(org_id, id);


--
-- Name: tag tag_org_id_customer_id_fkey; Type: FK CONSTRAINT; Schema: relations; Owner: -
--

ALTER TABLE ONLY relations.tag
    ADD CONSTRAINT tag_org_id_customer_id_fkey FOREIGN KEY (org_id, customer_id) REFERENCES customers.customer(org_id, id);


--
-- Name: payout payout_org_id_instrument_id_merchant_id_fkey; Type: FK CONSTRAINT; Schema: settlement; Owner: -
--

ALTER TABLE ONLY settlement.payout
    ADD CONSTRAINT payout_org_id_instrument_id_merchant_id_fkey FOREIGN KEY (org_id, instrument_id, merchant_id) REFERENCES merchants.instrument(org_id, id, merchant_id);


--
-- Name: kept_part kept_part_org_id_order_id_role_party_fkey; Type: FK CONSTRAINT; Schema: splits; Owner: -
--

ALTER TABLE ONLY splits.kept_part
    ADD CONSTRAINT kept_part_org_id_order_id_role_party_fkey FOREIGN KEY (org_id, order_id, role, party) REFERENCES orders.party(org_id, order_id, role, party);


--
-- Name: delivery delivery_org_id_endpoint_id_fkey; Type: FK CONSTRAINT; Schema: webhooks; Owner: -
--

ALTER TABLE ONLY webhooks.delivery
    ADD CONSTRAINT delivery_org_id_endpoint_id_fkey FOREIGN KEY (org_id, endpoint_id) REFERENCES webhooks.endpoint(org_id, id) ON DELETE CASCADE;


--
-- Name: coupon; Type: ROW SECURITY; Schema: catalog; Owner: -
--

ALTER TABLE catalog.coupon ENABLE ROW LEVEL SECURITY;

--
-- Name: coupon org_isolation; Type: POLICY; Schema: catalog; Owner: -
--

CREATE POLICY org_isolation ON catalog.coupon TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: plan org_isolation; Type: POLICY; Schema: catalog; Owner: -
--

CREATE POLICY org_isolation ON catalog.plan TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: price org_isolation; Type: POLICY; Schema: catalog; Owner: -
--

CREATE POLICY org_isolation ON catalog.price TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: product org_isolation; Type: POLICY; Schema: catalog; Owner: -
--

CREATE POLICY org_isolation ON catalog.product TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: tax_rate org_isolation; Type: POLICY; Schema: catalog; Owner: -
--

CREATE POLICY org_isolation ON catalog.tax_rate TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: plan; Type: ROW SECURITY; Schema: catalog; Owner: -
--

ALTER TABLE catalog.plan ENABLE ROW LEVEL SECURITY;

--
-- Name: price; Type: ROW SECURITY; Schema: catalog; Owner: -
--

ALTER TABLE catalog.price ENABLE ROW LEVEL SECURITY;

--
-- Name: product; Type: ROW SECURITY; Schema: catalog; Owner: -
--

ALTER TABLE catalog.product ENABLE ROW LEVEL SECURITY;

--
-- Name: tax_rate; Type: ROW SECURITY; Schema: catalog; Owner: -
--

ALTER TABLE catalog.tax_rate ENABLE ROW LEVEL SECURITY;

--
-- Name: channel; Type: ROW SECURITY; Schema: channels; Owner: -
--

ALTER TABLE channels.channel ENABLE ROW LEVEL SECURITY;

--
-- Name: exchange; Type: ROW SECURITY; Schema: channels; Owner: -
--

ALTER TABLE channels.exchange ENABLE ROW LEVEL SECURITY;

--
-- Name: instruction; Type: ROW SECURITY; Schema: channels; Owner: -
--

ALTER TABLE channels.instruction ENABLE ROW LEVEL SECURITY;

--
-- Name: line; Type: ROW SECURITY; Schema: channels; Owner: -
--

ALTER TABLE channels.line ENABLE ROW LEVEL SECURITY;

--
-- Name: listing; Type: ROW SECURITY; Schema: channels; Owner: -
--

ALTER TABLE channels.listing ENABLE ROW LEVEL SECURITY;

--
-- Name: notice; Type: ROW SECURITY; Schema: channels; Owner: -
--

ALTER TABLE channels.notice ENABLE ROW LEVEL SECURITY;

--
-- Name: channel org_isolation; Type: POLICY; Schema: channels; Owner: -
--

CREATE POLICY org_isolation ON channels.channel TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: exchange org_isolation; Type: POLICY; Schema: channels; Owner: -
--

CREATE POLICY org_isolation ON channels.exchange TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: instruction org_isolation; Type: POLICY; Schema: channels; Owner: -
--

CREATE POLICY org_isolation ON channels.instruction TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: line org_isolation; Type: POLICY; Schema: channels; Owner: -
--

CREATE POLICY org_isolation ON channels.line TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: listing org_isolation; Type: POLICY; Schema: channels; Owner: -
--

CREATE POLICY org_isolation ON channels.listing TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: notice org_isolation; Type: POLICY; Schema: channels; Owner: -
--

CREATE POLICY org_isolation ON channels.notice TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: stop org_isolation; Type: POLICY; Schema: channels; Owner: -
--

CREATE POLICY org_isolation ON channels.stop TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: instruction scheduling; Type: POLICY; Schema: channels; Owner: -
--

CREATE POLICY scheduling ON channels.instruction FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: listing scheduling; Type: POLICY; Schema: channels; Owner: -
--

CREATE POLICY scheduling ON channels.listing FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: stop; Type: ROW SECURITY; Schema: channels; Owner: -
--

ALTER TABLE channels.stop ENABLE ROW LEVEL SECURITY;

--
-- Name: fee_rate; Type: ROW SECURITY; Schema: compliance; Owner: -
--

ALTER TABLE compliance.fee_rate ENABLE ROW LEVEL SECURITY;

--
-- Name: fee_rate_draft; Type: ROW SECURITY; Schema: compliance; Owner: -
--

ALTER TABLE compliance.fee_rate_draft ENABLE ROW LEVEL SECURITY;

--
-- Name: licence; Type: ROW SECURITY; Schema: compliance; Owner: -
--

ALTER TABLE compliance.licence ENABLE ROW LEVEL SECURITY;

--
-- Name: fee_rate org_isolation; Type: POLICY; Schema: compliance; Owner: -
--

CREATE POLICY org_isolation ON compliance.fee_rate TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: fee_rate_draft org_isolation; Type: POLICY; Schema: compliance; Owner: -
--

CREATE POLICY org_isolation ON compliance.fee_rate_draft TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: licence org_isolation; Type: POLICY; Schema: compliance; Owner: -
--

CREATE POLICY org_isolation ON compliance.licence TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: self_check org_isolation; Type: POLICY; Schema: compliance; Owner: -
--

CREATE POLICY org_isolation ON compliance.self_check TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: licence scheduling; Type: POLICY; Schema: compliance; Owner: -
--

CREATE POLICY scheduling ON compliance.licence FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: self_check; Type: ROW SECURITY; Schema: compliance; Owner: -
--

ALTER TABLE compliance.self_check ENABLE ROW LEVEL SECURITY;

--
-- Name: conversation; Type: ROW SECURITY; Schema: conversations; Owner: -
--

ALTER TABLE conversations.conversation ENABLE ROW LEVEL SECURITY;

--
-- Name: message; Type: ROW SECURITY; Schema: conversations; Owner: -
--

ALTER TABLE conversations.message ENABLE ROW LEVEL SECURITY;

--
-- Name: conversation org_isolation; Type: POLICY; Schema: conversations; Owner: -
--

CREATE POLICY org_isolation ON conversations.conversation TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: message org_isolation; Type: POLICY; Schema: conversations; Owner: -
--

CREATE POLICY org_isolation ON conversations.message TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: saved_reply org_isolation; Type: POLICY; Schema: conversations; Owner: -
--

CREATE POLICY org_isolation ON conversations.saved_reply TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: saved_reply; Type: ROW SECURITY; Schema: conversations; Owner: -
--

ALTER TABLE conversations.saved_reply ENABLE ROW LEVEL SECURITY;

--
-- Name: credit_grant; Type: ROW SECURITY; Schema: customers; Owner: -
--

ALTER TABLE customers.credit_grant ENABLE ROW LEVEL SECURITY;

--
-- Name: customer; Type: ROW SECURITY; Schema: customers; Owner: -
--

ALTER TABLE customers.customer ENABLE ROW LEVEL SECURITY;

--
-- Name: grant_use; Type: ROW SECURITY; Schema: customers; Owner: -
--

ALTER TABLE customers.grant_use ENABLE ROW LEVEL SECURITY;

--
-- Name: member; Type: ROW SECURITY; Schema: customers; Owner: -
--

ALTER TABLE customers.member ENABLE ROW LEVEL SECURITY;

--
-- Name: credit_grant org_isolation; Type: POLICY; Schema: customers; Owner: -
--

CREATE POLICY org_isolation ON customers.credit_grant TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: customer org_isolation; Type: POLICY; Schema: customers; Owner: -
--

CREATE POLICY org_isolation ON customers.customer TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: grant_use org_isolation; Type: POLICY; Schema: customers; Owner: -
--

CREATE POLICY org_isolation ON customers.grant_use TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: member org_isolation; Type: POLICY; Schema: customers; Owner: -
--

CREATE POLICY org_isolation ON customers.member TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: token org_isolation; Type: POLICY; Schema: customers; Owner: -
--

CREATE POLICY org_isolation ON customers.token TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: wallet org_isolation; Type: POLICY; Schema: customers; Owner: -
--

CREATE POLICY org_isolation ON customers.wallet TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: credit_grant scheduling; Type: POLICY; Schema: customers; Owner: -
--

CREATE POLICY scheduling ON customers.credit_grant FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: token; Type: ROW SECURITY; Schema: customers; Owner: -
--

ALTER TABLE customers.token ENABLE ROW LEVEL SECURITY;

--
-- Name: wallet; Type: ROW SECURITY; Schema: customers; Owner: -
--

ALTER TABLE customers.wallet ENABLE ROW LEVEL SECURITY;

--
-- Name: access; Type: ROW SECURITY; Schema: entitlements; Owner: -
--

ALTER TABLE entitlements.access ENABLE ROW LEVEL SECURITY;

--
-- Name: hand_grant; Type: ROW SECURITY; Schema: entitlements; Owner: -
--

ALTER TABLE entitlements.hand_grant ENABLE ROW LEVEL SECURITY;

--
-- Name: access org_isolation; Type: POLICY; Schema: entitlements; Owner: -
--

CREATE POLICY org_isolation ON entitlements.access TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: hand_grant org_isolation; Type: POLICY; Schema: entitlements; Owner: -
--

CREATE POLICY org_isolation ON entitlements.hand_grant TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: hand_grant scheduling; Type: POLICY; Schema: entitlements; Owner: -
--

CREATE POLICY scheduling ON entitlements.hand_grant FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: credit_note; Type: ROW SECURITY; Schema: invoicing; Owner: -
--

ALTER TABLE invoicing.credit_note ENABLE ROW LEVEL SECURITY;

--
-- Name: invoice; Type: ROW SECURITY; Schema: invoicing; Owner: -
--

ALTER TABLE invoicing.invoice ENABLE ROW LEVEL SECURITY;

--
-- Name: line; Type: ROW SECURITY; Schema: invoicing; Owner: -
--

ALTER TABLE invoicing.line ENABLE ROW LEVEL SECURITY;

--
-- Name: credit_note org_isolation; Type: POLICY; Schema: invoicing; Owner: -
--

CREATE POLICY org_isolation ON invoicing.credit_note TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: invoice org_isolation; Type: POLICY; Schema: invoicing; Owner: -
--

CREATE POLICY org_isolation ON invoicing.invoice TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: line org_isolation; Type: POLICY; Schema: invoicing; Owner: -
--

CREATE POLICY org_isolation ON invoicing.line TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: pending_line org_isolation; Type: POLICY; Schema: invoicing; Owner: -
--

CREATE POLICY org_isolation ON invoicing.pending_line TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: series org_isolation; Type: POLICY; Schema: invoicing; Owner: -
--

CREATE POLICY org_isolation ON invoicing.series TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: pending_line; Type: ROW SECURITY; Schema: invoicing; Owner: -
--

ALTER TABLE invoicing.pending_line ENABLE ROW LEVEL SECURITY;

--
-- Name: invoice scheduling; Type: POLICY; Schema: invoicing; Owner: -
--

CREATE POLICY scheduling ON invoicing.invoice FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: series; Type: ROW SECURITY; Schema: invoicing; Owner: -
--

ALTER TABLE invoicing.series ENABLE ROW LEVEL SECURITY;

--
-- Name: account; Type: ROW SECURITY; Schema: ledger; Owner: -
--

ALTER TABLE ledger.account ENABLE ROW LEVEL SECURITY;

--
-- Name: book_rate; Type: ROW SECURITY; Schema: ledger; Owner: -
--

ALTER TABLE ledger.book_rate ENABLE ROW LEVEL SECURITY;

--
-- Name: account by_function; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY by_function ON ledger.account TO cauce_ledger USING (true) WITH CHECK (true);


--
-- Name: entry by_function; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY by_function ON ledger.entry TO cauce_ledger USING (true) WITH CHECK (true);


--
-- Name: hold by_function; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY by_function ON ledger.hold TO cauce_ledger USING (true) WITH CHECK (true);


--
-- Name: journal by_function; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY by_function ON ledger.journal TO cauce_ledger USING (true) WITH CHECK (true);


--
-- Name: pool by_function; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY by_function ON ledger.pool TO cauce_ledger USING (true) WITH CHECK (true);


--
-- Name: reversal by_function; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY by_function ON ledger.reversal TO cauce_ledger USING (true) WITH CHECK (true);


--
-- Name: seal by_function; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY by_function ON ledger.seal TO cauce_ledger USING (true) WITH CHECK (true);


--
-- Name: seal_mark by_function; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY by_function ON ledger.seal_mark TO cauce_ledger USING (true) WITH CHECK (true);


--
-- Name: entry; Type: ROW SECURITY; Schema: ledger; Owner: -
--

ALTER TABLE ledger.entry ENABLE ROW LEVEL SECURITY;

--
-- Name: hold; Type: ROW SECURITY; Schema: ledger; Owner: -
--

ALTER TABLE ledger.hold ENABLE ROW LEVEL SECURITY;

--
-- Name: journal; Type: ROW SECURITY; Schema: ledger; Owner: -
--

ALTER TABLE ledger.journal ENABLE ROW LEVEL SECURITY;

--
-- Name: month; Type: ROW SECURITY; Schema: ledger; Owner: -
--

ALTER TABLE ledger.month ENABLE ROW LEVEL SECURITY;

--
-- Name: account org_isolation; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY org_isolation ON ledger.account TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: book_rate org_isolation; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY org_isolation ON ledger.book_rate TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: entry org_isolation; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY org_isolation ON ledger.entry TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: hold org_isolation; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY org_isolation ON ledger.hold TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: journal org_isolation; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY org_isolation ON ledger.journal TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: month org_isolation; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY org_isolation ON ledger.month TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: pool org_isolation; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY org_isolation ON ledger.pool TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: reversal org_isolation; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY org_isolation ON ledger.reversal TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: seal org_isolation; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY org_isolation ON ledger.seal TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: seal_mark org_isolation; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY org_isolation ON ledger.seal_mark TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: pool; Type: ROW SECURITY; Schema: ledger; Owner: -
--

ALTER TABLE ledger.pool ENABLE ROW LEVEL SECURITY;

--
-- Name: reversal; Type: ROW SECURITY; Schema: ledger; Owner: -
--

ALTER TABLE ledger.reversal ENABLE ROW LEVEL SECURITY;

--
-- Name: hold scheduling; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY scheduling ON ledger.hold FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: seal; Type: ROW SECURITY; Schema: ledger; Owner: -
--

ALTER TABLE ledger.seal ENABLE ROW LEVEL SECURITY;

--
-- Name: seal_mark; Type: ROW SECURITY; Schema: ledger; Owner: -
--

ALTER TABLE ledger.seal_mark ENABLE ROW LEVEL SECURITY;

--
-- Name: account; Type: ROW SECURITY; Schema: merchants; Owner: -
--

ALTER TABLE merchants.account ENABLE ROW LEVEL SECURITY;

--
-- Name: instrument; Type: ROW SECURITY; Schema: merchants; Owner: -
--

ALTER TABLE merchants.instrument ENABLE ROW LEVEL SECURITY;

--
-- Name: merchant; Type: ROW SECURITY; Schema: merchants; Owner: -
--

ALTER TABLE merchants.merchant ENABLE ROW LEVEL SECURITY;

--
-- Name: account org_isolation; Type: POLICY; Schema: merchants; Owner: -
--

CREATE POLICY org_isolation ON merchants.account TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: instrument org_isolation; Type: POLICY; Schema: merchants; Owner: -
--

CREATE POLICY org_isolation ON merchants.instrument TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: merchant org_isolation; Type: POLICY; Schema: merchants; Owner: -
--

CREATE POLICY org_isolation ON merchants.merchant TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: collection; Type: ROW SECURITY; Schema: orders; Owner: -
--

ALTER TABLE orders.collection ENABLE ROW LEVEL SECURITY;

--
-- Name: dispute; Type: ROW SECURITY; Schema: orders; Owner: -
--

ALTER TABLE orders.dispute ENABLE ROW LEVEL SECURITY;

--
-- Name: import; Type: ROW SECURITY; Schema: orders; Owner: -
--

ALTER TABLE orders.import ENABLE ROW LEVEL SECURITY;

--
-- Name: line; Type: ROW SECURITY; Schema: orders; Owner: -
--

ALTER TABLE orders.line ENABLE ROW LEVEL SECURITY;

--
-- Name: collection org_isolation; Type: POLICY; Schema: orders; Owner: -
--

CREATE POLICY org_isolation ON orders.collection TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: dispute org_isolation; Type: POLICY; Schema: orders; Owner: -
--

CREATE POLICY org_isolation ON orders.dispute TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: import org_isolation; Type: POLICY; Schema: orders; Owner: -
--

CREATE POLICY org_isolation ON orders.import TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: line org_isolation; Type: POLICY; Schema: orders; Owner: -
--

CREATE POLICY org_isolation ON orders.line TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: party org_isolation; Type: POLICY; Schema: orders; Owner: -
--

CREATE POLICY org_isolation ON orders.party TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: purchase org_isolation; Type: POLICY; Schema: orders; Owner: -
--

CREATE POLICY org_isolation ON orders.purchase TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: refund org_isolation; Type: POLICY; Schema: orders; Owner: -
--

CREATE POLICY org_isolation ON orders.refund TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: refund_line org_isolation; Type: POLICY; Schema: orders; Owner: -
--

CREATE POLICY org_isolation ON orders.refund_line TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: refused org_isolation; Type: POLICY; Schema: orders; Owner: -
--

CREATE POLICY org_isolation ON orders.refused TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: party; Type: ROW SECURITY; Schema: orders; Owner: -
--

ALTER TABLE orders.party ENABLE ROW LEVEL SECURITY;

--
-- Name: purchase; Type: ROW SECURITY; Schema: orders; Owner: -
--

ALTER TABLE orders.purchase ENABLE ROW LEVEL SECURITY;

--
-- Name: refund; Type: ROW SECURITY; Schema: orders; Owner: -
--

ALTER TABLE orders.refund ENABLE ROW LEVEL SECURITY;

--
-- Name: refund_line; Type: ROW SECURITY; Schema: orders; Owner: -
--

ALTER TABLE orders.refund_line ENABLE ROW LEVEL SECURITY;

--
-- Name: refused; Type: ROW SECURITY; Schema: orders; Owner: -
--

ALTER TABLE orders.refused ENABLE ROW LEVEL SECURITY;

--
-- Name: collection scheduling; Type: POLICY; Schema: orders; Owner: -
--

CREATE POLICY scheduling ON orders.collection FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: purchase scheduling; Type: POLICY; Schema: orders; Owner: -
--

CREATE POLICY scheduling ON orders.purchase FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: automation; Type: ROW SECURITY; Schema: outreach; Owner: -
--

ALTER TABLE outreach.automation ENABLE ROW LEVEL SECURITY;

--
-- Name: bounce; Type: ROW SECURITY; Schema: outreach; Owner: -
--

ALTER TABLE outreach.bounce ENABLE ROW LEVEL SECURITY;

--
-- Name: campaign; Type: ROW SECURITY; Schema: outreach; Owner: -
--

ALTER TABLE outreach.campaign ENABLE ROW LEVEL SECURITY;

--
-- Name: consent; Type: ROW SECURITY; Schema: outreach; Owner: -
--

ALTER TABLE outreach.consent ENABLE ROW LEVEL SECURITY;

--
-- Name: contact; Type: ROW SECURITY; Schema: outreach; Owner: -
--

ALTER TABLE outreach.contact ENABLE ROW LEVEL SECURITY;

--
-- Name: goals; Type: ROW SECURITY; Schema: outreach; Owner: -
--

ALTER TABLE outreach.goals ENABLE ROW LEVEL SECURITY;

--
-- Name: hold; Type: ROW SECURITY; Schema: outreach; Owner: -
--

ALTER TABLE outreach.hold ENABLE ROW LEVEL SECURITY;

--
-- Name: message; Type: ROW SECURITY; Schema: outreach; Owner: -
--

ALTER TABLE outreach.message ENABLE ROW LEVEL SECURITY;

--
-- Name: automation org_isolation; Type: POLICY; Schema: outreach; Owner: -
--

CREATE POLICY org_isolation ON outreach.automation TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: bounce org_isolation; Type: POLICY; Schema: outreach; Owner: -
--

CREATE POLICY org_isolation ON outreach.bounce TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: campaign org_isolation; Type: POLICY; Schema: outreach; Owner: -
--

CREATE POLICY org_isolation ON outreach.campaign TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: consent org_isolation; Type: POLICY; Schema: outreach; Owner: -
--

CREATE POLICY org_isolation ON outreach.consent TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: contact org_isolation; Type: POLICY; Schema: outreach; Owner: -
--

CREATE POLICY org_isolation ON outreach.contact TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: goals org_isolation; Type: POLICY; Schema: outreach; Owner: -
--

CREATE POLICY org_isolation ON outreach.goals TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: hold org_isolation; Type: POLICY; Schema: outreach; Owner: -
--

CREATE POLICY org_isolation ON outreach.hold TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: message org_isolation; Type: POLICY; Schema: outreach; Owner: -
--

CREATE POLICY org_isolation ON outreach.message TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: product_event org_isolation; Type: POLICY; Schema: outreach; Owner: -
--

CREATE POLICY org_isolation ON outreach.product_event TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: run org_isolation; Type: POLICY; Schema: outreach; Owner: -
--

CREATE POLICY org_isolation ON outreach.run TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: step org_isolation; Type: POLICY; Schema: outreach; Owner: -
--

CREATE POLICY org_isolation ON outreach.step TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: stopped org_isolation; Type: POLICY; Schema: outreach; Owner: -
--

CREATE POLICY org_isolation ON outreach.stopped TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: template org_isolation; Type: POLICY; Schema: outreach; Owner: -
--

CREATE POLICY org_isolation ON outreach.template TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: product_event; Type: ROW SECURITY; Schema: outreach; Owner: -
--

ALTER TABLE outreach.product_event ENABLE ROW LEVEL SECURITY;

--
-- Name: run; Type: ROW SECURITY; Schema: outreach; Owner: -
--

ALTER TABLE outreach.run ENABLE ROW LEVEL SECURITY;

--
-- Name: step scheduling; Type: POLICY; Schema: outreach; Owner: -
--

CREATE POLICY scheduling ON outreach.step FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: step; Type: ROW SECURITY; Schema: outreach; Owner: -
--

ALTER TABLE outreach.step ENABLE ROW LEVEL SECURITY;

--
-- Name: stopped; Type: ROW SECURITY; Schema: outreach; Owner: -
--

ALTER TABLE outreach.stopped ENABLE ROW LEVEL SECURITY;

--
-- Name: template; Type: ROW SECURITY; Schema: outreach; Owner: -
--

ALTER TABLE outreach.template ENABLE ROW LEVEL SECURITY;

--
-- Name: attempt; Type: ROW SECURITY; Schema: payments; Owner: -
--

ALTER TABLE payments.attempt ENABLE ROW LEVEL SECURITY;

--
-- Name: dunning_case; Type: ROW SECURITY; Schema: payments; Owner: -
--

ALTER TABLE payments.dunning_case ENABLE ROW LEVEL SECURITY;

--
-- Name: method; Type: ROW SECURITY; Schema: payments; Owner: -
--

ALTER TABLE payments.method ENABLE ROW LEVEL SECURITY;

--
-- Name: attempt org_isolation; Type: POLICY; Schema: payments; Owner: -
--

CREATE POLICY org_isolation ON payments.attempt TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: dunning_case org_isolation; Type: POLICY; Schema: payments; Owner: -
--

CREATE POLICY org_isolation ON payments.dunning_case TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: method org_isolation; Type: POLICY; Schema: payments; Owner: -
--

CREATE POLICY org_isolation ON payments.method TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: payer org_isolation; Type: POLICY; Schema: payments; Owner: -
--

CREATE POLICY org_isolation ON payments.payer TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: payment org_isolation; Type: POLICY; Schema: payments; Owner: -
--

CREATE POLICY org_isolation ON payments.payment TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: refund org_isolation; Type: POLICY; Schema: payments; Owner: -
--

CREATE POLICY org_isolation ON payments.refund TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: setup org_isolation; Type: POLICY; Schema: payments; Owner: -
--

CREATE POLICY org_isolation ON payments.setup TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: payer; Type: ROW SECURITY; Schema: payments; Owner: -
--

ALTER TABLE payments.payer ENABLE ROW LEVEL SECURITY;

--
-- Name: payment; Type: ROW SECURITY; Schema: payments; Owner: -
--

ALTER TABLE payments.payment ENABLE ROW LEVEL SECURITY;

--
-- Name: refund; Type: ROW SECURITY; Schema: payments; Owner: -
--

ALTER TABLE payments.refund ENABLE ROW LEVEL SECURITY;

--
-- Name: dunning_case scheduling; Type: POLICY; Schema: payments; Owner: -
--

CREATE POLICY scheduling ON payments.dunning_case FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: method scheduling; Type: POLICY; Schema: payments; Owner: -
--

CREATE POLICY scheduling ON payments.method FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: setup; Type: ROW SECURITY; Schema: payments; Owner: -
--

ALTER TABLE payments.setup ENABLE ROW LEVEL SECURITY;

--
-- Name: history; Type: ROW SECURITY; Schema: provisioning; Owner: -
--

ALTER TABLE provisioning.history ENABLE ROW LEVEL SECURITY;

--
-- Name: instance; Type: ROW SECURITY; Schema: provisioning; Owner: -
--

ALTER TABLE provisioning.instance ENABLE ROW LEVEL SECURITY;

--
-- Name: operation; Type: ROW SECURITY; Schema: provisioning; Owner: -
--

ALTER TABLE provisioning.operation ENABLE ROW LEVEL SECURITY;

--
-- Name: history org_isolation; Type: POLICY; Schema: provisioning; Owner: -
--

CREATE POLICY org_isolation ON provisioning.history TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: instance org_isolation; Type: POLICY; Schema: provisioning; Owner: -
--

CREATE POLICY org_isolation ON provisioning.instance TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: operation org_isolation; Type: POLICY; Schema: provisioning; Owner: -
--

CREATE POLICY org_isolation ON provisioning.operation TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: instance scheduling; Type: POLICY; Schema: provisioning; Owner: -
--

CREATE POLICY scheduling ON provisioning.instance FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: break; Type: ROW SECURITY; Schema: reconciliation; Owner: -
--

ALTER TABLE reconciliation.break ENABLE ROW LEVEL SECURITY;

--
-- Name: case; Type: ROW SECURITY; Schema: reconciliation; Owner: -
--

ALTER TABLE reconciliation."case" ENABLE ROW LEVEL SECURITY;

--
-- Name: daily; Type: ROW SECURITY; Schema: reconciliation; Owner: -
--

ALTER TABLE reconciliation.daily ENABLE ROW LEVEL SECURITY;

--
-- Name: line; Type: ROW SECURITY; Schema: reconciliation; Owner: -
--

ALTER TABLE reconciliation.line ENABLE ROW LEVEL SECURITY;

--
-- Name: break org_isolation; Type: POLICY; Schema: reconciliation; Owner: -
--

CREATE POLICY org_isolation ON reconciliation.break TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: case org_isolation; Type: POLICY; Schema: reconciliation; Owner: -
--

CREATE POLICY org_isolation ON reconciliation."case" TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: daily org_isolation; Type: POLICY; Schema: reconciliation; Owner: -
--

CREATE POLICY org_isolation ON reconciliation.daily TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: line org_isolation; Type: POLICY; Schema: reconciliation; Owner: -
--

CREATE POLICY org_isolation ON reconciliation.line TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: run org_isolation; Type: POLICY; Schema: reconciliation; Owner: -
--

CREATE POLICY org_isolation ON reconciliation.run TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: statement org_isolation; Type: POLICY; Schema: reconciliation; Owner: -
--

CREATE POLICY org_isolation ON reconciliation.statement TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: terms org_isolation; Type: POLICY; Schema: reconciliation; Owner: -
--

CREATE POLICY org_isolation ON reconciliation.terms TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: run; Type: ROW SECURITY; Schema: reconciliation; Owner: -
--

ALTER TABLE reconciliation.run ENABLE ROW LEVEL SECURITY;

--
-- Name: daily scheduling; Type: POLICY; Schema: reconciliation; Owner: -
--

CREATE POLICY scheduling ON reconciliation.daily FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: statement; Type: ROW SECURITY; Schema: reconciliation; Owner: -
--

ALTER TABLE reconciliation.statement ENABLE ROW LEVEL SECURITY;

--
-- Name: terms; Type: ROW SECURITY; Schema: reconciliation; Owner: -
--

ALTER TABLE reconciliation.terms ENABLE ROW LEVEL SECURITY;

--
-- Name: file; Type: ROW SECURITY; Schema: relations; Owner: -
--

ALTER TABLE relations.file ENABLE ROW LEVEL SECURITY;

--
-- Name: note; Type: ROW SECURITY; Schema: relations; Owner: -
--

ALTER TABLE relations.note ENABLE ROW LEVEL SECURITY;

--
-- Name: file org_isolation; Type: POLICY; Schema: relations; Owner: -
--

CREATE POLICY org_isolation ON relations.file TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: note org_isolation; Type: POLICY; Schema: relations; Owner: -
--

CREATE POLICY org_isolation ON relations.note TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: owner org_isolation; Type: POLICY; Schema: relations; Owner: -
--

CREATE POLICY org_isolation ON relations.owner TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: segment org_isolation; Type: POLICY; Schema: relations; Owner: -
--

CREATE POLICY org_isolation ON relations.segment TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: step_mode org_isolation; Type: POLICY; Schema: relations; Owner: -
--

CREATE POLICY org_isolation ON relations.step_mode TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: tag org_isolation; Type: POLICY; Schema: relations; Owner: -
--

CREATE POLICY org_isolation ON relations.tag TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: task org_isolation; Type: POLICY; Schema: relations; Owner: -
--

CREATE POLICY org_isolation ON relations.task TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: todo org_isolation; Type: POLICY; Schema: relations; Owner: -
--

CREATE POLICY org_isolation ON relations.todo TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: owner; Type: ROW SECURITY; Schema: relations; Owner: -
--

ALTER TABLE relations.owner ENABLE ROW LEVEL SECURITY;

--
-- Name: segment; Type: ROW SECURITY; Schema: relations; Owner: -
--

ALTER TABLE relations.segment ENABLE ROW LEVEL SECURITY;

--
-- Name: step_mode; Type: ROW SECURITY; Schema: relations; Owner: -
--

ALTER TABLE relations.step_mode ENABLE ROW LEVEL SECURITY;

--
-- Name: tag; Type: ROW SECURITY; Schema: relations; Owner: -
--

ALTER TABLE relations.tag ENABLE ROW LEVEL SECURITY;

--
-- Name: task; Type: ROW SECURITY; Schema: relations; Owner: -
--

ALTER TABLE relations.task ENABLE ROW LEVEL SECURITY;

--
-- Name: todo; Type: ROW SECURITY; Schema: relations; Owner: -
--

ALTER TABLE relations.todo ENABLE ROW LEVEL SECURITY;

--
-- Name: change; Type: ROW SECURITY; Schema: reports; Owner: -
--

ALTER TABLE reports.change ENABLE ROW LEVEL SECURITY;

--
-- Name: daily; Type: ROW SECURITY; Schema: reports; Owner: -
--

ALTER TABLE reports.daily ENABLE ROW LEVEL SECURITY;

--
-- Name: change org_isolation; Type: POLICY; Schema: reports; Owner: -
--

CREATE POLICY org_isolation ON reports.change TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: daily org_isolation; Type: POLICY; Schema: reports; Owner: -
--

CREATE POLICY org_isolation ON reports.daily TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: change scheduling; Type: POLICY; Schema: reports; Owner: -
--

CREATE POLICY scheduling ON reports.change FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: batch; Type: ROW SECURITY; Schema: settlement; Owner: -
--

ALTER TABLE settlement.batch ENABLE ROW LEVEL SECURITY;

--
-- Name: channel_pause; Type: ROW SECURITY; Schema: settlement; Owner: -
--

ALTER TABLE settlement.channel_pause ENABLE ROW LEVEL SECURITY;

--
-- Name: funding; Type: ROW SECURITY; Schema: settlement; Owner: -
--

ALTER TABLE settlement.funding ENABLE ROW LEVEL SECURITY;

--
-- Name: holiday; Type: ROW SECURITY; Schema: settlement; Owner: -
--

ALTER TABLE settlement.holiday ENABLE ROW LEVEL SECURITY;

--
-- Name: merchant_pause; Type: ROW SECURITY; Schema: settlement; Owner: -
--

ALTER TABLE settlement.merchant_pause ENABLE ROW LEVEL SECURITY;

--
-- Name: batch org_isolation; Type: POLICY; Schema: settlement; Owner: -
--

CREATE POLICY org_isolation ON settlement.batch TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: channel_pause org_isolation; Type: POLICY; Schema: settlement; Owner: -
--

CREATE POLICY org_isolation ON settlement.channel_pause TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: funding org_isolation; Type: POLICY; Schema: settlement; Owner: -
--

CREATE POLICY org_isolation ON settlement.funding TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: holiday org_isolation; Type: POLICY; Schema: settlement; Owner: -
--

CREATE POLICY org_isolation ON settlement.holiday TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: merchant_pause org_isolation; Type: POLICY; Schema: settlement; Owner: -
--

CREATE POLICY org_isolation ON settlement.merchant_pause TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: payout org_isolation; Type: POLICY; Schema: settlement; Owner: -
--

CREATE POLICY org_isolation ON settlement.payout TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: schedule org_isolation; Type: POLICY; Schema: settlement; Owner: -
--

CREATE POLICY org_isolation ON settlement.schedule TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: standing org_isolation; Type: POLICY; Schema: settlement; Owner: -
--

CREATE POLICY org_isolation ON settlement.standing TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: suspense org_isolation; Type: POLICY; Schema: settlement; Owner: -
--

CREATE POLICY org_isolation ON settlement.suspense TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: payout; Type: ROW SECURITY; Schema: settlement; Owner: -
--

ALTER TABLE settlement.payout ENABLE ROW LEVEL SECURITY;

--
-- Name: schedule; Type: ROW SECURITY; Schema: settlement; Owner: -
--

ALTER TABLE settlement.schedule ENABLE ROW LEVEL SECURITY;

--
-- Name: standing scheduling; Type: POLICY; Schema: settlement; Owner: -
--

CREATE POLICY scheduling ON settlement.standing FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: standing; Type: ROW SECURITY; Schema: settlement; Owner: -
--

ALTER TABLE settlement.standing ENABLE ROW LEVEL SECURITY;

--
-- Name: suspense; Type: ROW SECURITY; Schema: settlement; Owner: -
--

ALTER TABLE settlement.suspense ENABLE ROW LEVEL SECURITY;

--
-- Name: allocation; Type: ROW SECURITY; Schema: splits; Owner: -
--

ALTER TABLE splits.allocation ENABLE ROW LEVEL SECURITY;

--
-- Name: kept_part; Type: ROW SECURITY; Schema: splits; Owner: -
--

ALTER TABLE splits.kept_part ENABLE ROW LEVEL SECURITY;

--
-- Name: allocation org_isolation; Type: POLICY; Schema: splits; Owner: -
--

CREATE POLICY org_isolation ON splits.allocation TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: kept_part org_isolation; Type: POLICY; Schema: splits; Owner: -
--

CREATE POLICY org_isolation ON splits.kept_part TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: reversal org_isolation; Type: POLICY; Schema: splits; Owner: -
--

CREATE POLICY org_isolation ON splits.reversal TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: rule org_isolation; Type: POLICY; Schema: splits; Owner: -
--

CREATE POLICY org_isolation ON splits.rule TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: split org_isolation; Type: POLICY; Schema: splits; Owner: -
--

CREATE POLICY org_isolation ON splits.split TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: reversal; Type: ROW SECURITY; Schema: splits; Owner: -
--

ALTER TABLE splits.reversal ENABLE ROW LEVEL SECURITY;

--
-- Name: rule; Type: ROW SECURITY; Schema: splits; Owner: -
--

ALTER TABLE splits.rule ENABLE ROW LEVEL SECURITY;

--
-- Name: split; Type: ROW SECURITY; Schema: splits; Owner: -
--

ALTER TABLE splits.split ENABLE ROW LEVEL SECURITY;

--
-- Name: audit; Type: ROW SECURITY; Schema: storage; Owner: -
--

ALTER TABLE storage.audit ENABLE ROW LEVEL SECURITY;

--
-- Name: clock_advance; Type: ROW SECURITY; Schema: storage; Owner: -
--

ALTER TABLE storage.clock_advance ENABLE ROW LEVEL SECURITY;

--
-- Name: event; Type: ROW SECURITY; Schema: storage; Owner: -
--

ALTER TABLE storage.event ENABLE ROW LEVEL SECURITY;

--
-- Name: idempotency; Type: ROW SECURITY; Schema: storage; Owner: -
--

ALTER TABLE storage.idempotency ENABLE ROW LEVEL SECURITY;

--
-- Name: job; Type: ROW SECURITY; Schema: storage; Owner: -
--

ALTER TABLE storage.job ENABLE ROW LEVEL SECURITY;

--
-- Name: audit org_isolation; Type: POLICY; Schema: storage; Owner: -
--

CREATE POLICY org_isolation ON storage.audit TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: clock_advance org_isolation; Type: POLICY; Schema: storage; Owner: -
--

CREATE POLICY org_isolation ON storage.clock_advance TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: event org_isolation; Type: POLICY; Schema: storage; Owner: -
--

CREATE POLICY org_isolation ON storage.event TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: idempotency org_isolation; Type: POLICY; Schema: storage; Owner: -
--

CREATE POLICY org_isolation ON storage.idempotency TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: job org_isolation; Type: POLICY; Schema: storage; Owner: -
--

CREATE POLICY org_isolation ON storage.job TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: parked org_isolation; Type: POLICY; Schema: storage; Owner: -
--

CREATE POLICY org_isolation ON storage.parked TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: sealed org_isolation; Type: POLICY; Schema: storage; Owner: -
--

CREATE POLICY org_isolation ON storage.sealed TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: unrelayed org_isolation; Type: POLICY; Schema: storage; Owner: -
--

CREATE POLICY org_isolation ON storage.unrelayed TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: parked; Type: ROW SECURITY; Schema: storage; Owner: -
--

ALTER TABLE storage.parked ENABLE ROW LEVEL SECURITY;

--
-- Name: clock_advance scheduling; Type: POLICY; Schema: storage; Owner: -
--

CREATE POLICY scheduling ON storage.clock_advance FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: idempotency scheduling; Type: POLICY; Schema: storage; Owner: -
--

CREATE POLICY scheduling ON storage.idempotency FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: job scheduling; Type: POLICY; Schema: storage; Owner: -
--

CREATE POLICY scheduling ON storage.job FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: sealed scheduling; Type: POLICY; Schema: storage; Owner: -
--

CREATE POLICY scheduling ON storage.sealed FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: unrelayed scheduling; Type: POLICY; Schema: storage; Owner: -
--

CREATE POLICY scheduling ON storage.unrelayed FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: sealed; Type: ROW SECURITY; Schema: storage; Owner: -
--

ALTER TABLE storage.sealed ENABLE ROW LEVEL SECURITY;

--
-- Name: unrelayed; Type: ROW SECURITY; Schema: storage; Owner: -
--

ALTER TABLE storage.unrelayed ENABLE ROW LEVEL SECURITY;

--
-- Name: change; Type: ROW SECURITY; Schema: subscriptions; Owner: -
--

ALTER TABLE subscriptions.change ENABLE ROW LEVEL SECURITY;

--
-- Name: discount; Type: ROW SECURITY; Schema: subscriptions; Owner: -
--

ALTER TABLE subscriptions.discount ENABLE ROW LEVEL SECURITY;

--
-- Name: history; Type: ROW SECURITY; Schema: subscriptions; Owner: -
--

ALTER TABLE subscriptions.history ENABLE ROW LEVEL SECURITY;

--
-- Name: item; Type: ROW SECURITY; Schema: subscriptions; Owner: -
--

ALTER TABLE subscriptions.item ENABLE ROW LEVEL SECURITY;

--
-- Name: change org_isolation; Type: POLICY; Schema: subscriptions; Owner: -
--

CREATE POLICY org_isolation ON subscriptions.change TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: discount org_isolation; Type: POLICY; Schema: subscriptions; Owner: -
--

CREATE POLICY org_isolation ON subscriptions.discount TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: history org_isolation; Type: POLICY; Schema: subscriptions; Owner: -
--

CREATE POLICY org_isolation ON subscriptions.history TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: item org_isolation; Type: POLICY; Schema: subscriptions; Owner: -
--

CREATE POLICY org_isolation ON subscriptions.item TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: subscription org_isolation; Type: POLICY; Schema: subscriptions; Owner: -
--

CREATE POLICY org_isolation ON subscriptions.subscription TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: timer org_isolation; Type: POLICY; Schema: subscriptions; Owner: -
--

CREATE POLICY org_isolation ON subscriptions.timer TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: trial_use org_isolation; Type: POLICY; Schema: subscriptions; Owner: -
--

CREATE POLICY org_isolation ON subscriptions.trial_use TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: change scheduling; Type: POLICY; Schema: subscriptions; Owner: -
--

CREATE POLICY scheduling ON subscriptions.change FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: subscription scheduling; Type: POLICY; Schema: subscriptions; Owner: -
--

CREATE POLICY scheduling ON subscriptions.subscription FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: timer scheduling; Type: POLICY; Schema: subscriptions; Owner: -
--

CREATE POLICY scheduling ON subscriptions.timer FOR SELECT TO cauce_scheduler USING (true);


--
-- Name: subscription; Type: ROW SECURITY; Schema: subscriptions; Owner: -
--

ALTER TABLE subscriptions.subscription ENABLE ROW LEVEL SECURITY;

--
-- Name: timer; Type: ROW SECURITY; Schema: subscriptions; Owner: -
--

ALTER TABLE subscriptions.timer ENABLE ROW LEVEL SECURITY;

--
-- Name: trial_use; Type: ROW SECURITY; Schema: subscriptions; Owner: -
--

ALTER TABLE subscriptions.trial_use ENABLE ROW LEVEL SECURITY;

--
-- Name: alert; Type: ROW SECURITY; Schema: usage; Owner: -
--

ALTER TABLE usage.alert ENABLE ROW LEVEL SECURITY;

--
-- Name: correction; Type: ROW SECURITY; Schema: usage; Owner: -
--

ALTER TABLE usage.correction ENABLE ROW LEVEL SECURITY;

--
-- Name: distinct_value; Type: ROW SECURITY; Schema: usage; Owner: -
--

ALTER TABLE usage.distinct_value ENABLE ROW LEVEL SECURITY;

--
-- Name: event; Type: ROW SECURITY; Schema: usage; Owner: -
--

ALTER TABLE usage.event ENABLE ROW LEVEL SECURITY;

--
-- Name: event_key; Type: ROW SECURITY; Schema: usage; Owner: -
--

ALTER TABLE usage.event_key ENABLE ROW LEVEL SECURITY;

--
-- Name: event_rest; Type: ROW SECURITY; Schema: usage; Owner: -
--

ALTER TABLE usage.event_rest ENABLE ROW LEVEL SECURITY;

--
-- Name: late; Type: ROW SECURITY; Schema: usage; Owner: -
--

ALTER TABLE usage.late ENABLE ROW LEVEL SECURITY;

--
-- Name: meter; Type: ROW SECURITY; Schema: usage; Owner: -
--

ALTER TABLE usage.meter ENABLE ROW LEVEL SECURITY;

--
-- Name: alert org_isolation; Type: POLICY; Schema: usage; Owner: -
--

CREATE POLICY org_isolation ON usage.alert TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: correction org_isolation; Type: POLICY; Schema: usage; Owner: -
--

CREATE POLICY org_isolation ON usage.correction TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: distinct_value org_isolation; Type: POLICY; Schema: usage; Owner: -
--

CREATE POLICY org_isolation ON usage.distinct_value TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: event org_isolation; Type: POLICY; Schema: usage; Owner: -
--

CREATE POLICY org_isolation ON usage.event TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: event_key org_isolation; Type: POLICY; Schema: usage; Owner: -
--

CREATE POLICY org_isolation ON usage.event_key TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: event_rest org_isolation; Type: POLICY; Schema: usage; Owner: -
--

CREATE POLICY org_isolation ON usage.event_rest TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: late org_isolation; Type: POLICY; Schema: usage; Owner: -
--

CREATE POLICY org_isolation ON usage.late TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: meter org_isolation; Type: POLICY; Schema: usage; Owner: -
--

CREATE POLICY org_isolation ON usage.meter TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: rollup org_isolation; Type: POLICY; Schema: usage; Owner: -
--

CREATE POLICY org_isolation ON usage.rollup TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: rollup; Type: ROW SECURITY; Schema: usage; Owner: -
--

ALTER TABLE usage.rollup ENABLE ROW LEVEL SECURITY;

--
-- Name: delivery; Type: ROW SECURITY; Schema: webhooks; Owner: -
--

ALTER TABLE webhooks.delivery ENABLE ROW LEVEL SECURITY;

--
-- Name: endpoint; Type: ROW SECURITY; Schema: webhooks; Owner: -
--

ALTER TABLE webhooks.endpoint ENABLE ROW LEVEL SECURITY;

--
-- Name: delivery org_isolation; Type: POLICY; Schema: webhooks; Owner: -
--

CREATE POLICY org_isolation ON webhooks.delivery TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: endpoint org_isolation; Type: POLICY; Schema: webhooks; Owner: -
--

CREATE POLICY org_isolation ON webhooks.endpoint TO cauce_app, cauce_ledger USING ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[]))) WITH CHECK ((org_id = ANY (( SELECT storage.orgs() AS orgs)::bigint[])));


--
-- Name: SCHEMA catalog; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA catalog TO cauce_app;
GRANT USAGE ON SCHEMA catalog TO cauce_scheduler;
GRANT USAGE ON SCHEMA catalog TO cauce_ledger;


--
-- Name: SCHEMA channels; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA channels TO cauce_app;
GRANT USAGE ON SCHEMA channels TO cauce_scheduler;
GRANT USAGE ON SCHEMA channels TO cauce_ledger;


--
-- Name: SCHEMA compliance; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA compliance TO cauce_app;
GRANT USAGE ON SCHEMA compliance TO cauce_scheduler;
GRANT USAGE ON SCHEMA compliance TO cauce_ledger;


--
-- Name: SCHEMA conversations; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA conversations TO cauce_app;
GRANT USAGE ON SCHEMA conversations TO cauce_scheduler;


--
-- Name: SCHEMA customers; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA customers TO cauce_app;
GRANT USAGE ON SCHEMA customers TO cauce_scheduler;
GRANT USAGE ON SCHEMA customers TO cauce_ledger;


--
-- Name: SCHEMA directory; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA directory TO cauce_app;
GRANT USAGE ON SCHEMA directory TO cauce_scheduler;
GRANT USAGE ON SCHEMA directory TO cauce_ledger;


--
-- Name: SCHEMA entitlements; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA entitlements TO cauce_app;
GRANT USAGE ON SCHEMA entitlements TO cauce_scheduler;
GRANT USAGE ON SCHEMA entitlements TO cauce_ledger;


--
-- Name: SCHEMA invoicing; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA invoicing TO cauce_app;
GRANT USAGE ON SCHEMA invoicing TO cauce_scheduler;
GRANT USAGE ON SCHEMA invoicing TO cauce_ledger;


--
-- Name: SCHEMA ledger; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA ledger TO cauce_app;
GRANT USAGE ON SCHEMA ledger TO cauce_scheduler;
GRANT USAGE ON SCHEMA ledger TO cauce_ledger;


--
-- Name: SCHEMA merchants; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA merchants TO cauce_app;
GRANT USAGE ON SCHEMA merchants TO cauce_scheduler;
GRANT USAGE ON SCHEMA merchants TO cauce_ledger;


--
-- Name: SCHEMA orders; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA orders TO cauce_app;
GRANT USAGE ON SCHEMA orders TO cauce_scheduler;
GRANT USAGE ON SCHEMA orders TO cauce_ledger;


--
-- Name: SCHEMA outreach; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA outreach TO cauce_app;
GRANT USAGE ON SCHEMA outreach TO cauce_scheduler;


--
-- Name: SCHEMA payments; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA payments TO cauce_app;
GRANT USAGE ON SCHEMA payments TO cauce_scheduler;
GRANT USAGE ON SCHEMA payments TO cauce_ledger;


--
-- Name: SCHEMA provisioning; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA provisioning TO cauce_app;
GRANT USAGE ON SCHEMA provisioning TO cauce_scheduler;


--
-- Name: SCHEMA reconciliation; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA reconciliation TO cauce_app;
GRANT USAGE ON SCHEMA reconciliation TO cauce_scheduler;
GRANT USAGE ON SCHEMA reconciliation TO cauce_ledger;


--
-- Name: SCHEMA relations; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA relations TO cauce_app;


--
-- Name: SCHEMA reports; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA reports TO cauce_app;
GRANT USAGE ON SCHEMA reports TO cauce_scheduler;


--
-- Name: SCHEMA settlement; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA settlement TO cauce_app;
GRANT USAGE ON SCHEMA settlement TO cauce_scheduler;
GRANT USAGE ON SCHEMA settlement TO cauce_ledger;


--
-- Name: SCHEMA splits; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA splits TO cauce_app;
GRANT USAGE ON SCHEMA splits TO cauce_scheduler;
GRANT USAGE ON SCHEMA splits TO cauce_ledger;


--
-- Name: SCHEMA storage; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA storage TO cauce_app;
GRANT USAGE ON SCHEMA storage TO cauce_scheduler;
GRANT USAGE ON SCHEMA storage TO cauce_ledger;


--
-- Name: SCHEMA subscriptions; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA subscriptions TO cauce_app;
GRANT USAGE ON SCHEMA subscriptions TO cauce_scheduler;
GRANT USAGE ON SCHEMA subscriptions TO cauce_ledger;


--
-- Name: SCHEMA usage; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA usage TO cauce_app;
GRANT USAGE ON SCHEMA usage TO cauce_scheduler;
GRANT USAGE ON SCHEMA usage TO cauce_ledger;


--
-- Name: SCHEMA webhooks; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA webhooks TO cauce_app;
GRANT USAGE ON SCHEMA webhooks TO cauce_scheduler;


--
-- Name: FUNCTION check_changed_part(); Type: ACL; Schema: compliance; Owner: -
--

GRANT ALL ON FUNCTION compliance.check_changed_part() TO cauce_app;


--
-- Name: FUNCTION check_new_parts(); Type: ACL; Schema: compliance; Owner: -
--

GRANT ALL ON FUNCTION compliance.check_new_parts() TO cauce_app;


--
-- Name: FUNCTION check_parts(p_org bigint, p_collections text[], p_parties text[]); Type: ACL; Schema: compliance; Owner: -
--

GRANT ALL ON FUNCTION compliance.check_parts(p_org bigint, p_collections text[], p_parties text[]) TO cauce_app;


--
-- Name: TABLE journal; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.journal TO cauce_app;
GRANT SELECT,INSERT ON TABLE ledger.journal TO cauce_ledger;


--
-- Name: FUNCTION move_border(p_org bigint, p_book text, p_channel text); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.move_border(p_org bigint, p_book text, p_channel text) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.move_border(p_org bigint, p_book text, p_channel text) TO cauce_app;


--
-- Name: FUNCTION open_accounts(p_org bigint, p_books text[], p_channels text[], p_currencies text[], p_codes text[], p_owners text[], p_sides smallint[], p_floors bigint[]); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.open_accounts(p_org bigint, p_books text[], p_channels text[], p_currencies text[], p_codes text[], p_owners text[], p_sides smallint[], p_floors bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.open_accounts(p_org bigint, p_books text[], p_channels text[], p_currencies text[], p_codes text[], p_owners text[], p_sides smallint[], p_floors bigint[]) TO cauce_app;


--
-- Name: FUNCTION post(p_org bigint, p_accounts bigint[], p_kind smallint[], p_key text[], p_hash bigint[], p_recipe text[], p_reference text[], p_evidence text[], p_effective timestamp with time zone[], p_first_leg integer[], p_leg_count integer[], p_leg_item integer[], p_leg_no smallint[], p_leg_account integer[], p_leg_amount bigint[], p_link integer[], p_same_as integer[], p_reversed bigint[], p_item_reversed integer[], p_hold_keys text[], p_item_hold integer[], p_item_account integer[], p_item_amount bigint[], p_item_final boolean[], p_item_owner text[], p_item_expires timestamp with time zone[], OUT codes smallint[], OUT ids bigint[]); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.post(p_org bigint, p_accounts bigint[], p_kind smallint[], p_key text[], p_hash bigint[], p_recipe text[], p_reference text[], p_evidence text[], p_effective timestamp with time zone[], p_first_leg integer[], p_leg_count integer[], p_leg_item integer[], p_leg_no smallint[], p_leg_account integer[], p_leg_amount bigint[], p_link integer[], p_same_as integer[], p_reversed bigint[], p_item_reversed integer[], p_hold_keys text[], p_item_hold integer[], p_item_account integer[], p_item_amount bigint[], p_item_final boolean[], p_item_owner text[], p_item_expires timestamp with time zone[], OUT codes smallint[], OUT ids bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.post(p_org bigint, p_accounts bigint[], p_kind smallint[], p_key text[], p_hash bigint[], p_recipe text[], p_reference text[], p_evidence text[], p_effective timestamp with time zone[], p_first_leg integer[], p_leg_count integer[], p_leg_item integer[], p_leg_no smallint[], p_leg_account integer[], p_leg_amount bigint[], p_link integer[], p_same_as integer[], p_reversed bigint[], p_item_reversed integer[], p_hold_keys text[], p_item_hold integer[], p_item_account integer[], p_item_amount bigint[], p_item_final boolean[], p_item_owner text[], p_item_expires timestamp with time zone[], OUT codes smallint[], OUT ids bigint[]) TO cauce_app;


--
-- Name: FUNCTION seal_journals(p_org bigint, p_journals_max integer); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.seal_journals(p_org bigint, p_journals_max integer) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.seal_journals(p_org bigint, p_journals_max integer) TO cauce_app;


--
-- Name: FUNCTION make_month(p_day date); Type: ACL; Schema: usage; Owner: -
--

REVOKE ALL ON FUNCTION usage.make_month(p_day date) FROM PUBLIC;


--
-- Name: TABLE coupon; Type: ACL; Schema: catalog; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE catalog.coupon TO cauce_app;


--
-- Name: TABLE plan; Type: ACL; Schema: catalog; Owner: -
--

GRANT SELECT,INSERT ON TABLE catalog.plan TO cauce_app;


--
-- Name: COLUMN plan.name; Type: ACL; Schema: catalog; Owner: -
--

GRANT UPDATE(name) ON TABLE catalog.plan TO cauce_app;


--
-- Name: COLUMN plan.state; Type: ACL; Schema: catalog; Owner: -
--

GRANT UPDATE(state) ON TABLE catalog.plan TO cauce_app;


--
-- Name: COLUMN plan.metadata; Type: ACL; Schema: catalog; Owner: -
--

GRANT UPDATE(metadata) ON TABLE catalog.plan TO cauce_app;


--
-- Name: TABLE price; Type: ACL; Schema: catalog; Owner: -
--

GRANT SELECT,INSERT ON TABLE catalog.price TO cauce_app;


--
-- Name: COLUMN price.nickname; Type: ACL; Schema: catalog; Owner: -
--

GRANT UPDATE(nickname) ON TABLE catalog.price TO cauce_app;


--
-- Name: COLUMN price.metadata; Type: ACL; Schema: catalog; Owner: -
--

GRANT UPDATE(metadata) ON TABLE catalog.price TO cauce_app;


--
-- Name: COLUMN price.archived_at; Type: ACL; Schema: catalog; Owner: -
--

GRANT UPDATE(archived_at) ON TABLE catalog.price TO cauce_app;


--
-- Name: TABLE product; Type: ACL; Schema: catalog; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE catalog.product TO cauce_app;


--
-- Name: TABLE tax_rate; Type: ACL; Schema: catalog; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE catalog.tax_rate TO cauce_app;


--
-- Name: TABLE channel; Type: ACL; Schema: channels; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE channels.channel TO cauce_app;


--
-- Name: TABLE exchange; Type: ACL; Schema: channels; Owner: -
--

GRANT SELECT,INSERT ON TABLE channels.exchange TO cauce_app;


--
-- Name: TABLE instruction; Type: ACL; Schema: channels; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE channels.instruction TO cauce_app;


--
-- Name: COLUMN instruction.org_id; Type: ACL; Schema: channels; Owner: -
--

GRANT SELECT(org_id) ON TABLE channels.instruction TO cauce_scheduler;


--
-- Name: COLUMN instruction.due_at; Type: ACL; Schema: channels; Owner: -
--

GRANT SELECT(due_at) ON TABLE channels.instruction TO cauce_scheduler;


--
-- Name: TABLE line; Type: ACL; Schema: channels; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE channels.line TO cauce_app;


--
-- Name: TABLE listing; Type: ACL; Schema: channels; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE channels.listing TO cauce_app;


--
-- Name: COLUMN listing.org_id; Type: ACL; Schema: channels; Owner: -
--

GRANT SELECT(org_id) ON TABLE channels.listing TO cauce_scheduler;


--
-- Name: COLUMN listing.due_at; Type: ACL; Schema: channels; Owner: -
--

GRANT SELECT(due_at) ON TABLE channels.listing TO cauce_scheduler;


--
-- Name: TABLE notice; Type: ACL; Schema: channels; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE channels.notice TO cauce_app;


--
-- Name: TABLE stop; Type: ACL; Schema: channels; Owner: -
--

GRANT SELECT,INSERT,DELETE ON TABLE channels.stop TO cauce_app;


--
-- Name: TABLE fee_rate; Type: ACL; Schema: compliance; Owner: -
--

GRANT SELECT,INSERT ON TABLE compliance.fee_rate TO cauce_app;


--
-- Name: TABLE fee_rate_draft; Type: ACL; Schema: compliance; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE compliance.fee_rate_draft TO cauce_app;


--
-- Name: TABLE licence; Type: ACL; Schema: compliance; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE compliance.licence TO cauce_app;


--
-- Name: COLUMN licence.org_id; Type: ACL; Schema: compliance; Owner: -
--

GRANT SELECT(org_id) ON TABLE compliance.licence TO cauce_scheduler;


--
-- Name: COLUMN licence.due_at; Type: ACL; Schema: compliance; Owner: -
--

GRANT SELECT(due_at) ON TABLE compliance.licence TO cauce_scheduler;


--
-- Name: TABLE self_check; Type: ACL; Schema: compliance; Owner: -
--

GRANT SELECT,INSERT ON TABLE compliance.self_check TO cauce_app;


--
-- Name: TABLE conversation; Type: ACL; Schema: conversations; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE conversations.conversation TO cauce_app;


--
-- Name: TABLE message; Type: ACL; Schema: conversations; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE conversations.message TO cauce_app;


--
-- Name: TABLE saved_reply; Type: ACL; Schema: conversations; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE conversations.saved_reply TO cauce_app;


--
-- Name: TABLE credit_grant; Type: ACL; Schema: customers; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE customers.credit_grant TO cauce_app;


--
-- Name: COLUMN credit_grant.org_id; Type: ACL; Schema: customers; Owner: -
--

GRANT SELECT(org_id) ON TABLE customers.credit_grant TO cauce_scheduler;


--
-- Name: COLUMN credit_grant.due_at; Type: ACL; Schema: customers; Owner: -
--

GRANT SELECT(due_at) ON TABLE customers.credit_grant TO cauce_scheduler;


--
-- Name: TABLE customer; Type: ACL; Schema: customers; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE customers.customer TO cauce_app;


--
-- Name: TABLE grant_use; Type: ACL; Schema: customers; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE customers.grant_use TO cauce_app;


--
-- Name: TABLE member; Type: ACL; Schema: customers; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE customers.member TO cauce_app;


--
-- Name: TABLE token; Type: ACL; Schema: customers; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE customers.token TO cauce_app;


--
-- Name: TABLE wallet; Type: ACL; Schema: customers; Owner: -
--

GRANT SELECT,INSERT ON TABLE customers.wallet TO cauce_app;


--
-- Name: TABLE api_key; Type: ACL; Schema: directory; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE directory.api_key TO cauce_app;


--
-- Name: TABLE inbound_route; Type: ACL; Schema: directory; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE directory.inbound_route TO cauce_app;


--
-- Name: TABLE membership; Type: ACL; Schema: directory; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE directory.membership TO cauce_app;


--
-- Name: TABLE migration; Type: ACL; Schema: directory; Owner: -
--

GRANT SELECT ON TABLE directory.migration TO cauce_app;


--
-- Name: TABLE org; Type: ACL; Schema: directory; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE directory.org TO cauce_app;


--
-- Name: COLUMN org.id; Type: ACL; Schema: directory; Owner: -
--

GRANT SELECT(id) ON TABLE directory.org TO cauce_scheduler;


--
-- Name: COLUMN org.mode; Type: ACL; Schema: directory; Owner: -
--

GRANT SELECT(mode) ON TABLE directory.org TO cauce_scheduler;


--
-- Name: COLUMN org.clock_frozen_at; Type: ACL; Schema: directory; Owner: -
--

GRANT SELECT(clock_frozen_at) ON TABLE directory.org TO cauce_scheduler;


--
-- Name: COLUMN org.clock_offset_seconds; Type: ACL; Schema: directory; Owner: -
--

GRANT SELECT(clock_offset_seconds) ON TABLE directory.org TO cauce_scheduler;


--
-- Name: TABLE person; Type: ACL; Schema: directory; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE directory.person TO cauce_app;


--
-- Name: TABLE session; Type: ACL; Schema: directory; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE directory.session TO cauce_app;


--
-- Name: TABLE sign_in_link; Type: ACL; Schema: directory; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE directory.sign_in_link TO cauce_app;


--
-- Name: TABLE access; Type: ACL; Schema: entitlements; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE entitlements.access TO cauce_app;


--
-- Name: TABLE hand_grant; Type: ACL; Schema: entitlements; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE entitlements.hand_grant TO cauce_app;


--
-- Name: COLUMN hand_grant.org_id; Type: ACL; Schema: entitlements; Owner: -
--

GRANT SELECT(org_id) ON TABLE entitlements.hand_grant TO cauce_scheduler;


--
-- Name: COLUMN hand_grant.due_at; Type: ACL; Schema: entitlements; Owner: -
--

GRANT SELECT(due_at) ON TABLE entitlements.hand_grant TO cauce_scheduler;


--
-- Name: TABLE credit_note; Type: ACL; Schema: invoicing; Owner: -
--

GRANT SELECT,INSERT ON TABLE invoicing.credit_note TO cauce_app;


--
-- Name: COLUMN credit_note.voided_at; Type: ACL; Schema: invoicing; Owner: -
--

GRANT UPDATE(voided_at) ON TABLE invoicing.credit_note TO cauce_app;


--
-- Name: COLUMN credit_note.void_reason; Type: ACL; Schema: invoicing; Owner: -
--

GRANT UPDATE(void_reason) ON TABLE invoicing.credit_note TO cauce_app;


--
-- Name: TABLE invoice; Type: ACL; Schema: invoicing; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE invoicing.invoice TO cauce_app;


--
-- Name: COLUMN invoice.org_id; Type: ACL; Schema: invoicing; Owner: -
--

GRANT SELECT(org_id) ON TABLE invoicing.invoice TO cauce_scheduler;


--
-- Name: COLUMN invoice.due_at; Type: ACL; Schema: invoicing; Owner: -
--

GRANT SELECT(due_at) ON TABLE invoicing.invoice TO cauce_scheduler;


--
-- Name: COLUMN invoice.notice_at; Type: ACL; Schema: invoicing; Owner: -
--

GRANT SELECT(notice_at) ON TABLE invoicing.invoice TO cauce_scheduler;


--
-- Name: TABLE line; Type: ACL; Schema: invoicing; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE invoicing.line TO cauce_app;


--
-- Name: TABLE pending_line; Type: ACL; Schema: invoicing; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE invoicing.pending_line TO cauce_app;


--
-- Name: TABLE series; Type: ACL; Schema: invoicing; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE invoicing.series TO cauce_app;


--
-- Name: TABLE account; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.account TO cauce_app;
GRANT SELECT,INSERT,UPDATE ON TABLE ledger.account TO cauce_ledger;


--
-- Name: TABLE book_rate; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT,INSERT ON TABLE ledger.book_rate TO cauce_app;


--
-- Name: TABLE entry; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.entry TO cauce_app;
GRANT SELECT,INSERT ON TABLE ledger.entry TO cauce_ledger;


--
-- Name: TABLE hold; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.hold TO cauce_app;
GRANT SELECT,INSERT,UPDATE ON TABLE ledger.hold TO cauce_ledger;


--
-- Name: COLUMN hold.org_id; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT(org_id) ON TABLE ledger.hold TO cauce_scheduler;


--
-- Name: COLUMN hold.due_at; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT(due_at) ON TABLE ledger.hold TO cauce_scheduler;
GRANT UPDATE(due_at) ON TABLE ledger.hold TO cauce_app;


--
-- Name: SEQUENCE journal_id; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT,USAGE ON SEQUENCE ledger.journal_id TO cauce_ledger;
GRANT SELECT ON SEQUENCE ledger.journal_id TO cauce_app;


--
-- Name: TABLE month; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE ledger.month TO cauce_app;
GRANT SELECT ON TABLE ledger.month TO cauce_ledger;


--
-- Name: TABLE pool; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.pool TO cauce_app;
GRANT SELECT,INSERT,UPDATE ON TABLE ledger.pool TO cauce_ledger;


--
-- Name: TABLE reversal; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.reversal TO cauce_app;
GRANT SELECT,INSERT ON TABLE ledger.reversal TO cauce_ledger;


--
-- Name: TABLE seal; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.seal TO cauce_app;
GRANT SELECT,INSERT ON TABLE ledger.seal TO cauce_ledger;


--
-- Name: TABLE seal_mark; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.seal_mark TO cauce_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE ledger.seal_mark TO cauce_ledger;


--
-- Name: TABLE account; Type: ACL; Schema: merchants; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE merchants.account TO cauce_app;


--
-- Name: TABLE instrument; Type: ACL; Schema: merchants; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE merchants.instrument TO cauce_app;


--
-- Name: TABLE merchant; Type: ACL; Schema: merchants; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE merchants.merchant TO cauce_app;


--
-- Name: TABLE collection; Type: ACL; Schema: orders; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE orders.collection TO cauce_app;


--
-- Name: COLUMN collection.org_id; Type: ACL; Schema: orders; Owner: -
--

GRANT SELECT(org_id) ON TABLE orders.collection TO cauce_scheduler;


--
-- Name: COLUMN collection.due_at; Type: ACL; Schema: orders; Owner: -
--

GRANT SELECT(due_at) ON TABLE orders.collection TO cauce_scheduler;


--
-- Name: TABLE dispute; Type: ACL; Schema: orders; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE orders.dispute TO cauce_app;


--
-- Name: TABLE import; Type: ACL; Schema: orders; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE orders.import TO cauce_app;


--
-- Name: TABLE line; Type: ACL; Schema: orders; Owner: -
--

GRANT SELECT,INSERT ON TABLE orders.line TO cauce_app;


--
-- Name: TABLE party; Type: ACL; Schema: orders; Owner: -
--

GRANT SELECT,INSERT ON TABLE orders.party TO cauce_app;


--
-- Name: TABLE purchase; Type: ACL; Schema: orders; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE orders.purchase TO cauce_app;


--
-- Name: COLUMN purchase.org_id; Type: ACL; Schema: orders; Owner: -
--

GRANT SELECT(org_id) ON TABLE orders.purchase TO cauce_scheduler;


--
-- Name: COLUMN purchase.due_at; Type: ACL; Schema: orders; Owner: -
--

GRANT SELECT(due_at) ON TABLE orders.purchase TO cauce_scheduler;


--
-- Name: TABLE refund; Type: ACL; Schema: orders; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE orders.refund TO cauce_app;


--
-- Name: TABLE refund_line; Type: ACL; Schema: orders; Owner: -
--

GRANT SELECT,INSERT ON TABLE orders.refund_line TO cauce_app;


--
-- Name: TABLE refused; Type: ACL; Schema: orders; Owner: -
--

GRANT SELECT,INSERT,DELETE ON TABLE orders.refused TO cauce_app;


--
-- Name: TABLE automation; Type: ACL; Schema: outreach; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE outreach.automation TO cauce_app;


--
-- Name: TABLE bounce; Type: ACL; Schema: outreach; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE outreach.bounce TO cauce_app;


--
-- Name: TABLE campaign; Type: ACL; Schema: outreach; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE outreach.campaign TO cauce_app;


--
-- Name: TABLE consent; Type: ACL; Schema: outreach; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE outreach.consent TO cauce_app;


--
-- Name: TABLE contact; Type: ACL; Schema: outreach; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE outreach.contact TO cauce_app;


--
-- Name: TABLE goals; Type: ACL; Schema: outreach; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE outreach.goals TO cauce_app;


--
-- Name: TABLE hold; Type: ACL; Schema: outreach; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE outreach.hold TO cauce_app;


--
-- Name: TABLE message; Type: ACL; Schema: outreach; Owner: -
--

GRANT SELECT,INSERT ON TABLE outreach.message TO cauce_app;


--
-- Name: COLUMN message.channel; Type: ACL; Schema: outreach; Owner: -
--

GRANT UPDATE(channel) ON TABLE outreach.message TO cauce_app;


--
-- Name: COLUMN message.channel_id; Type: ACL; Schema: outreach; Owner: -
--

GRANT UPDATE(channel_id) ON TABLE outreach.message TO cauce_app;


--
-- Name: COLUMN message.to_address; Type: ACL; Schema: outreach; Owner: -
--

GRANT UPDATE(to_address) ON TABLE outreach.message TO cauce_app;


--
-- Name: COLUMN message.to_name; Type: ACL; Schema: outreach; Owner: -
--

GRANT UPDATE(to_name) ON TABLE outreach.message TO cauce_app;


--
-- Name: COLUMN message.data; Type: ACL; Schema: outreach; Owner: -
--

GRANT UPDATE(data) ON TABLE outreach.message TO cauce_app;


--
-- Name: COLUMN message.subject; Type: ACL; Schema: outreach; Owner: -
--

GRANT UPDATE(subject) ON TABLE outreach.message TO cauce_app;


--
-- Name: COLUMN message.body_text; Type: ACL; Schema: outreach; Owner: -
--

GRANT UPDATE(body_text) ON TABLE outreach.message TO cauce_app;


--
-- Name: COLUMN message.body_html; Type: ACL; Schema: outreach; Owner: -
--

GRANT UPDATE(body_html) ON TABLE outreach.message TO cauce_app;


--
-- Name: COLUMN message.state; Type: ACL; Schema: outreach; Owner: -
--

GRANT UPDATE(state) ON TABLE outreach.message TO cauce_app;


--
-- Name: COLUMN message.reason; Type: ACL; Schema: outreach; Owner: -
--

GRANT UPDATE(reason) ON TABLE outreach.message TO cauce_app;


--
-- Name: COLUMN message.ref; Type: ACL; Schema: outreach; Owner: -
--

GRANT UPDATE(ref) ON TABLE outreach.message TO cauce_app;


--
-- Name: COLUMN message.settled_at; Type: ACL; Schema: outreach; Owner: -
--

GRANT UPDATE(settled_at) ON TABLE outreach.message TO cauce_app;


--
-- Name: TABLE product_event; Type: ACL; Schema: outreach; Owner: -
--

GRANT SELECT,INSERT ON TABLE outreach.product_event TO cauce_app;


--
-- Name: TABLE run; Type: ACL; Schema: outreach; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE outreach.run TO cauce_app;


--
-- Name: TABLE step; Type: ACL; Schema: outreach; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE outreach.step TO cauce_app;


--
-- Name: COLUMN step.org_id; Type: ACL; Schema: outreach; Owner: -
--

GRANT SELECT(org_id) ON TABLE outreach.step TO cauce_scheduler;


--
-- Name: COLUMN step.due_at; Type: ACL; Schema: outreach; Owner: -
--

GRANT SELECT(due_at) ON TABLE outreach.step TO cauce_scheduler;


--
-- Name: TABLE stopped; Type: ACL; Schema: outreach; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE outreach.stopped TO cauce_app;


--
-- Name: TABLE template; Type: ACL; Schema: outreach; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE outreach.template TO cauce_app;


--
-- Name: TABLE attempt; Type: ACL; Schema: payments; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE payments.attempt TO cauce_app;


--
-- Name: TABLE dunning_case; Type: ACL; Schema: payments; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE payments.dunning_case TO cauce_app;


--
-- Name: COLUMN dunning_case.org_id; Type: ACL; Schema: payments; Owner: -
--

GRANT SELECT(org_id) ON TABLE payments.dunning_case TO cauce_scheduler;


--
-- Name: COLUMN dunning_case.due_at; Type: ACL; Schema: payments; Owner: -
--

GRANT SELECT(due_at) ON TABLE payments.dunning_case TO cauce_scheduler;


--
-- Name: COLUMN dunning_case.grace_at; Type: ACL; Schema: payments; Owner: -
--

GRANT SELECT(grace_at) ON TABLE payments.dunning_case TO cauce_scheduler;


--
-- Name: TABLE method; Type: ACL; Schema: payments; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE payments.method TO cauce_app;


--
-- Name: COLUMN method.org_id; Type: ACL; Schema: payments; Owner: -
--

GRANT SELECT(org_id) ON TABLE payments.method TO cauce_scheduler;


--
-- Name: COLUMN method.due_at; Type: ACL; Schema: payments; Owner: -
--

GRANT SELECT(due_at) ON TABLE payments.method TO cauce_scheduler;


--
-- Name: TABLE payer; Type: ACL; Schema: payments; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE payments.payer TO cauce_app;


--
-- Name: TABLE payment; Type: ACL; Schema: payments; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE payments.payment TO cauce_app;


--
-- Name: TABLE refund; Type: ACL; Schema: payments; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE payments.refund TO cauce_app;


--
-- Name: TABLE setup; Type: ACL; Schema: payments; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE payments.setup TO cauce_app;


--
-- Name: TABLE history; Type: ACL; Schema: provisioning; Owner: -
--

GRANT SELECT,INSERT ON TABLE provisioning.history TO cauce_app;


--
-- Name: TABLE instance; Type: ACL; Schema: provisioning; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE provisioning.instance TO cauce_app;


--
-- Name: COLUMN instance.org_id; Type: ACL; Schema: provisioning; Owner: -
--

GRANT SELECT(org_id) ON TABLE provisioning.instance TO cauce_scheduler;


--
-- Name: COLUMN instance.due_at; Type: ACL; Schema: provisioning; Owner: -
--

GRANT SELECT(due_at) ON TABLE provisioning.instance TO cauce_scheduler;


--
-- Name: TABLE operation; Type: ACL; Schema: provisioning; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE provisioning.operation TO cauce_app;


--
-- Name: TABLE break; Type: ACL; Schema: reconciliation; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE reconciliation.break TO cauce_app;


--
-- Name: TABLE "case"; Type: ACL; Schema: reconciliation; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE reconciliation."case" TO cauce_app;


--
-- Name: TABLE daily; Type: ACL; Schema: reconciliation; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE reconciliation.daily TO cauce_app;


--
-- Name: COLUMN daily.org_id; Type: ACL; Schema: reconciliation; Owner: -
--

GRANT SELECT(org_id) ON TABLE reconciliation.daily TO cauce_scheduler;


--
-- Name: COLUMN daily.due_at; Type: ACL; Schema: reconciliation; Owner: -
--

GRANT SELECT(due_at) ON TABLE reconciliation.daily TO cauce_scheduler;


--
-- Name: TABLE line; Type: ACL; Schema: reconciliation; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE reconciliation.line TO cauce_app;


--
-- Name: TABLE run; Type: ACL; Schema: reconciliation; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE reconciliation.run TO cauce_app;


--
-- Name: TABLE statement; Type: ACL; Schema: reconciliation; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE reconciliation.statement TO cauce_app;


--
-- Name: TABLE terms; Type: ACL; Schema: reconciliation; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE reconciliation.terms TO cauce_app;


--
-- Name: TABLE file; Type: ACL; Schema: relations; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE relations.file TO cauce_app;


--
-- Name: TABLE note; Type: ACL; Schema: relations; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE relations.note TO cauce_app;


--
-- Name: TABLE owner; Type: ACL; Schema: relations; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE relations.owner TO cauce_app;


--
-- Name: TABLE segment; Type: ACL; Schema: relations; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE relations.segment TO cauce_app;


--
-- Name: TABLE step_mode; Type: ACL; Schema: relations; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE relations.step_mode TO cauce_app;


--
-- Name: TABLE tag; Type: ACL; Schema: relations; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE relations.tag TO cauce_app;


--
-- Name: TABLE task; Type: ACL; Schema: relations; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE relations.task TO cauce_app;


--
-- Name: TABLE todo; Type: ACL; Schema: relations; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE relations.todo TO cauce_app;


--
-- Name: TABLE change; Type: ACL; Schema: reports; Owner: -
--

GRANT SELECT,INSERT,DELETE ON TABLE reports.change TO cauce_app;


--
-- Name: COLUMN change.org_id; Type: ACL; Schema: reports; Owner: -
--

GRANT SELECT(org_id) ON TABLE reports.change TO cauce_scheduler;


--
-- Name: COLUMN change.id; Type: ACL; Schema: reports; Owner: -
--

GRANT SELECT(id) ON TABLE reports.change TO cauce_scheduler;


--
-- Name: TABLE daily; Type: ACL; Schema: reports; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE reports.daily TO cauce_app;


--
-- Name: TABLE batch; Type: ACL; Schema: settlement; Owner: -
--

GRANT SELECT,INSERT ON TABLE settlement.batch TO cauce_app;


--
-- Name: TABLE channel_pause; Type: ACL; Schema: settlement; Owner: -
--

GRANT SELECT,INSERT,DELETE ON TABLE settlement.channel_pause TO cauce_app;


--
-- Name: TABLE funding; Type: ACL; Schema: settlement; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE settlement.funding TO cauce_app;


--
-- Name: TABLE holiday; Type: ACL; Schema: settlement; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE settlement.holiday TO cauce_app;


--
-- Name: TABLE merchant_pause; Type: ACL; Schema: settlement; Owner: -
--

GRANT SELECT,INSERT,DELETE ON TABLE settlement.merchant_pause TO cauce_app;


--
-- Name: TABLE payout; Type: ACL; Schema: settlement; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE settlement.payout TO cauce_app;


--
-- Name: TABLE schedule; Type: ACL; Schema: settlement; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE settlement.schedule TO cauce_app;


--
-- Name: TABLE standing; Type: ACL; Schema: settlement; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE settlement.standing TO cauce_app;


--
-- Name: COLUMN standing.org_id; Type: ACL; Schema: settlement; Owner: -
--

GRANT SELECT(org_id) ON TABLE settlement.standing TO cauce_scheduler;


--
-- Name: COLUMN standing.due_at; Type: ACL; Schema: settlement; Owner: -
--

GRANT SELECT(due_at) ON TABLE settlement.standing TO cauce_scheduler;


--
-- Name: TABLE suspense; Type: ACL; Schema: settlement; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE settlement.suspense TO cauce_app;


--
-- Name: TABLE allocation; Type: ACL; Schema: splits; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE splits.allocation TO cauce_app;


--
-- Name: TABLE kept_part; Type: ACL; Schema: splits; Owner: -
--

GRANT SELECT,INSERT ON TABLE splits.kept_part TO cauce_app;


--
-- Name: TABLE reversal; Type: ACL; Schema: splits; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE splits.reversal TO cauce_app;


--
-- Name: TABLE rule; Type: ACL; Schema: splits; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE splits.rule TO cauce_app;


--
-- Name: TABLE split; Type: ACL; Schema: splits; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE splits.split TO cauce_app;


--
-- Name: TABLE audit; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT,INSERT ON TABLE storage.audit TO cauce_app;


--
-- Name: TABLE clock_advance; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE storage.clock_advance TO cauce_app;


--
-- Name: COLUMN clock_advance.org_id; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT(org_id) ON TABLE storage.clock_advance TO cauce_scheduler;


--
-- Name: COLUMN clock_advance.done_at; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT(done_at) ON TABLE storage.clock_advance TO cauce_scheduler;


--
-- Name: TABLE event; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT,INSERT ON TABLE storage.event TO cauce_app;


--
-- Name: TABLE idempotency; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT,INSERT,DELETE ON TABLE storage.idempotency TO cauce_app;


--
-- Name: COLUMN idempotency.org_id; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT(org_id) ON TABLE storage.idempotency TO cauce_scheduler;


--
-- Name: COLUMN idempotency.status; Type: ACL; Schema: storage; Owner: -
--

GRANT UPDATE(status) ON TABLE storage.idempotency TO cauce_app;


--
-- Name: COLUMN idempotency.response; Type: ACL; Schema: storage; Owner: -
--

GRANT UPDATE(response) ON TABLE storage.idempotency TO cauce_app;


--
-- Name: COLUMN idempotency.keep; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT(keep) ON TABLE storage.idempotency TO cauce_scheduler;


--
-- Name: COLUMN idempotency.created_at; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT(created_at) ON TABLE storage.idempotency TO cauce_scheduler;


--
-- Name: TABLE job; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE storage.job TO cauce_app;


--
-- Name: COLUMN job.org_id; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT(org_id) ON TABLE storage.job TO cauce_scheduler;


--
-- Name: COLUMN job.kind; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT(kind) ON TABLE storage.job TO cauce_scheduler;


--
-- Name: COLUMN job.state; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT(state) ON TABLE storage.job TO cauce_scheduler;


--
-- Name: COLUMN job.try_at; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT(try_at) ON TABLE storage.job TO cauce_scheduler;


--
-- Name: COLUMN job.leased_until; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT(leased_until) ON TABLE storage.job TO cauce_scheduler;


--
-- Name: SEQUENCE lease_token; Type: ACL; Schema: storage; Owner: -
--

GRANT USAGE ON SEQUENCE storage.lease_token TO cauce_app;


--
-- Name: TABLE parked; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE storage.parked TO cauce_app;


--
-- Name: TABLE sealed; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE storage.sealed TO cauce_app;


--
-- Name: COLUMN sealed.org_id; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT(org_id) ON TABLE storage.sealed TO cauce_scheduler;


--
-- Name: COLUMN sealed.expires_at; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT(expires_at) ON TABLE storage.sealed TO cauce_scheduler;


--
-- Name: TABLE unrelayed; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT,INSERT,DELETE ON TABLE storage.unrelayed TO cauce_app;


--
-- Name: COLUMN unrelayed.org_id; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT(org_id) ON TABLE storage.unrelayed TO cauce_scheduler;


--
-- Name: COLUMN unrelayed.event_id; Type: ACL; Schema: storage; Owner: -
--

GRANT SELECT(event_id) ON TABLE storage.unrelayed TO cauce_scheduler;


--
-- Name: TABLE change; Type: ACL; Schema: subscriptions; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE subscriptions.change TO cauce_app;


--
-- Name: COLUMN change.org_id; Type: ACL; Schema: subscriptions; Owner: -
--

GRANT SELECT(org_id) ON TABLE subscriptions.change TO cauce_scheduler;


--
-- Name: COLUMN change.due_at; Type: ACL; Schema: subscriptions; Owner: -
--

GRANT SELECT(due_at) ON TABLE subscriptions.change TO cauce_scheduler;


--
-- Name: TABLE discount; Type: ACL; Schema: subscriptions; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE subscriptions.discount TO cauce_app;


--
-- Name: TABLE history; Type: ACL; Schema: subscriptions; Owner: -
--

GRANT SELECT,INSERT ON TABLE subscriptions.history TO cauce_app;


--
-- Name: TABLE item; Type: ACL; Schema: subscriptions; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE subscriptions.item TO cauce_app;


--
-- Name: TABLE subscription; Type: ACL; Schema: subscriptions; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE subscriptions.subscription TO cauce_app;


--
-- Name: COLUMN subscription.org_id; Type: ACL; Schema: subscriptions; Owner: -
--

GRANT SELECT(org_id) ON TABLE subscriptions.subscription TO cauce_scheduler;


--
-- Name: COLUMN subscription.due_kind; Type: ACL; Schema: subscriptions; Owner: -
--

GRANT SELECT(due_kind) ON TABLE subscriptions.subscription TO cauce_scheduler;


--
-- Name: COLUMN subscription.due_at; Type: ACL; Schema: subscriptions; Owner: -
--

GRANT SELECT(due_at) ON TABLE subscriptions.subscription TO cauce_scheduler;


--
-- Name: COLUMN subscription.upcoming_at; Type: ACL; Schema: subscriptions; Owner: -
--

GRANT SELECT(upcoming_at) ON TABLE subscriptions.subscription TO cauce_scheduler;


--
-- Name: TABLE timer; Type: ACL; Schema: subscriptions; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE subscriptions.timer TO cauce_app;


--
-- Name: COLUMN timer.org_id; Type: ACL; Schema: subscriptions; Owner: -
--

GRANT SELECT(org_id) ON TABLE subscriptions.timer TO cauce_scheduler;


--
-- Name: COLUMN timer.due_at; Type: ACL; Schema: subscriptions; Owner: -
--

GRANT SELECT(due_at) ON TABLE subscriptions.timer TO cauce_scheduler;


--
-- Name: TABLE trial_use; Type: ACL; Schema: subscriptions; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE subscriptions.trial_use TO cauce_app;


--
-- Name: TABLE alert; Type: ACL; Schema: usage; Owner: -
--

GRANT SELECT,INSERT ON TABLE usage.alert TO cauce_app;


--
-- Name: TABLE correction; Type: ACL; Schema: usage; Owner: -
--

GRANT SELECT,INSERT ON TABLE usage.correction TO cauce_app;


--
-- Name: TABLE distinct_value; Type: ACL; Schema: usage; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE usage.distinct_value TO cauce_app;


--
-- Name: TABLE event; Type: ACL; Schema: usage; Owner: -
--

GRANT SELECT,INSERT ON TABLE usage.event TO cauce_app;


--
-- Name: TABLE event_key; Type: ACL; Schema: usage; Owner: -
--

GRANT SELECT,INSERT ON TABLE usage.event_key TO cauce_app;


--
-- Name: TABLE event_rest; Type: ACL; Schema: usage; Owner: -
--

GRANT SELECT ON TABLE usage.event_rest TO cauce_app;


--
-- Name: TABLE late; Type: ACL; Schema: usage; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE usage.late TO cauce_app;


--
-- Name: TABLE meter; Type: ACL; Schema: usage; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE usage.meter TO cauce_app;


--
-- Name: TABLE rollup; Type: ACL; Schema: usage; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE usage.rollup TO cauce_app;


--
-- Name: TABLE delivery; Type: ACL; Schema: webhooks; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE webhooks.delivery TO cauce_app;


--
-- Name: TABLE endpoint; Type: ACL; Schema: webhooks; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE webhooks.endpoint TO cauce_app;


--
-- PostgreSQL database dump complete
--
