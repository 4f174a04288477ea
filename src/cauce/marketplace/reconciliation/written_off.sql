-- name: written_off
-- Accepted differences whose loss stands in the platform's book, locked.
SELECT id, type, kind, key, order_id, currency, ours_minor, theirs_minor, written_off_minor, write_offs FROM reconciliation.break
 WHERE org_id = $1 AND channel_id = $2 AND written_off_minor <> 0 ORDER BY id FOR UPDATE

-- name: write_off
-- Accepted for so much; the return is how often that happened to this difference.
UPDATE reconciliation.break SET written_off_minor = $3, write_offs = write_offs + 1 WHERE org_id = $1 AND id = $2 RETURNING write_offs

-- name: undo_write_offs
-- The other side arrived: closed where nothing differs any more, open again where the same thing differs by another amount.
UPDATE reconciliation.break b
   SET written_off_minor = 0, state = CASE WHEN u.differs THEN 'open' ELSE 'closed' END, resolved_at = CASE WHEN u.differs THEN NULL ELSE $7::timestamptz END,
       ours_minor = CASE WHEN u.differs THEN u.ours ELSE b.ours_minor END, theirs_minor = CASE WHEN u.differs THEN u.theirs ELSE b.theirs_minor END,
       amount_minor = CASE WHEN u.differs THEN coalesce(u.theirs, 0) - coalesce(u.ours, 0) ELSE b.amount_minor END,
       case_id = CASE WHEN u.differs THEN '' ELSE b.case_id END, resolution = 'the other side arrived', resolved_by = $6, approved_by = ''
  FROM unnest($2::text[], $3::boolean[], $4::bigint[], $5::bigint[]) u(id, differs, ours, theirs)
 WHERE b.org_id = $1 AND b.id = u.id
