import { assertEquals, assertMatch } from "@std/assert";
import { newOrderId, newSagaId } from "../../../src/orders/ids.ts";

const UUID_V7 =
  "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";

Deno.test("ids are their prefix and a UUIDv7, and sort by creation", () => {
  assertMatch(newSagaId(), new RegExp(`^saga_${UUID_V7}$`));
  const ids = Array.from({ length: 1_000 }, newOrderId);
  for (const id of ids) assertMatch(id, new RegExp(`^ord_${UUID_V7}$`));
  assertEquals(ids.toSorted(), ids);
});
