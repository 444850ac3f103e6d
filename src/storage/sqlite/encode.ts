/**
 * A change set in the shape that the writer binds.
 *
 * Invariant: what is written is what will be read. node:sqlite ends a text at its first NUL when it reads it, and
 * writes half a surrogate pair as U+FFFD: such a text is refused, whoever let it through.
 */
import { StoreContradictionError } from "../errors.ts";
import { type Generation, inGeneration } from "../../orders/events.ts";
import type { ChangeSet } from "../store.ts";
import type { ChangeWrite, Row } from "./protocol.ts";
import {
  answerRow,
  orderInsertRow,
  orderUpdateRow,
  outboxDraftRow,
  timelineRow,
} from "./rows.ts";
import { sagaInsertWrite, sagaUpdateWrite } from "./saga_rows.ts";

/**
 * @param generation of the store that the change is for
 * @throws StoreContradictionError a text would be read as another one
 */
export function encodeChange(
  change: ChangeSet,
  generation: Generation,
): ChangeWrite {
  const write = encoded(change, generation);
  for (const row of textRows(write)) {
    for (const value of row) {
      if (typeof value !== "string") continue;
      if (value.isWellFormed() && !value.includes("\0")) continue;
      throw new StoreContradictionError(
        "Cannot write a text with NUL or half a surrogate pair: it would be read as another one",
      );
    }
  }
  return write;
}

function textRows(write: ChangeWrite): Row[] {
  const { answer, orderInsert, orderUpdate, sagaInsert, sagaUpdate } = write;
  return [
    answer ?? [],
    orderInsert ?? [],
    orderUpdate ?? [],
    sagaInsert?.row ?? [],
    sagaUpdate?.row ?? [],
    ...write.timeline,
    ...write.outbox,
  ];
}

function encoded(change: ChangeSet, generation: Generation): ChangeWrite {
  const { answer, orderInsert, orderUpdate, orderCheck } = change;
  const { sagaInsert, sagaUpdate } = change;
  return {
    kind: "change",
    answer: answer ? answerRow(answer) : null,
    orderInsert: orderInsert ? orderInsertRow(orderInsert) : null,
    orderCheck: orderCheck ? [orderCheck.id, orderCheck.expectedVersion] : null,
    orderUpdate: orderUpdate
      ? orderUpdateRow(orderUpdate.order, orderUpdate.expectedVersion)
      : null,
    sagaInsert: sagaInsert ? sagaInsertWrite(sagaInsert) : null,
    sagaUpdate: sagaUpdate ? sagaUpdateWrite(sagaUpdate) : null,
    timeline: change.timeline?.map(timelineRow) ?? [],
    outbox:
      change.outbox?.map((draft) =>
        outboxDraftRow(inGeneration(draft, generation))
      ) ?? [],
  };
}
