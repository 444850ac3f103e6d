/** GetOrder's timeline: whole while it fits into a client's message, else in pages; F53, F55. */
import { assert, assertEquals } from "@std/assert";
import { status } from "@grpc/grpc-js";
import type { GetOrderResponse } from "../../../src/grpc/gen/oms/v1/order_service.ts";
import type { OrderId } from "../../../src/orders/ids.ts";
import type { Order, TimelineEntry } from "../../../src/orders/order.ts";
import { runClient } from "../../../tools/client/cli.ts";
import { makeChange, makeOrder, makeTimeline } from "../../support/fixtures.ts";
import { DRIVERS, refusal, serve, type Served } from "./served.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** An order and this many refunds, each with the longest reason, in the characters that take the most bytes. */
async function refundedOften(
  { store }: Served,
  count: number,
  fields: Partial<Order> = {},
): Promise<{ id: OrderId; reasons: string[] }> {
  const order = makeOrder(fields);
  const timeline: TimelineEntry[] = Array.from(
    { length: count },
    (_, i) =>
      makeTimeline(order, {
        type: "OrderRefunded",
        reason: String(i).padEnd(8) + "😀".repeat(1_016),
      }),
  );
  await store.commit(makeChange({ orderInsert: order, timeline }));
  return { id: order.id, reasons: timeline.map(({ reason }) => reason) };
}

/** Every page from the first on. */
async function pages(
  { client }: Served,
  orderId: string,
  timelinePageSize = 0,
): Promise<GetOrderResponse[]> {
  const found: GetOrderResponse[] = [];
  let timelinePageToken = "";
  do {
    const request = { orderId, timelinePageSize, timelinePageToken };
    const answer = await client.getOrder(request);
    found.push(answer);
    timelinePageToken = answer.nextTimelinePageToken;
  } while (timelinePageToken !== "");
  return found;
}

const reasonsOf = (answers: readonly GetOrderResponse[]) =>
  answers.flatMap(({ timeline }) => timeline.map(({ reason }) => reason));

for (const driver of DRIVERS) {
  Deno.test(`F53 ${driver}: a timeline of more than 4 MiB is read in pages that each fit a client's message, in order`, async () => {
    await using served = await serve({ driver });
    const { id, reasons } = await refundedOften(served, 1_500);
    // A client that knows nothing of pages: the beginning, instead of an error.
    const first = await served.client.getOrder({ orderId: id });
    assert(first.timeline.length >= 700, `${first.timeline.length}`);
    assert(first.nextTimelinePageToken !== "");
    const found = await pages(served, id);
    assertEquals(reasonsOf(found), reasons);
    assertEquals(found.map(({ order }) => order?.id), found.map(() => id));
  });

  Deno.test(`${driver}: a timeline that fits is whole, without a token, as ever`, async () => {
    await using served = await serve({ driver });
    const { id, reasons } = await refundedOften(served, 700);
    const answer = await served.client.getOrder({ orderId: id });
    assertEquals(reasonsOf([answer]), reasons);
    assertEquals(answer.nextTimelinePageToken, "");
  });

  Deno.test(`F55 ${driver}: timeline_page_size is kept, whatever it is; negative is refused`, async () => {
    await using served = await serve({ driver });
    const { id, reasons } = await refundedOften(served, 10);
    for (const size of [1, 3, 9, 10, 11, 2 ** 31 - 1]) {
      const found = await pages(served, id, size);
      assertEquals(reasonsOf(found), reasons, `pages of ${size}`);
      assertEquals(found.length, Math.ceil(10 / size));
    }
    for (const timelinePageSize of [-1, -(2 ** 31)]) {
      const error = await refusal(
        served.client.getOrder({ orderId: id, timelinePageSize }),
      );
      assertEquals(error.code, status.INVALID_ARGUMENT);
      assertEquals(error.violations[0]?.field, "timeline_page_size");
    }
  });
}

Deno.test("F53 the largest order and a long timeline fit into one answer together", async () => {
  await using served = await serve({ driver: "sqlite" });
  const { id, reasons } = await refundedOften(served, 1_500, {
    customerId: "😀".repeat(128),
    items: Array.from({ length: 1_000 }, () => ({
      sku: "😀".repeat(256),
      qty: 1_000_000,
      priceMinor: 2n ** 63n - 1n,
    })),
  });
  const found = await pages(served, id);
  assertEquals(reasonsOf(found), reasons);
  for (const { order } of found) assertEquals(order?.items.length, 1_000);
});

Deno.test("what comes between two pages is at the end of the last one", async () => {
  await using served = await serve();
  const order = makeOrder();
  const entry = (reason: string) => makeTimeline(order, { reason });
  await served.store.commit(
    makeChange({ orderInsert: order, timeline: [entry("a"), entry("b")] }),
  );
  const orderId = order.id;
  const first = await served.client.getOrder({ orderId, timelinePageSize: 1 });
  await served.store.commit(makeChange({ timeline: [entry("c")] }));
  const rest = await served.client.getOrder({
    orderId,
    timelinePageToken: first.nextTimelinePageToken,
  });
  assertEquals(reasonsOf([first, rest]), ["a", "b", "c"]);
});

Deno.test("F55 a forged, truncated or foreign timeline_page_token is INVALID_ARGUMENT with its violation", async () => {
  await using served = await serve();
  const { client } = served;
  const { id } = await refundedOften(served, 3);
  const other = await refundedOften(served, 3);
  const { nextTimelinePageToken: token } = await client.getOrder({
    orderId: id,
    timelinePageSize: 1,
  });
  const requests = [
    { orderId: id, timelinePageToken: "forged" },
    { orderId: id, timelinePageToken: token.slice(0, -1) },
    { orderId: id, timelinePageToken: token.slice(2) },
    { orderId: id, timelinePageToken: `${token}${token}` },
    { orderId: id, timelinePageToken: "x".repeat(1_000) },
    { orderId: other.id, timelinePageToken: token },
  ];
  for (const request of requests) {
    const error = await refusal(client.getOrder(request));
    assertEquals(error.code, status.INVALID_ARGUMENT);
    assertEquals(error.reason, "INVALID_REQUEST");
    assertEquals(error.violations.map(({ field }) => field), [
      "timeline_page_token",
    ]);
  }
});

Deno.test("the client's get prints the whole timeline, however many pages it has", async () => {
  await using served = await serve();
  const { id, reasons } = await refundedOften(served, 1_500);
  let out = "";
  const code = await runClient(["get", id], {
    out: (text) => out += text,
    err: () => {},
    env: (name) => name === "OMS_GRPC_ADDR" ? served.address : undefined,
  });
  assertEquals(code, 0);
  const { timeline } = JSON.parse(out);
  assertEquals(
    timeline.map(({ reason }: { reason: string }) => reason),
    reasons,
  );
});
