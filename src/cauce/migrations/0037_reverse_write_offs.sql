-- What accepting a difference costs the platform at present, and how often it was accepted: undone when the other side arrives.
ALTER TABLE reconciliation.break
  ADD COLUMN written_off_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN write_offs integer NOT NULL DEFAULT 0,
  ADD CONSTRAINT only_accepted_is_written_off CHECK (written_off_minor = 0 OR state = 'accepted');
CREATE INDEX break_written_off ON reconciliation.break (org_id, channel_id) WHERE written_off_minor <> 0;

UPDATE reconciliation.break b SET written_off_minor = e.amount_minor, write_offs = 1
  FROM ledger.journal j
  JOIN ledger.entry e ON e.org_id = j.org_id AND e.journal_id = j.id
  JOIN ledger.account a ON a.org_id = e.org_id AND a.id = e.account_id AND a.code = 'loss'
 WHERE b.state = 'accepted' AND j.org_id = b.org_id AND j.key = 'T26:own:' || b.id;
