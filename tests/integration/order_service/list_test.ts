/** ListOrders: newest first, filters, pages that survive restarts; F55. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { status } from "@grpc/grpc-js";
import {
  type ListOrdersRequest,
  OrderStatus,
} from "../../../src/grpc/gen/oms/v1/order_service.ts";
import { CallAbortedError } from "../../../src/grpc/errors.ts";
import type { Store } from "../../../src/storage/store.ts";
import { makeChange, makeOrder, T0 } from "../../support/fixtures.ts";
import { until } from "../../support/until.ts";
import { DRIVERS, refusal, serve, type Served } from "./served.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const { ORDER_STATUS_PAID, ORDER_STATUS_PENDING } = OrderStatus;

function query(fields: Partial<ListOrdersRequest> = {}): ListOrdersRequest {
  return {
    customerId: "ada",
    pageSize: 0,
    pageToken: "",
    filterStatuses: [],
    ...fields,
  };
}

/** Orders of ada: `count` of them, three at each moment; every third is PAID. */
async function fill({ store }: Served, count: number): Promise<string[]> {
  const orders = Array.from({ length: count }, (_, i) =>
    makeOrder({
      customerId: "ada",
      createdAt: T0 + Math.floor(i / 3),
      status: i % 3 === 0 ? "PAID" : "PENDING",
    }));
  await store.commit(
    makeChange({ orderInsert: makeOrder({ customerId: "eve" }) }),
  );
  for (const orderInsert of orders) {
    await store.commit(makeChange({ orderInsert }));
  }
  return orders
    .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
    .map(({ id }) => id);
}

/** Every page of a query, as lists of ids. */
async function pages(
  { client }: Served,
  first: ListOrdersRequest,
): Promise<string[][]> {
  const found: string[][] = [];
  let pageToken = "";
  do {
    const { orders, nextPageToken } = await client.listOrders({
      ...first,
      pageToken,
    });
    found.push(orders.map(({ id }) => id));
    pageToken = nextPageToken;
  } while (pageToken !== "");
  return found;
}

for (const driver of DRIVERS) {
  Deno.test(`${driver}: pages are newest first and lose nothing between equal timestamps`, async () => {
    await using served = await serve({ driver });
    const ids = await fill(served, 31);
    for (const pageSize of [1, 2, 4, 31, 32]) {
      const found = await pages(served, query({ pageSize }));
      assertEquals(found.flat(), ids, `pages of ${pageSize}`);
      assertEquals(found.length, Math.ceil(31 / pageSize));
    }
  });

  Deno.test(`${driver}: filters hold over pages, and orders of others never show`, async () => {
    await using served = await serve({ driver });
    const ids = await fill(served, 12);
    const filterStatuses = [ORDER_STATUS_PAID];
    const paid = await pages(served, query({ pageSize: 3, filterStatuses }));
    assertEquals(paid.map(({ length }) => length), [3, 1]);
    const both = [ORDER_STATUS_PENDING, ORDER_STATUS_PAID, ORDER_STATUS_PAID];
    assertEquals(
      (await pages(served, query({ filterStatuses: both }))).flat(),
      ids,
    );
    const nobody = await served.client.listOrders(
      query({ customerId: "nobody" }),
    );
    assertEquals(nobody, { orders: [], nextPageToken: "" });
  });
}

Deno.test("F53 a page of the largest orders fits into a client's message, and none is left out", async () => {
  await using served = await serve({ driver: "sqlite" });
  const { store } = served;
  // A character that takes more bytes than units; one item of each kind of field at its limit.
  const items = Array.from({ length: 1_000 }, () => ({
    sku: "😀".repeat(256),
    qty: 1_000_000,
    priceMinor: 2n ** 63n - 1n,
  }));
  const orders = Array.from({ length: 8 }, (_, i) =>
    makeOrder({
      customerId: "ada",
      createdAt: T0 - i,
      status: "PAID",
      version: 2n ** 63n - 1n,
      amountMinor: 2n ** 63n - 1n,
      capturedMinor: 2n ** 63n - 1n,
      refundedMinor: 2n ** 63n - 1n,
      items,
    }));
  for (const orderInsert of orders) {
    await store.commit(makeChange({ orderInsert }));
  }
  for (const filterStatuses of [[], [ORDER_STATUS_PAID]]) {
    // The client refuses what is above 4 MiB, as gRPC clients do.
    const found = await pages(served, query({ pageSize: 500, filterStatuses }));
    assertEquals(found.flat(), orders.map(({ id }) => id));
    assertEquals(found.map(({ length }) => length), [2, 2, 2, 2]);
  }
});

Deno.test("an order that comes meanwhile does not shift the pages", async () => {
  await using served = await serve();
  const ids = await fill(served, 6);
  const { nextPageToken } = await served.client.listOrders(
    query({ pageSize: 3 }),
  );
  const newer = makeOrder({ customerId: "ada", createdAt: T0 + 100 });
  await served.store.commit(makeChange({ orderInsert: newer }));
  const { orders } = await served.client.listOrders(
    query({ pageSize: 3, pageToken: nextPageToken }),
  );
  assertEquals(orders.map(({ id }) => id), ids.slice(3));
});

Deno.test("F55 page_size 0 is 100, above 500 is 500, negative is refused", async () => {
  await using served = await serve();
  await fill(served, 501);
  const sizeOf = async (pageSize: number) =>
    (await served.client.listOrders(query({ pageSize }))).orders.length;
  assertEquals(await sizeOf(0), 100);
  assertEquals(await sizeOf(499), 499);
  assertEquals(await sizeOf(500), 500);
  assertEquals(await sizeOf(501), 500);
  assertEquals(await sizeOf(2 ** 31 - 1), 500);
  for (const pageSize of [-1, -(2 ** 31)]) {
    const error = await refusal(served.client.listOrders(query({ pageSize })));
    assertEquals(error.code, status.INVALID_ARGUMENT);
    assertEquals(error.violations[0]?.field, "page_size");
  }
});

Deno.test("F55 a forged, truncated or foreign page_token is INVALID_ARGUMENT with its violation", async () => {
  await using served = await serve();
  await fill(served, 6);
  const { client } = served;
  const { nextPageToken: token } = await client.listOrders(
    query({ pageSize: 3 }),
  );
  assert(token !== "");
  const requests = [
    query({ pageToken: "forged" }),
    query({ pageToken: token.slice(0, -1) }),
    query({ pageToken: token.slice(2) }),
    query({ pageToken: `${token}${token}` }),
    query({ pageToken: "x".repeat(1_000) }),
    query({ pageToken: token, customerId: "eve" }),
    query({ pageToken: token, filterStatuses: [ORDER_STATUS_PAID] }),
  ];
  for (const request of requests) {
    const error = await refusal(client.listOrders(request));
    assertEquals(error.code, status.INVALID_ARGUMENT, request.pageToken);
    assertEquals(error.reason, "INVALID_REQUEST");
    assertEquals(error.violations.map(({ field }) => field), ["page_token"]);
  }
  const other = await client.listOrders(
    query({ pageToken: token, pageSize: 1 }),
  );
  assertEquals(other.orders.length, 1, "the size may change between pages");
});

Deno.test("F51 the deadline of a list reaches its reads", async () => {
  const ended = Promise.withResolvers<unknown>();
  let begun = false;
  /** A read that ends with its signal, and at once without one. */
  const list: Store["list"] = (_query, { signal } = {}) => {
    const { promise, reject } = Promise.withResolvers<never>();
    begun = true;
    if (signal === undefined) reject(new Error("the read has no signal"));
    signal?.addEventListener("abort", () => {
      ended.resolve(signal.reason);
      reject(signal.reason);
    });
    return promise;
  };
  await using served = await serve({
    wrap: (store) =>
      new Proxy(store, {
        get(target, name) {
          if (name === "list") return list;
          const value = Reflect.get(target, name);
          return typeof value === "function" ? value.bind(target) : value;
        },
      }),
  });
  await until("a read that was begun in time", async () => {
    const error = await refusal(
      served.client.listOrders(query(), { deadlineMs: 200 }),
    );
    assertEquals(error.code, status.DEADLINE_EXCEEDED);
    return begun;
  });
  assertInstanceOf(await ended.promise, CallAbortedError);
  assertEquals(served.errors, []);
});
