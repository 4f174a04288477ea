-- Which lines of its order a refund is of, where the caller says so (K12: no line gives back more than it cost).
CREATE TABLE orders.refund_line (
  org_id       bigint NOT NULL,
  refund_id    text COLLATE "C" NOT NULL,
  order_id     text COLLATE "C" NOT NULL,
  line         integer NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  PRIMARY KEY (org_id, refund_id, line)
);
CREATE INDEX refund_line_order ON orders.refund_line (org_id, order_id, line);
SELECT storage.isolate('orders.refund_line', 'SELECT, INSERT');
