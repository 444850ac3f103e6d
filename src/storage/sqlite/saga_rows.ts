/** Sagas to rows and back. */
import type { OrderId, SagaId } from "../../orders/ids.ts";
import type { Saga, SagaStep, StepAttempt } from "../../orders/saga.ts";
import type { SagaUpdate } from "../store.ts";
import type { Row, SagaInsertWrite, SagaUpdateWrite } from "./protocol.ts";
import {
  assign,
  type Columns,
  insertInto,
  int,
  int64,
  intOrNull,
  text,
  textOrNull,
} from "./rows.ts";

/** What an update may change; the rest of a saga is fixed at its acceptance. */
const MUTABLE = [
  "state",
  "completed_steps",
  "failure",
  "attempt_step",
  "attempt_request",
  "attempt_key",
  "attempt_first_at",
  "attempt_unknowns",
  "next_attempt_at",
  "stuck_reason",
  "owner",
  "lease_until",
  "fence",
  "updated_at",
  "finished_at",
] as const;
const FIXED = [
  "id",
  "order_id",
  "number",
  "kind",
  "definition_version",
  "amount_minor",
  "reason",
  "correlation_id",
  "traceparent",
  "created_at",
] as const;

export const SAGA_INSERT = insertInto("sagas", [...FIXED, ...MUTABLE]);
export const SAGA_UPDATE = `UPDATE sagas SET ${assign(MUTABLE)} WHERE id = ?`;

function mutableRow(saga: Saga): Row {
  const { attempt } = saga;
  return [
    saga.state,
    JSON.stringify(saga.completedSteps),
    saga.failure,
    attempt?.step ?? null,
    attempt?.request ?? null,
    attempt?.key ?? null,
    attempt?.firstAttemptAt ?? null,
    attempt?.unknowns ?? null,
    saga.nextAttemptAt,
    saga.stuckReason,
    saga.owner,
    saga.leaseUntil,
    saga.fence,
    saga.updatedAt,
    saga.finishedAt,
  ];
}

export function sagaInsertWrite(saga: Saga): SagaInsertWrite {
  return {
    state: saga.state,
    kind: saga.kind,
    stuck: saga.stuckReason !== null,
    row: [
      saga.id,
      saga.orderId,
      saga.number,
      saga.kind,
      saga.definitionVersion,
      saga.amountMinor,
      saga.reason,
      saga.correlationId,
      saga.traceparent,
      saga.createdAt,
      ...mutableRow(saga),
    ],
  };
}

export function sagaUpdateWrite(update: SagaUpdate): SagaUpdateWrite {
  const { saga } = update;
  return {
    id: saga.id,
    expectedFence: update.expectedFence,
    claim: update.claim !== undefined,
    owner: saga.owner,
    state: saga.state,
    stuck: saga.stuckReason !== null,
    row: [...mutableRow(saga), saga.id],
  };
}

export function decodeSaga(row: Columns): Saga {
  return {
    // The row was written from a Saga: the casts restore what TEXT forgot.
    id: text(row, "id") as SagaId,
    orderId: text(row, "order_id") as OrderId,
    number: int(row, "number"),
    kind: text(row, "kind") as Saga["kind"],
    definitionVersion: int(row, "definition_version"),
    state: text(row, "state") as Saga["state"],
    amountMinor: row.amount_minor === null ? null : int64(row, "amount_minor"),
    reason: text(row, "reason"),
    completedSteps: JSON.parse(text(row, "completed_steps")) as SagaStep[],
    failure: textOrNull(row, "failure"),
    attempt: decodeAttempt(row),
    nextAttemptAt: int(row, "next_attempt_at"),
    stuckReason: textOrNull(row, "stuck_reason"),
    owner: textOrNull(row, "owner"),
    leaseUntil: intOrNull(row, "lease_until"),
    fence: int(row, "fence"),
    correlationId: text(row, "correlation_id"),
    traceparent: textOrNull(row, "traceparent"),
    createdAt: int(row, "created_at"),
    updatedAt: int(row, "updated_at"),
    finishedAt: intOrNull(row, "finished_at"),
  };
}

function decodeAttempt(row: Columns): StepAttempt | null {
  if (row.attempt_step === null) return null;
  return {
    step: text(row, "attempt_step") as StepAttempt["step"],
    request: text(row, "attempt_request"),
    key: text(row, "attempt_key"),
    firstAttemptAt: int(row, "attempt_first_at"),
    unknowns: int(row, "attempt_unknowns"),
  };
}
