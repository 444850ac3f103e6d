import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStrictEquals,
} from "@std/assert";
import {
  correlationIdFrom,
  formatTraceparent,
  newCorrelationId,
  newTraceparent,
  parseTraceparent,
} from "../../../src/telemetry/correlation.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

Deno.test("a traceparent is read and written back", () => {
  const header = `00-${TRACE}-${SPAN}-01`;
  const context = parseTraceparent(header);
  assertEquals(context, { traceId: TRACE, parentId: SPAN, flags: 1 });
  assertEquals(context && formatTraceparent(context), header);
});

Deno.test("a traceparent of a later version is read, its additions ignored", () => {
  assertEquals(
    parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-comes`)?.traceId,
    TRACE,
  );
});

Deno.test("a traceparent that is not well formed is none", () => {
  for (
    const header of [
      undefined,
      "",
      "garbage",
      `ff-${TRACE}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}-01-more`,
      `00-${"0".repeat(32)}-${SPAN}-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `00-${TRACE.toUpperCase()}-${SPAN}-01`,
      `00-${TRACE.slice(1)}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}-1`,
    ]
  ) {
    assertEquals(parseTraceparent(header), undefined, header);
  }
});

Deno.test("a new traceparent is well formed and stays in its parent's trace", () => {
  const root = newTraceparent();
  assertEquals(parseTraceparent(formatTraceparent(root)), root);
  const child = newTraceparent({ ...root, flags: 1 });
  assertEquals([child.traceId, child.flags], [root.traceId, 1]);
  assertNotEquals(child.parentId, root.parentId);
});

Deno.test("a correlation id of a client is kept when it is printable and short", () => {
  for (const id of ["a", "req 7/x", "x".repeat(128)]) {
    assertStrictEquals(correlationIdFrom(id), id);
  }
});

Deno.test("any other correlation id is replaced by a UUID, version 7", () => {
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-/;
  for (
    const id of [undefined, "", " a", "a ", "ä", "a\nb", "x".repeat(129), "\0"]
  ) {
    assertMatch(correlationIdFrom(id), uuid);
  }
  assertNotEquals(newCorrelationId(), newCorrelationId());
});
