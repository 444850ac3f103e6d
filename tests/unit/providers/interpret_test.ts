import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  type AnswerRules,
  DONE_WORDS,
  type HttpAnswer,
  interpret,
  MAX_RETRY_AFTER_MS,
  parseRetryAfter,
  WORKING_WORDS,
} from "../../../src/providers/interpret.ts";

const NOW = Date.UTC(2026, 0, 1);
const PAYMENT: AnswerRules = { paymentRequired: true, goneIsDone: false };
const RESERVE: AnswerRules = { paymentRequired: false, goneIsDone: false };
const RELEASE: AnswerRules = { paymentRequired: false, goneIsDone: true };
const REASON = '{"reason":"card_declined"}';

function attempt(
  status: number,
  body: HttpAnswer["body"],
  rules: AnswerRules = PAYMENT,
  retryAfter: string | null = null,
) {
  return interpret({ status, body, retryAfter }, rules, NOW);
}

function success(body: unknown) {
  return attempt(200, JSON.stringify(body)).result;
}

Deno.test("F23 done needs 200 or 201 and an id that is not blank", () => {
  for (const status of [200, 201]) {
    assertEquals(attempt(status, '{"id":"ch_1","more":[1]}').result, {
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
        { unread: "too long" },
        { unread: "not UTF-8" },
      ] as const
    ) {
      assertEquals(
        attempt(status, body).result.kind,
        "unknown",
        JSON.stringify(body),
      );
    }
  }
});

Deno.test("F79 an id is kept exactly or is unknown: length, NUL, control characters, half a surrogate pair", () => {
  for (
    const id of [
      "ch_1",
      " padded ",
      "x".repeat(255),
      "ch_€𝄞",
      "pi/3:K+=~",
    ]
  ) {
    assertEquals(success({ id }), { kind: "done", id });
  }
  for (
    const json of [
      '"ch_\\u0000abc"',
      '"\\u0000"',
      '"ch_\\ud800"',
      '"\\udc00ch"',
      '"ch_\\udc00\\ud800"',
      '"ch\\n1"',
      '"ch\\u007f"',
      '"ch\\u0085"',
      `"${"x".repeat(256)}"`,
    ]
  ) {
    assertEquals(attempt(201, `{"id":${json}}`), {
      result: {
        kind: "unknown",
        cause: "unreadable answer: HTTP 201, an id that cannot be kept",
      },
      healthy: false,
    }, json);
  }
});

Deno.test("F79 reasons are cleaned and cut, never within a surrogate pair", () => {
  const reasonOf = (reason: string) => {
    const { result } = attempt(402, JSON.stringify({ reason }));
    return result.kind === "declined" ? result.reason : result.kind;
  };
  assertEquals(reasonOf(" no\tmoney\r\nleft "), "no money  left");
  assertEquals(reasonOf("a\u0000b\u001bc\u009d"), "a\ufffdb\ufffdc\ufffd");
  assertEquals(reasonOf("half \ud800"), "half \ufffd");
  assertEquals(reasonOf("\u0001".repeat(10_000)), "\ufffd".repeat(1_024));
  assertEquals(reasonOf("x".repeat(5_000)), "x".repeat(1_024));
  assertEquals(reasonOf(`${"x".repeat(1_023)}𝄞`), "x".repeat(1_023));
  assertEquals(reasonOf(`${"x".repeat(1_022)}𝄞`), `${"x".repeat(1_022)}𝄞`);
  assertEquals(reasonOf("\n\t\r"), "unknown");
});

Deno.test("F80 declined is 422, on payment also 402, with a reason; or any 4xx with the code declined", () => {
  const declined = { kind: "declined", reason: "card_declined" } as const;
  assertEquals(attempt(402, REASON).result, declined);
  for (const rules of [PAYMENT, RESERVE, RELEASE]) {
    assertEquals(attempt(422, REASON, rules).result, declined);
  }
  assertEquals(attempt(402, REASON, RESERVE).result.kind, "misconfigured");
  const marked = '{"code":"declined","reason":"card_declined"}';
  for (let status = 400; status < 500; status++) {
    for (const rules of [PAYMENT, RESERVE, RELEASE]) {
      assertEquals(attempt(status, marked, rules, "1").result, declined);
    }
  }
  for (const status of [200, 302, 500]) {
    assert(attempt(status, marked).result.kind !== "declined");
  }
  for (
    const bad of ["", "{}", '{"reason":""}', '{"reason":" "}', "no"]
  ) {
    assertEquals(attempt(402, bad).result.kind, "unknown");
    assertEquals(attempt(422, bad).result.kind, "unknown");
  }
  assertEquals(attempt(409, '{"code":"declined"}').result.kind, "unknown");
  assertEquals(attempt(402, { unread: "too long" }).result.kind, "unknown");
});

Deno.test("F80 in progress is no decline and no mistake of ours: 409, 423, and whatever says when to come again", () => {
  for (const rules of [PAYMENT, RESERVE, RELEASE]) {
    for (const status of [409, 423, 425, 429]) {
      assertEquals(attempt(status, REASON, rules), {
        result: { kind: "unknown", cause: `HTTP ${status}` },
        healthy: true,
      });
    }
    for (const status of [400, 401, 402, 403, 404, 410, 422]) {
      assertEquals(attempt(status, REASON, rules, "7").result, {
        kind: "unknown",
        cause: `HTTP ${status}`,
        retryAfterMs: 7_000,
      });
      assertEquals(attempt(status, REASON, rules, "soon").result, {
        kind: "unknown",
        cause: `HTTP ${status}`,
      });
    }
  }
  assertEquals(attempt(202, '{"id":"ch_1"}'), {
    result: { kind: "unknown", cause: "HTTP 202" },
    healthy: true,
  });
});

Deno.test("F80 a success whose status says otherwise is none", () => {
  for (const status of [...DONE_WORDS, "SUCCEEDED", " Completed ", null]) {
    assertEquals(success({ id: "ch_1", status }), { kind: "done", id: "ch_1" });
  }
  for (const word of [...WORKING_WORDS, "In-Progress", "in process"]) {
    assertEquals(attempt(200, JSON.stringify({ id: "ch_1", status: word })), {
      result: {
        kind: "unknown",
        cause: `HTTP 200, its status is ${JSON.stringify(word)}`,
      },
      healthy: true,
    });
  }
  for (
    const status of [
      "failed",
      "requires_action",
      "canceled",
      "declined",
      "constructor",
      "",
      200,
      true,
      {},
    ]
  ) {
    for (const name of ["status", "state"]) {
      const result = success({ id: "ch_1", [name]: status });
      assert(result.kind === "misconfigured", JSON.stringify(status));
      assertStringIncludes(result.cause, `HTTP 200, but its ${name} is "`);
    }
  }
  assertEquals(success({ id: "ch_1", status: "done", state: "failed" }), {
    kind: "misconfigured",
    cause: 'HTTP 200, but its state is "failed"',
  });
  assertEquals(success({ status: "processing" }).kind, "unknown");
});

Deno.test("F80 an error in the guise of a success is none", () => {
  for (
    const envelope of [
      { error: { code: "card_declined" } },
      { error: "no such customer" },
      { errors: ["no"] },
      { object: "error" },
      { type: "error", message: "no" },
      { success: false },
      { ok: false },
      { code: "declined", reason: "no" },
    ]
  ) {
    assertEquals(
      success({ id: "req_1", ...envelope }).kind,
      "misconfigured",
      JSON.stringify(envelope),
    );
  }
  for (
    const none of [
      { error: null, errors: [] },
      { error: "", errors: {} },
      { error: false, ok: true, success: true, type: "charge", code: "00" },
    ]
  ) {
    assertEquals(success({ id: "ch_1", ...none }).kind, "done");
  }
});

Deno.test("F79 what a provider says of itself is shown cleaned and short", () => {
  const result = success({ id: "ch_1", status: `\u0000${"x".repeat(9_000)}` });
  assert(result.kind === "misconfigured");
  assertEquals(
    result.cause,
    `HTTP 200, but its status is "\ufffd${"x".repeat(63)}"`,
  );
});

Deno.test("F80 a release that finds nothing is done", () => {
  for (const status of [404, 410]) {
    assertEquals(attempt(status, "", RELEASE), {
      result: { kind: "done", id: "", gone: true },
      healthy: true,
    });
    assertEquals(attempt(status, "", RESERVE).result.kind, "misconfigured");
    assertEquals(attempt(status, "", PAYMENT).result.kind, "misconfigured");
  }
});

Deno.test("F23 every status has its meaning", () => {
  const body = '{"id":"ch_1","reason":"because"}';
  for (let status = 200; status < 600; status++) {
    const { kind } = attempt(status, body).result;
    const expected = status === 200 || status === 201
      ? "done"
      : status === 402 || status === 422
      ? "declined"
      : status < 300 || status >= 500 ||
          [408, 409, 423, 425, 429].includes(status)
      ? "unknown"
      : "misconfigured";
    assertEquals(kind, expected, `HTTP ${status}`);
  }
});

Deno.test("only trouble of the provider itself speaks against its health", () => {
  for (const status of [500, 503, 408]) {
    assertEquals(attempt(status, "").healthy, false);
  }
  for (const status of [202, 409, 423, 425, 429, 401, 302]) {
    assertEquals(attempt(status, "").healthy, true);
  }
  assertEquals(attempt(402, '{"reason":"no"}').healthy, true);
  assertEquals(attempt(200, '{"id":"x","status":"failed"}').healthy, true);
  assertEquals(attempt(200, "garbage").healthy, false);
});

Deno.test("F23 Retry-After is honoured as seconds and as a date, within bounds", () => {
  assertEquals(attempt(429, "", PAYMENT, "3").result, {
    kind: "unknown",
    cause: "HTTP 429",
    retryAfterMs: 3_000,
  });
  assertEquals(attempt(503, "", PAYMENT, "3").result, {
    kind: "unknown",
    cause: "HTTP 503",
    retryAfterMs: 3_000,
  });
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
