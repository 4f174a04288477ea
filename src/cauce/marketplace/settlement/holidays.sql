-- name: set_holidays
INSERT INTO settlement.holiday (org_id, market, day, works, name) SELECT $1, $2, h.* FROM unnest($3::date[], $4::boolean[], $5::text[]) h
ON CONFLICT (org_id, market, day) DO UPDATE SET works = excluded.works, name = excluded.name

-- name: remove_holidays
DELETE FROM settlement.holiday WHERE org_id = $1 AND market = $2 AND day = ANY ($3::date[])

-- name: holidays
SELECT market, day, works, name FROM settlement.holiday WHERE org_id = $1 AND ($2::text IS NULL OR market = $2) ORDER BY market, day

-- name: standings_due
SELECT merchant_id, channel_id, currency, schedule_id, due_at FROM settlement.standing WHERE org_id = $1 AND due_at IS NOT NULL
 ORDER BY merchant_id, channel_id, currency FOR UPDATE

-- name: move_standings
UPDATE settlement.standing s SET due_at = m.due_at
  FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[]) m(merchant_id, channel_id, currency, due_at)
 WHERE s.org_id = $1 AND s.merchant_id = m.merchant_id AND s.channel_id = m.channel_id AND s.currency = m.currency
