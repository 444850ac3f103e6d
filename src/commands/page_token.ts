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
const MAX_TOKEN_LENGTH = 512;

const Token = z.tuple([
  z.literal(VERSION),
  z.number().int().nonnegative(),
  z.string().refine(isOrderId),
  z.string(),
]);

export async function encodePageToken(
  last: Order,
  customerId: string,
  statuses: readonly OrderStatus[],
): Promise<string> {
  const query = await queryHash(customerId, statuses);
  const text = JSON.stringify([VERSION, last.createdAt, last.id, query]);
  return new TextEncoder().encode(text)
    .toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Null for the empty token. @throws PageTokenError */
export async function parsePageToken(
  token: string,
  customerId: string,
  statuses: readonly OrderStatus[],
): Promise<ListPosition | null> {
  if (token === "") return null;
  const parsed = Token.safeParse(decode(token));
  if (!parsed.success) {
    throw new PageTokenError(
      "The page token is not one of this service; use next_page_token of the previous answer, or none",
    );
  }
  const [, createdAt, id, query] = parsed.data;
  if (query !== await queryHash(customerId, statuses)) {
    throw new PageTokenError(
      "The page token belongs to another customer or filter; start again without a token",
    );
  }
  return { createdAt, id };
}

function decode(token: string): unknown {
  if (token.length > MAX_TOKEN_LENGTH) return null;
  try {
    const bytes = Uint8Array.fromBase64(token, { alphabet: "base64url" });
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}

async function queryHash(
  customerId: string,
  statuses: readonly OrderStatus[],
): Promise<string> {
  const query = JSON.stringify([customerId, [...new Set(statuses)].sort()]);
  const digest = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(query),
  );
  return new Uint8Array(digest, 0, 8).toHex();
}
