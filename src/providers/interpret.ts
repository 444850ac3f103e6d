/**
 * From an HTTP answer to a provider result: the table of docs/providers.md, and nothing else.
 *
 * Invariants: `done` only with an id that can be kept and nothing that speaks against it, `declined` only with a
 * reason, and only where nothing says "later"; whatever could be something else is `unknown`.
 */
import { z } from "zod";
import type { Attempt } from "./breaker.ts";
import type { ProviderResult } from "./provider.ts";
import { cleanText, isUsableId } from "./provider_text.ts";

/** Longest Retry-After that is honoured, in ms; a provider's typing error must not park an order for days. */
export const MAX_RETRY_AFTER_MS = 5 * 60_000;

/** What `status` (or `state`) of a success may say; in any case, with `-` or a blank for `_`. */
export const DONE_WORDS: readonly string[] = [
  "succeeded",
  "success",
  "completed",
  "complete",
  "done",
  "ok",
  "paid",
  "captured",
  "charged",
  "settled",
  "approved",
  "refunded",
  "reserved",
  "confirmed",
  "released",
];
/** What it says while the provider still works on it. */
export const WORKING_WORDS: readonly string[] = [
  "processing",
  "in_process",
  "in_progress",
  "pending",
  "queued",
  "accepted",
  "submitted",
  "running",
  "started",
];

/** How much of a provider's word a cause shows. */
const SHOWN_LENGTH = 64;

const BodySchema = z.record(z.string(), z.unknown());
type Body = z.infer<typeof BodySchema>;

/** Where operations differ. */
export interface AnswerRules {
  /** 402 is a decline, as 422 is everywhere. */
  readonly paymentRequired: boolean;
  /** 404 and 410 are a success: what was to be undone is gone. */
  readonly goneIsDone: boolean;
}

export interface HttpAnswer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: string | UnreadBody;
}

/** Why there is no text. */
export interface UnreadBody {
  readonly unread: "too long" | "not UTF-8";
}

/** @param now epoch ms, for a Retry-After that is a date */
export function interpret(
  answer: HttpAnswer,
  rules: AnswerRules,
  now: number,
): Attempt {
  const { status } = answer;
  const body = parseBody(answer.body);
  if (status === 200 || status === 201) return success(answer, body, now);
  // Accepted is not done.
  if (status === 202) return later(answer, now);
  if (status < 300) return unreadable(answer, "not a status of this API");
  if (status < 400) return misconfigured(redirection(status));
  if (status >= 500) return { ...later(answer, now), healthy: false };
  return refusal(answer, body, rules, now);
}

function success(
  answer: HttpAnswer,
  body: Body | null,
  now: number,
): Attempt {
  const doubt = doubtOf(body ?? {});
  if (doubt !== null) {
    return doubt.working
      ? later(answer, now, doubt.says)
      : misconfigured(`HTTP ${answer.status}, but ${doubt.says}`);
  }
  const id = body?.id;
  if (typeof id !== "string" || id.trim() === "") {
    return unreadable(answer, "no id");
  }
  return isUsableId(id)
    ? { result: { kind: "done", id }, healthy: true }
    : unreadable(answer, "an id that cannot be kept");
}

function refusal(
  answer: HttpAnswer,
  body: Body | null,
  rules: AnswerRules,
  now: number,
): Attempt {
  const { status, retryAfter } = answer;
  const marked = typeof body?.code === "string" &&
    wordOf(body.code) === "declined";
  if (marked) return decline(answer, body);
  if (status === 408) return { ...later(answer, now), healthy: false };
  // The provider works on it, or sends us away for a while: no sign of ill health.
  if (retryAfter !== null || [409, 423, 425, 429].includes(status)) {
    return later(answer, now);
  }
  if (status === 422 || (status === 402 && rules.paymentRequired)) {
    return decline(answer, body);
  }
  if (rules.goneIsDone && (status === 404 || status === 410)) {
    return { result: { kind: "done", id: "", gone: true }, healthy: true };
  }
  return misconfigured(refusalOf(status));
}

function decline(answer: HttpAnswer, body: Body | null): Attempt {
  const reason = typeof body?.reason === "string" ? cleanText(body.reason) : "";
  return reason === ""
    ? unreadable(answer, "no reason")
    : { result: { kind: "declined", reason }, healthy: true };
}

/** What the body of a success says against it; null: nothing. */
function doubtOf(body: Body): { working: boolean; says: string } | null {
  for (const name of ["status", "state"]) {
    const value = body[name];
    if (value === undefined || value === null) continue;
    const word = wordOf(value);
    if (DONE_WORDS.includes(word)) continue;
    const says = `its ${name} is ${JSON.stringify(shown(value))}`;
    return { working: WORKING_WORDS.includes(word), says };
  }
  for (const name of ["error", "errors"]) {
    if (!isEmpty(body[name])) {
      return { working: false, says: `it has the member ${name}` };
    }
  }
  for (const name of ["object", "type"]) {
    if (wordOf(body[name]) === "error") {
      return { working: false, says: `its ${name} is "error"` };
    }
  }
  for (const name of ["success", "ok"]) {
    if (body[name] === false) {
      return { working: false, says: `its ${name} is false` };
    }
  }
  return wordOf(body.code) === "declined"
    ? { working: false, says: 'its code is "declined"' }
    : null;
}

function wordOf(value: unknown): string {
  return typeof value === "string"
    ? value.trim().toLowerCase().replaceAll(/[\s-]+/g, "_")
    : "";
}

function shown(value: unknown): string {
  return cleanText(
    typeof value === "string" ? value : JSON.stringify(value),
    SHOWN_LENGTH,
  );
}

/** What "no error" looks like where the member is always there. */
function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === false ||
    value === "" || ["[]", "{}"].includes(JSON.stringify(value));
}

function later(answer: HttpAnswer, now: number, says?: string): Attempt {
  const { status, retryAfter } = answer;
  const cause = `HTTP ${status}${says === undefined ? "" : `, ${says}`}`;
  const retryAfterMs = parseRetryAfter(retryAfter, now);
  const result: ProviderResult = retryAfterMs === null
    ? { kind: "unknown", cause }
    : { kind: "unknown", cause, retryAfterMs };
  return { result, healthy: true };
}

function unreadable({ status, body }: HttpAnswer, why: string): Attempt {
  const what = typeof body === "string" ? why : `body ${body.unread}`;
  return {
    result: {
      kind: "unknown",
      cause: `unreadable answer: HTTP ${status}, ${what}`,
    },
    healthy: false,
  };
}

function misconfigured(cause: string): Attempt {
  return { result: { kind: "misconfigured", cause }, healthy: true };
}

function redirection(status: number): string {
  return `HTTP ${status}: redirects are not followed (set the provider's final URL)`;
}

function refusalOf(status: number): string {
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

function parseBody(body: HttpAnswer["body"]): Body | null {
  if (typeof body !== "string") return null;
  try {
    return BodySchema.safeParse(JSON.parse(body)).data ?? null;
  } catch {
    return null;
  }
}
