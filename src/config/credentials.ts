/**
 * What a provider is shown of who we are.
 *
 * Invariants: what passes here is a header that fetch can send; no message repeats a value. Not promised: that a
 * provider accepts it.
 */
import { ok, type Parser, parser, wrong } from "./parsers.ts";

/** One header of a request. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

const MAX_LENGTH = 4_096;

/** Ours, fetch's or the connection's: what each request says there is not to be changed. */
const TAKEN: ReadonlySet<string> = new Set([
  "accept",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "idempotency-key",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "traceparent",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-correlation-id",
]);

/** A bearer token (RFC 6750), or whatever else a provider calls one: visible ASCII. */
export const token: Parser<string> = parser((text) =>
  /^[\x21-\x7e]+$/.test(text) && text.length <= MAX_LENGTH ? ok(text) : wrong(
    `is not a token: visible ASCII characters without blanks, at most ${MAX_LENGTH}`,
  )
);

/** Headers, one `Name: value` a line. */
export const headerFields: Parser<readonly HeaderField[]> = parser((text) => {
  const fields: HeaderField[] = [];
  const names = new Set<string>();
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === "") continue;
    const match =
      /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e][\x20-\x7e]*)$/
        .exec(line.trim());
    if (match === null || line.length > MAX_LENGTH) {
      return wrong(
        "holds a line that is not a header: write one `Name: value` a line, ASCII only",
      );
    }
    const [, name = "", value = ""] = match;
    const known = name.toLowerCase();
    if (TAKEN.has(known)) {
      return wrong(
        `sets ${known}, which each request has a value of its own for`,
      );
    }
    if (names.has(known)) return wrong(`sets ${known} twice: keep one`);
    names.add(known);
    fields.push({ name, value });
  }
  return ok(fields);
});
