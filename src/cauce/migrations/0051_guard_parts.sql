-- The second wall of K6 and K7: whatever writes parts of collections, all that are new or larger are held against what was
-- collected, and whoever gets one has agreed to be paid at that holder. Set-based for the hot path, by row for what is rare.
CREATE FUNCTION compliance.check_parts(p_org bigint, p_collections text[], p_parties text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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

CREATE FUNCTION compliance.check_new_parts() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_org bigint; v_collections text[]; v_parties text[];
BEGIN
  FOR v_org, v_collections, v_parties IN
    SELECT n.org_id, array_agg(n.collection_id), array_agg(n.party) FROM fresh n GROUP BY n.org_id
  LOOP
    PERFORM compliance.check_parts(v_org, v_collections, v_parties);
  END LOOP;
  RETURN NULL;
END $$;

CREATE FUNCTION compliance.check_changed_part() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM compliance.check_parts(NEW.org_id, ARRAY [NEW.collection_id], ARRAY [NEW.party]);
  RETURN NULL;
END $$;

CREATE TRIGGER new_parts_are_covered AFTER INSERT ON splits.allocation REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION compliance.check_new_parts();
CREATE CONSTRAINT TRIGGER larger_parts_are_covered AFTER UPDATE ON splits.allocation DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.amount_minor + NEW.fee_borne_minor > OLD.amount_minor + OLD.fee_borne_minor OR NEW.party <> OLD.party
                     OR NEW.collection_id <> OLD.collection_id)
  EXECUTE FUNCTION compliance.check_changed_part();
GRANT EXECUTE ON FUNCTION compliance.check_parts, compliance.check_new_parts, compliance.check_changed_part TO cauce_app;
