/** A change set in the shape that the writer binds. */
import type { ChangeSet } from "../store.ts";
import type { ChangeWrite } from "./protocol.ts";
import {
  answerRow,
  orderInsertRow,
  orderUpdateRow,
  outboxDraftRow,
  timelineRow,
} from "./rows.ts";
import { sagaInsertWrite, sagaUpdateWrite } from "./saga_rows.ts";

export function encodeChange(change: ChangeSet): ChangeWrite {
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
    outbox: change.outbox?.map(outboxDraftRow) ?? [],
  };
}
