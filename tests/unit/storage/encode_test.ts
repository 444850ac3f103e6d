import { assertEquals, assertThrows } from "@std/assert";
import { FIRST_GENERATION } from "../../../src/orders/events.ts";
import { StoreContradictionError } from "../../../src/storage/errors.ts";
import { encodeChange } from "../../../src/storage/sqlite/encode.ts";
import type { ChangeSet } from "../../../src/storage/store.ts";
import { makeChange, makeOrder, makeSaga } from "../../support/fixtures.ts";

Deno.test("F79 a text that SQLite would give back as another one is refused, wherever it stands", () => {
  const order = makeOrder();
  const saga = makeSaga(order);
  const at = (text: string): ChangeSet[] => [
    makeChange({ orderInsert: { ...order, customerId: text } }),
    makeChange({
      orderUpdate: {
        order: { ...order, chargeId: text, version: 2n },
        expectedVersion: 1n,
      },
    }),
    makeChange({ sagaInsert: { ...saga, reason: text } }),
    makeChange({
      sagaUpdate: { saga: { ...saga, failure: text }, expectedFence: 0 },
    }),
    makeChange({
      timeline: [{
        orderId: order.id,
        type: "OrderCanceled",
        reason: text,
        at: 0,
      }],
    }),
  ];
  for (const text of ["ch_\u0000abc", "\u0000", "\ud800", "x\udc00"]) {
    for (const change of at(text)) {
      assertThrows(
        () => encodeChange(change, FIRST_GENERATION),
        StoreContradictionError,
      );
    }
  }
  for (const change of at("ch_€𝄞\n")) {
    assertEquals(encodeChange(change, FIRST_GENERATION).kind, "change");
  }
});
