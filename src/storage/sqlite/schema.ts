/**
 * The schema as numbered migrations.
 *
 * Rule: expand first, contract a release later. A migration that only adds keeps `minCompatible`, so that
 * the release before still opens the file; one that takes something away raises it to the first schema
 * version whose release no longer needs it. A released migration is never edited.
 *
 * All times are epoch ms, all amounts int64 minor units.
 */

export interface Migration {
  readonly version: number;
  /** The oldest schema version whose release can still work on the result. */
  readonly minCompatible: number;
  readonly sql: string;
}

/** "OMS1" in the file's header: tells our files from other programs' databases. */
export const APPLICATION_ID = 0x4f4d5331;

/** The partial indexes and the queries that use them have to say this in the same words. */
export const UNFINISHED = "state IN ('open', 'parked')";

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    minCompatible: 1,
    sql: `
CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  customer_id TEXT NOT NULL,
  currency TEXT NOT NULL,
  amount_minor INTEGER NOT NULL,
  status TEXT NOT NULL,
  version INTEGER NOT NULL,
  captured_minor INTEGER NOT NULL,
  refunded_minor INTEGER NOT NULL,
  held_minor INTEGER NOT NULL,
  charge_id TEXT,
  reservation_id TEXT,
  pay_accepted INTEGER NOT NULL,
  cancel_accepted INTEGER NOT NULL,
  last_saga_number INTEGER NOT NULL,
  order_seq INTEGER NOT NULL,
  saga_seq INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  items TEXT NOT NULL,
  CONSTRAINT money CHECK (
    refunded_minor >= 0 AND held_minor >= 0 AND captured_minor <= amount_minor
    AND held_minor <= captured_minor - refunded_minor
  )
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_by_customer ON orders (customer_id, created_at DESC, id DESC);

CREATE TABLE timeline (
  order_id TEXT NOT NULL,
  n INTEGER NOT NULL,
  type TEXT NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (order_id, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE sagas (
  id TEXT PRIMARY KEY,
  order_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  kind TEXT NOT NULL,
  definition_version INTEGER NOT NULL,
  state TEXT NOT NULL,
  amount_minor INTEGER,
  reason TEXT NOT NULL,
  completed_steps TEXT NOT NULL,
  failure TEXT,
  attempt_step TEXT,
  attempt_request TEXT,
  attempt_key TEXT,
  attempt_first_at INTEGER,
  attempt_unknowns INTEGER,
  next_attempt_at INTEGER NOT NULL,
  stuck_reason TEXT,
  owner TEXT,
  lease_until INTEGER,
  fence INTEGER NOT NULL,
  correlation_id TEXT NOT NULL,
  traceparent TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  finished_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX sagas_unfinished ON sagas (order_id, number) WHERE ${UNFINISHED};
CREATE INDEX sagas_age ON sagas (created_at) WHERE ${UNFINISHED};
CREATE INDEX sagas_due ON sagas (next_attempt_at) WHERE state = 'open';

CREATE TABLE outbox (
  position INTEGER PRIMARY KEY,
  topic TEXT NOT NULL,
  event_id TEXT NOT NULL,
  key TEXT NOT NULL,
  seq INTEGER NOT NULL,
  event_type TEXT NOT NULL,
  traceparent TEXT,
  value TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  sent_at INTEGER
) STRICT;
CREATE INDEX outbox_unsent ON outbox (topic) WHERE sent_at IS NULL;
CREATE INDEX outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL;

CREATE TABLE answers (
  key TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  code INTEGER NOT NULL,
  message TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  payload BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_by_expiry ON answers (expires_at);

CREATE TABLE reports (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  report TEXT NOT NULL
) STRICT;
`,
  },
  {
    // A release that knows version 1 runs on it, without what it is for: it neither writes its incarnation nor
    // looks for another one, and numbers its events as in generation 1. So a restore, which begins another
    // generation, takes that release's permission away (identity.ts).
    version: 2,
    minCompatible: 1,
    sql: `
CREATE TABLE identity (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  incarnation TEXT NOT NULL,
  generation INTEGER NOT NULL,
  tag TEXT NOT NULL
) STRICT;
INSERT INTO identity VALUES (1, '', 1, '');
`,
  },
];
