-- name: create_orders
CREATE TABLE IF NOT EXISTS seen_order (number TEXT PRIMARY KEY, status TEXT, placed_at TEXT, approved_at TEXT, delivered_at TEXT) WITHOUT ROWID

-- name: create_items
CREATE TABLE IF NOT EXISTS seen_item (number TEXT, item INTEGER, seller TEXT, price TEXT, freight TEXT, PRIMARY KEY (number, item)) WITHOUT ROWID

-- name: create_payments
CREATE TABLE IF NOT EXISTS seen_payment (number TEXT, sequence INTEGER, method TEXT, amount TEXT, ref TEXT, fee TEXT, PRIMARY KEY (number, sequence)) WITHOUT ROWID

-- name: create_order_index
CREATE INDEX IF NOT EXISTS seen_order_placed ON seen_order (placed_at, number)

-- name: add_order
-- The first row of an order counts: the file of items may say it with each item.
INSERT OR IGNORE INTO seen_order VALUES (?, ?, ?, ?, ?)

-- name: add_item
INSERT OR REPLACE INTO seen_item VALUES (?, ?, ?, ?, ?)

-- name: add_payment
INSERT OR REPLACE INTO seen_payment VALUES (?, ?, ?, ?, ?, ?)

-- name: add_lone_orders
-- Items or payments of an order that the file of orders does not name: they are refused under its number.
INSERT OR IGNORE INTO seen_order SELECT DISTINCT number, '', '', '', '' FROM (SELECT number FROM seen_item UNION SELECT number FROM seen_payment)

-- name: orders_after
SELECT number, status, placed_at, approved_at, delivered_at FROM seen_order WHERE (placed_at, number) > (?, ?) ORDER BY placed_at, number LIMIT ?

-- name: items_of
SELECT number, seller, price, freight FROM seen_item WHERE number IN (SELECT value FROM json_each(?)) ORDER BY number, item

-- name: payments_of
SELECT number, method, amount, ref, fee FROM seen_payment WHERE number IN (SELECT value FROM json_each(?)) ORDER BY number, sequence

-- name: sellers
SELECT DISTINCT seller FROM seen_item ORDER BY seller

-- name: order_count
SELECT count(*) FROM seen_order
