import { assert, assertEquals, assertRejects } from "@std/assert";
import { PageTokenError } from "../../../src/commands/errors.ts";
import {
  encodePageToken,
  encodeTimelineToken,
  parsePageToken,
  parseTimelineToken,
} from "../../../src/commands/page_token.ts";
import { makeOrder } from "../../support/fixtures.ts";

const order = makeOrder({ customerId: "ada" });

function forged(value: unknown): string {
  return new TextEncoder().encode(JSON.stringify(value))
    .toBase64({ alphabet: "base64url", omitPadding: true });
}

Deno.test("F55 a token leads back to its position, whatever process made it", async () => {
  const token = await encodePageToken(order, "ada", ["PAID"]);
  assert(/^[A-Za-z0-9_-]+$/.test(token), token);
  assertEquals(await parsePageToken(token, "ada", ["PAID"]), {
    createdAt: order.createdAt,
    id: order.id,
  });
});

Deno.test("F55 the empty token is the first page", async () => {
  assertEquals(await parsePageToken("", "ada", []), null);
});

Deno.test("F55 the order and repetition of statuses do not matter to a token", async () => {
  const token = await encodePageToken(order, "ada", ["PAID", "PENDING"]);
  const statuses = ["PENDING", "PAID", "PENDING"] as const;
  assert(await parsePageToken(token, "ada", statuses) !== null);
});

Deno.test("F55 a token of another query is refused", async () => {
  const token = await encodePageToken(order, "ada", ["PAID"]);
  const others: readonly [string, readonly "PAID"[]][] = [
    ["eve", ["PAID"]],
    ["ada", []],
  ];
  for (const [customer, statuses] of others) {
    await assertRejects(
      () => parsePageToken(token, customer, statuses),
      PageTokenError,
      "another customer or filter",
    );
  }
});

Deno.test("F55 truncated and forged tokens are refused", async () => {
  const token = await encodePageToken(order, "ada", []);
  const query = JSON.parse(
    new TextDecoder().decode(
      Uint8Array.fromBase64(token, { alphabet: "base64url" }),
    ),
  )[3];
  const { createdAt, id } = order;
  const bad = [
    token.slice(0, -1),
    token.slice(0, -8),
    token.slice(1),
    `${token}A`,
    `${token} `,
    ` ${token}`,
    `${token.slice(0, 8)}\n${token.slice(8)}`,
    `${token}=`,
    " ",
    "no token",
    "\0",
    "%",
    forged(null),
    forged({}),
    forged([]),
    forged([2, createdAt, id, query]),
    forged([1, String(createdAt), id, query]),
    forged([1, -1, id, query]),
    forged([1, 1.5, id, query]),
    forged([1, 2 ** 60, id, query]),
    forged([1, createdAt, "saga_1", query]),
    forged([1, createdAt, id, query, "more"]),
    forged([1, createdAt, `ord_${"x".repeat(1_000)}`, query]),
    "A".repeat(1_000_000),
  ];
  for (const text of bad) {
    await assertRejects(
      () => parsePageToken(text, "ada", []),
      PageTokenError,
      undefined,
      `accepted ${text.slice(0, 80)}`,
    );
  }
});

Deno.test("F55 a timeline's token leads back to its position, and to no other order's", async () => {
  const token = await encodeTimelineToken(7, order.id);
  assert(/^[A-Za-z0-9_-]+$/.test(token), token);
  assertEquals(await parseTimelineToken(token, order.id), 7);
  assertEquals(await parseTimelineToken("", order.id), 0);
  await assertRejects(
    () => parseTimelineToken(token, makeOrder().id),
    PageTokenError,
    "another order",
  );
});

Deno.test("F55 truncated, forged and foreign tokens of a timeline are refused, by their field", async () => {
  const token = await encodeTimelineToken(7, order.id);
  const hash = JSON.parse(
    new TextDecoder().decode(
      Uint8Array.fromBase64(token, { alphabet: "base64url" }),
    ),
  )[3];
  const bad = [
    token.slice(0, -1),
    token.slice(1),
    `${token}A`,
    await encodePageToken(order, "ada", []),
    forged([1, "timeline", 0, hash]),
    forged([1, "timeline", -1, hash]),
    forged([1, "timeline", 1.5, hash]),
    forged([1, "timeline", 2 ** 60, hash]),
    forged([1, "timeline", "7", hash]),
    forged([2, "timeline", 7, hash]),
    forged([1, "other", 7, hash]),
    forged([1, "timeline", 7, hash, "more"]),
    "A".repeat(1_000_000),
  ];
  for (const text of bad) {
    const error = await assertRejects(
      () => parseTimelineToken(text, order.id),
      PageTokenError,
      undefined,
      `accepted ${text.slice(0, 80)}`,
    );
    assertEquals(error.field, "timeline_page_token");
  }
});
