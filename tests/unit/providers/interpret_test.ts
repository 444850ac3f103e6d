import { assertEquals } from "@std/assert";
import {
  interpret,
  MAX_RETRY_AFTER_MS,
  parseRetryAfter,
} from "../../../src/providers/interpret.ts";

const NOW = Date.UTC(2026, 0, 1);

function kindOf(status: number, body: string | null, declined = 402) {
  return interpret({ status, body, retryAfter: null }, declined, NOW);
}

Deno.test("F23 done needs 200 or 201 and an id that is not blank", () => {
  for (const status of [200, 201]) {
    assertEquals(kindOf(status, '{"id":"ch_1","more":[1]}').result, {
      kind: "done",
      id: "ch_1",
    });
    for (
      const body of [
        "",
        "{}",
        "null",
        "ch_1",
        '"ch_1"',
        '["id"]',
        '{"id":""}',
        '{"id":" "}',
        '{"id":1}',
        '{"id":null}',
        '{"id":"ch_1"',
        "<html>ok</html>",
        null,
      ]
    ) {
      assertEquals(kindOf(status, body).result.kind, "unknown", body ?? "long");
    }
  }
});

Deno.test("F23 declined needs the operation's own status and a reason", () => {
  const body = '{"reason":"card_declined"}';
  assertEquals(kindOf(402, body).result, {
    kind: "declined",
    reason: "card_declined",
  });
  assertEquals(kindOf(409, body, 409).result.kind, "declined");
  assertEquals(kindOf(409, body, 402).result.kind, "misconfigured");
  assertEquals(kindOf(402, body, 409).result.kind, "misconfigured");
  for (const bad of ["", "{}", '{"reason":""}', '{"reason":" "}', "no", null]) {
    assertEquals(kindOf(402, bad).result.kind, "unknown");
  }
});

Deno.test("F23 every status has its meaning, and only the declined status declines", () => {
  const body = '{"id":"ch_1","reason":"because"}';
  for (let status = 200; status < 600; status++) {
    const { kind } = kindOf(status, body).result;
    const expected = status === 200 || status === 201
      ? "done"
      : status === 402
      ? "declined"
      : status < 300 || status >= 500 || [408, 425, 429].includes(status)
      ? "unknown"
      : "misconfigured";
    assertEquals(kind, expected, `HTTP ${status}`);
  }
});

Deno.test("only trouble of the provider itself speaks against its health", () => {
  for (const status of [500, 503, 408]) {
    assertEquals(kindOf(status, "").healthy, false);
  }
  for (const status of [425, 429, 401, 302]) {
    assertEquals(kindOf(status, "").healthy, true);
  }
  assertEquals(kindOf(402, '{"reason":"no"}').healthy, true);
  assertEquals(kindOf(200, "garbage").healthy, false);
});

Deno.test("F23 Retry-After is honoured as seconds and as a date, within bounds", () => {
  assertEquals(
    interpret({ status: 429, body: "", retryAfter: "3" }, 402, NOW).result,
    { kind: "unknown", cause: "HTTP 429", retryAfterMs: 3_000 },
  );
  const date = new Date(NOW + 7_000).toUTCString();
  assertEquals(parseRetryAfter(date, NOW), 7_000);
  assertEquals(parseRetryAfter(new Date(NOW - 7_000).toUTCString(), NOW), 0);
  assertEquals(parseRetryAfter("0", NOW), 0);
  assertEquals(parseRetryAfter(" 5 ", NOW), 5_000);
  assertEquals(
    parseRetryAfter("99999999999999999999", NOW),
    MAX_RETRY_AFTER_MS,
  );
  for (const bad of [null, "", "soon", "-x"]) {
    assertEquals(parseRetryAfter(bad, NOW), null);
  }
});
