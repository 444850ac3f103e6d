/**
 * From an HTTP answer to a provider result: the table of the provider contract, and nothing else.
 *
 * Invariants: `done` only with a non-empty id, `declined` only with a reason and only on the operation's own
 * status; whatever could be something else is `unknown`.
 */
import { z } from "zod";
import type { Attempt } from "./breaker.ts";
import type { ProviderResult } from "./provider.ts";

/** Longest Retry-After that is honoured, in ms; a provider's typing error must not park an order for days. */
export const MAX_RETRY_AFTER_MS = 5 * 60_000;

const doneSchema = z.object({
  id: z.string().refine((id) => id.trim() !== ""),
});
const declinedSchema = z.object({
  reason: z.string().refine((reason) => reason.trim() !== ""),
});

export interface HttpAnswer {
  readonly status: number;
  readonly retryAfter: string | null;
  /** Null: the body was longer than is read. */
  readonly body: string | null;
}

/**
 * @param declinedStatus 402 for payments, 409 for inventory
 * @param now epoch ms, for a Retry-After that is a date
 */
export function interpret(
  answer: HttpAnswer,
  declinedStatus: number,
  now: number,
): Attempt {
  const { status } = answer;
  if (status === 200 || status === 201) {
    const parsed = doneSchema.safeParse(parseJson(answer.body));
    return parsed.success
      ? { result: { kind: "done", id: parsed.data.id }, healthy: true }
      : unreadable(answer, "no id");
  }
  if (status === declinedStatus) {
    const parsed = declinedSchema.safeParse(parseJson(answer.body));
    return parsed.success
      ? {
        result: { kind: "declined", reason: parsed.data.reason },
        healthy: true,
      }
      : unreadable(answer, "no reason");
  }
  // It works on it, or sends us away for a while: no sign of ill health.
  if (status === 425 || status === 429) {
    return { result: unknown(`HTTP ${status}`, answer, now), healthy: true };
  }
  if (status >= 500 || status === 408) {
    return { result: unknown(`HTTP ${status}`, answer, now), healthy: false };
  }
  if (status >= 300) {
    return {
      result: { kind: "misconfigured", cause: misconfiguration(status) },
      healthy: true,
    };
  }
  return unreadable(answer, "not a status of this API");
}

function unknown(
  cause: string,
  answer: HttpAnswer,
  now: number,
): ProviderResult {
  const retryAfterMs = parseRetryAfter(answer.retryAfter, now);
  return retryAfterMs === null
    ? { kind: "unknown", cause }
    : { kind: "unknown", cause, retryAfterMs };
}

function unreadable(answer: HttpAnswer, why: string): Attempt {
  const what = answer.body === null ? "body too long" : why;
  return {
    result: {
      kind: "unknown",
      cause: `unreadable answer: HTTP ${answer.status}, ${what}`,
    },
    healthy: false,
  };
}

function misconfiguration(status: number): string {
  if (status < 400) {
    return `HTTP ${status}: redirects are not followed (set the provider's final URL)`;
  }
  if (status === 401 || status === 403) {
    return `HTTP ${status}: the provider refuses our credentials or rights`;
  }
  if (status === 404) {
    return "HTTP 404: no such path at the provider (check its URL)";
  }
  return `HTTP ${status}: the provider refuses the request itself`;
}

/**
 * Retry-After in ms, 0 to MAX_RETRY_AFTER_MS; null when absent or not readable.
 *
 * @param now epoch ms, for a value that is a date
 */
export function parseRetryAfter(
  value: string | null,
  now: number,
): number | null {
  if (value === null) return null;
  const text = value.trim();
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  if (Number.isNaN(ms)) return null;
  return Math.min(Math.max(0, ms), MAX_RETRY_AFTER_MS);
}

function parseJson(body: string | null): unknown {
  if (body === null) return undefined;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
