/**
 * Page tokens: a versioned position and a hash of the query, base64url. They hold no secret and no server
 * state, so pages survive restarts; a forged one reaches only what its query may list anyway.
 */
import { z } from "zod";
import { isOrderId } from "../orders/ids.ts";
import type { Order, OrderStatus } from "../orders/order.ts";
import type { ListPosition } from "../storage/store.ts";
import { PageTokenError } from "./errors.ts";

const VERSION = 1;
/** base64url as we write it: fromBase64 by itself also takes blanks. */
const TOKEN_FORM = /^[\w-]{1,512}$/;

const ListToken = z.tuple([
  z.literal(VERSION),
  z.number().int().nonnegative(),
  z.string().refine(isOrderId),
  z.string(),
]);

const TimelineToken = z.tuple([
  z.literal(VERSION),
  z.literal("timeline"),
  z.number().int().positive(),
  z.string(),
]);

export async function encodePageToken(
  last: Order,
  customerId: string,
  statuses: readonly OrderStatus[],
): Promise<string> {
  const query = await listHash(customerId, statuses);
  return encode([VERSION, last.createdAt, last.id, query]);
}

/** Null for the empty token. @throws PageTokenError */
export async function parsePageToken(
  token: string,
  customerId: string,
  statuses: readonly OrderStatus[],
): Promise<ListPosition | null> {
  if (token === "") return null;
  const parsed = ListToken.safeParse(decode(token));
  if (!parsed.success) {
    throw new PageTokenError(
      "page_token",
      "The page token is not one of this service; use next_page_token of the previous answer, or none",
    );
  }
  const [, createdAt, id, query] = parsed.data;
  if (query !== await listHash(customerId, statuses)) {
    throw new PageTokenError(
      "page_token",
      "The page token belongs to another customer or filter; start again without a token",
    );
  }
  return { createdAt, id };
}

/** @param after how many entries the pages so far had, together */
export async function encodeTimelineToken(
  after: number,
  orderId: string,
): Promise<string> {
  return encode([VERSION, "timeline", after, await hash(orderId)]);
}

/** How many entries the pages so far had: 0 for the empty token. @throws PageTokenError */
export async function parseTimelineToken(
  token: string,
  orderId: string,
): Promise<number> {
  if (token === "") return 0;
  const parsed = TimelineToken.safeParse(decode(token));
  if (!parsed.success) {
    throw new PageTokenError(
      "timeline_page_token",
      "The page token is not one of this service; use next_timeline_page_token of the previous answer, or none",
    );
  }
  const [, , after, order] = parsed.data;
  if (order !== await hash(orderId)) {
    throw new PageTokenError(
      "timeline_page_token",
      "The page token belongs to another order; start again without a token",
    );
  }
  return after;
}

function encode(token: readonly unknown[]): string {
  return new TextEncoder().encode(JSON.stringify(token))
    .toBase64({ alphabet: "base64url", omitPadding: true });
}

function decode(token: string): unknown {
  if (!TOKEN_FORM.test(token)) return null;
  try {
    const bytes = Uint8Array.fromBase64(token, { alphabet: "base64url" });
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}

function listHash(
  customerId: string,
  statuses: readonly OrderStatus[],
): Promise<string> {
  return hash(JSON.stringify([customerId, [...new Set(statuses)].sort()]));
}

async function hash(query: string): Promise<string> {
  const digest = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(query),
  );
  return new Uint8Array(digest, 0, 8).toHex();
}
