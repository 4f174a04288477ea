-- What the platform adds to a payment of an order: announced with it, paid in after it, taken back with refunds (T15).
ALTER TABLE orders.line ADD COLUMN subsidy_minor bigint NOT NULL DEFAULT 0 CHECK (subsidy_minor >= 0);
ALTER TABLE orders.collection
  ADD COLUMN subsidy_planned_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN subsidy_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN subsidy_returned_minor bigint NOT NULL DEFAULT 0,
  ADD CONSTRAINT subsidised_as_planned CHECK (subsidy_minor >= 0 AND subsidy_minor <= subsidy_planned_minor),
  ADD CONSTRAINT subsidy_returned_at_most CHECK (subsidy_returned_minor >= 0 AND subsidy_returned_minor <= subsidy_minor),
  DROP CONSTRAINT conserved,
  ADD CONSTRAINT conserved CHECK (escrow_minor + released_minor <= amount_minor + subsidy_minor);
ALTER TABLE settlement.funding
  DROP CONSTRAINT funding_kind_check,
  ADD CONSTRAINT funding_kind_check CHECK (kind IN ('top_up', 'undo_top_up', 'subsidy', 'advance', 'recover_advance', 'fee_sweep',
    'assign_suspense', 'undo_assign', 'order_subsidy', 'return_order_subsidy', 'drop_order_subsidy')),
  DROP CONSTRAINT two_persons,
  ADD CONSTRAINT two_persons CHECK (kind NOT IN ('subsidy', 'advance', 'assign_suspense', 'undo_assign', 'order_subsidy')
    OR state IN ('requested', 'canceled') OR (approved_by <> '' AND approved_by <> requested_by)),
  ADD CONSTRAINT subsidies_have_an_order CHECK (kind NOT IN ('order_subsidy', 'return_order_subsidy', 'drop_order_subsidy')
    OR (order_id <> '' AND parent_id <> ''));
CREATE INDEX funding_subsidies ON settlement.funding (org_id, order_id)
  WHERE kind IN ('order_subsidy', 'return_order_subsidy', 'drop_order_subsidy');
