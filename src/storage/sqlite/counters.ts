/**
 * Counts of unfinished work, moved by each write and adopted only when its transaction was committed.
 * Rebuilt from the tables at open; both scans run inside partial indexes.
 */
import type { DatabaseSync } from "node:sqlite";
import type { SagaKind, SagaState } from "../../orders/saga.ts";
import type { Counters } from "./protocol.ts";
import { newestPosition } from "./identity.ts";
import { UNFINISHED } from "./schema.ts";

export class CounterDraft {
  pending: number;
  position: number;
  stuck: number;
  readonly open: Record<SagaKind, number>;

  constructor(from: Counters) {
    this.pending = from.pending;
    this.position = from.position;
    this.stuck = from.stuck;
    this.open = { ...from.open };
  }

  /** @param by 1 when the saga came into this state, -1 when it left it */
  saga(kind: SagaKind, state: SagaState, stuck: boolean, by: 1 | -1): void {
    if (state === "open") this.open[kind] += by;
    if (state === "parked" || (state === "open" && stuck)) this.stuck += by;
  }

  freeze(): Counters {
    return {
      pending: this.pending,
      position: this.position,
      stuck: this.stuck,
      open: { ...this.open },
    };
  }
}

export function countUnfinished(db: DatabaseSync): Counters {
  const pending = db.prepare(
    "SELECT count(*) AS n FROM outbox WHERE sent_at IS NULL",
  ).get();
  const draft = new CounterDraft({
    pending: Number(pending?.n),
    position: newestPosition(db),
    stuck: 0,
    open: { pay: 0, cancel: 0, refund: 0 },
  });
  const sagas = db.prepare(
    `SELECT kind, state, stuck_reason IS NOT NULL AS stuck FROM sagas WHERE ${UNFINISHED}`,
  );
  for (const row of sagas.iterate()) {
    draft.saga(
      String(row.kind) as SagaKind,
      String(row.state) as SagaState,
      Number(row.stuck) !== 0,
      1,
    );
  }
  return draft.freeze();
}
