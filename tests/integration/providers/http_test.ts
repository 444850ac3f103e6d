/** F23 at the HTTP client: every way in which a provider can answer, or not. */
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import type { ProviderResult } from "../../../src/providers/provider.ts";
import { AwakeTime } from "../../support/awake_time.ts";
import { freePort } from "../../support/free_port.ts";
import {
  CHARGE_BODY,
  providerCall,
  withProviders,
  withRawServer,
  withServer,
} from "./fixtures.ts";

async function chargeAt(
  url: string,
  timeoutMs = 5_000,
): Promise<ProviderResult> {
  let result: ProviderResult | undefined;
  await withProviders(url, { timeoutMs }, async ({ payment }) => {
    result = await payment.charge(providerCall());
  });
  assert(result !== undefined);
  return result;
}

async function chargeAnswered(
  answer: () => Response | Promise<Response>,
): Promise<ProviderResult> {
  let result: ProviderResult | undefined;
  await withServer(answer, async (url) => {
    result = await chargeAt(url);
  });
  assert(result !== undefined);
  return result;
}

Deno.test("each operation posts the exact body with its key, correlation id and traceparent to its own path", async () => {
  const seen: unknown[] = [];
  await withServer(async (request) => {
    seen.push([
      request.method,
      new URL(request.url).pathname,
      request.headers.get("idempotency-key"),
      request.headers.get("x-correlation-id"),
      request.headers.get("traceparent"),
      request.headers.get("content-type"),
      await request.text(),
    ]);
    return Response.json({ id: "x" }, { status: 201 });
  }, async (url) => {
    await withProviders(`${url}/v2/`, {}, async ({ payment, inventory }) => {
      const call = (step: string) =>
        providerCall({
          idempotencyKey: `saga_1:${step}`,
          correlationId: "cörr",
          body: `{ "step":"${step}" }`,
        });
      await payment.charge(call("charge"));
      await payment.refund({ ...call("refund"), traceparent: null });
      await inventory.reserve(call("reserve"));
      await inventory.release(call("release"));
    });
  });
  const { traceparent } = providerCall();
  const row = (path: string, step: string, trace: string | null) => [
    "POST",
    `/v2/${path}`,
    `saga_1:${step}`,
    "c?rr",
    trace,
    "application/json",
    `{ "step":"${step}" }`,
  ];
  assertEquals(seen, [
    row("charges", "charge", traceparent),
    row("refunds", "refund", null),
    row("reservations", "reserve", traceparent),
    row("releases", "release", traceparent),
  ]);
});

Deno.test("F23 declines of charge, refund, reserve and release", async () => {
  const status = (path: string) =>
    path === "/charges" || path === "/refunds" ? 402 : 422;
  await withServer((request) => {
    const { pathname } = new URL(request.url);
    return Response.json({ reason: pathname }, { status: status(pathname) });
  }, async (url) => {
    await withProviders(url, {}, async ({ payment, inventory }, observed) => {
      const results = [
        await payment.charge(providerCall()),
        await payment.refund(providerCall()),
        await inventory.reserve(providerCall()),
        await inventory.release(providerCall()),
      ];
      assertEquals(
        results,
        ["/charges", "/refunds", "/reservations", "/releases"].map((reason) =>
          ({ kind: "declined", reason }) as const
        ),
      );
      assertEquals(observed.requests, [
        "payment charge declined",
        "payment refund declined",
        "inventory reserve declined",
        "inventory release declined",
      ]);
    });
  });
});

for (const status of [500, 502, 503, 504, 409, 423, 425]) {
  Deno.test(`F23 HTTP ${status} is unknown`, async () => {
    assertEquals(
      await chargeAnswered(() => Response.json({ id: "no" }, { status })),
      { kind: "unknown", cause: `HTTP ${status}` },
    );
  });
}

Deno.test("F23 HTTP 429 is unknown and its Retry-After is handed on", async () => {
  assertEquals(
    await chargeAnswered(() =>
      new Response("", { status: 429, headers: { "retry-after": "2" } })
    ),
    { kind: "unknown", cause: "HTTP 429", retryAfterMs: 2_000 },
  );
});

for (const status of [301, 302, 303, 307, 308]) {
  Deno.test(`F23 HTTP ${status} is not followed and is our configuration`, async () => {
    const paths: string[] = [];
    let result: ProviderResult | undefined;
    await withServer((request) => {
      const { pathname } = new URL(request.url);
      paths.push(`${request.method} ${pathname}`);
      return pathname === "/charges"
        ? new Response(null, { status, headers: { location: "/elsewhere" } })
        : Response.json({ id: "followed" });
    }, async (url) => {
      result = await chargeAt(url);
    });
    assertEquals(result?.kind, "misconfigured");
    assertEquals(paths, ["POST /charges"]);
  });
}

for (const status of [400, 401, 403, 404]) {
  Deno.test(`F23 HTTP ${status} is our configuration or our bug, never a decline`, async () => {
    const result = await chargeAnswered(() =>
      Response.json({ reason: "no" }, { status })
    );
    assertEquals(result.kind, "misconfigured");
  });
}

Deno.test("F23 200 without id, garbage, and a body without end are unknown", async () => {
  for (
    const body of ["{}", '{"id":""}', "<html>", "", `"${"x".repeat(70_000)}"`]
  ) {
    const result = await chargeAnswered(() => new Response(body));
    assertEquals(result.kind, "unknown");
  }
  let sent = 0;
  const endless = await chargeAnswered(() =>
    new Response(
      new ReadableStream({
        pull: (controller) => {
          sent += 1;
          controller.enqueue(new Uint8Array(16_384).fill(0x20));
        },
      }),
    )
  );
  assertEquals(endless.kind, "unknown");
  assert(sent < 1_000, `${sent} chunks read`);
});

Deno.test("F79 ids that cannot be kept as they are, and bytes that are no UTF-8, are unknown", async () => {
  const bytes = (...parts: readonly (string | number)[]) =>
    new Uint8Array(
      parts.flatMap((part) =>
        typeof part === "string" ? [...new TextEncoder().encode(part)] : [part]
      ),
    );
  const bodies = {
    "NUL as an escape": '{"id":"ch_\\u0000abc"}',
    "half a pair as an escape": '{"id":"ch_\\ud800"}',
    "a byte that begins nothing": bytes('{"id":"ch_', 0xff, '"}'),
    "half a pair as bytes": bytes('{"id":"ch_', 0xed, 0xa0, 0x80, '"}'),
    "a character that is cut": bytes('{"id":"ch_1"}', 0xe2, 0x82),
  };
  for (const [name, body] of Object.entries(bodies)) {
    const result = await chargeAnswered(() => new Response(body));
    assertEquals(result.kind, "unknown", name);
  }
  const whole = await chargeAnswered(() =>
    new Response(bytes('{"id":"ch_€𝄞"}'))
  );
  assertEquals(whole, { kind: "done", id: "ch_€𝄞" });
});

Deno.test("F79 a reason of 10 kB of control characters is cleaned and cut", async () => {
  const reason = "\u0001".repeat(10_000);
  const result = await chargeAnswered(() =>
    Response.json({ reason }, { status: 402 })
  );
  assertEquals(result, { kind: "declined", reason: "\ufffd".repeat(1_024) });
});

Deno.test("F80 F23 a release of what is gone is done; nothing else is", async () => {
  for (const status of [404, 410]) {
    await withServer(
      () => Response.json({ error: "no such thing" }, { status }),
      async (url) => {
        await withProviders(url, {}, async ({ payment, inventory }) => {
          assertEquals(await inventory.release(providerCall()), {
            kind: "done",
            id: "",
            gone: true,
          });
          const others = [
            await inventory.reserve(providerCall()),
            await payment.charge(providerCall()),
            await payment.refund(providerCall()),
          ];
          for (const { kind } of others) assertEquals(kind, "misconfigured");
        });
      },
    );
  }
});

const CLOSING = {
  "before an answer": "",
  "in the middle of the head": "HTTP/1.1 201 Crea",
  "in the middle of the body":
    'HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{"id":"ch_1"}',
  "in the middle of a chunk":
    'HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n20\r\n{"id":"ch_1"}',
  "after bytes that are no HTTP": "SSH-2.0-OpenSSH\r\n",
};
for (const [when, bytes] of Object.entries(CLOSING)) {
  Deno.test(`F23 a connection that closes ${when} is unknown`, async () => {
    await withRawServer(bytes, async (url) => {
      const result = await chargeAt(url);
      assertEquals(result.kind, "unknown");
      assert(result.kind === "unknown");
      assertStringIncludes(result.cause, "exchange broken");
    });
  });
}

Deno.test("F23 nobody listens: unknown", async () => {
  const result = await chargeAt(`http://127.0.0.1:${freePort()}`);
  assertEquals(result.kind, "unknown");
});

Deno.test("F23 a hang, and a body that never ends, are unknown after our time-out", async () => {
  const release = Promise.withResolvers<void>();
  const answers = {
    hang: async () => {
      await release.promise;
      return Response.json({ id: "late" });
    },
    "endless body": () =>
      new Response(
        new ReadableStream({
          start: (controller) =>
            controller.enqueue(new TextEncoder().encode('{"id":')),
        }),
      ),
  };
  for (const [name, answer] of Object.entries(answers)) {
    await withServer(answer, async (url) => {
      const started = performance.now();
      using awake = new AwakeTime();
      const result = await chargeAt(url, 100);
      const took = performance.now() - started;
      assertEquals(result, {
        kind: "unknown",
        cause: "no answer within 100 ms",
      }, name);
      assertGreaterOrEqual(took, 95, name);
      assertLess(awake.ms, 1_000, name);
      release.resolve();
    });
  }
});

Deno.test("our abort rejects with its reason and is no result", async () => {
  const arrived = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  await withServer(async () => {
    arrived.resolve();
    await release.promise;
    return Response.json({ id: "late" });
  }, async (url) => {
    await withProviders(url, {}, async ({ payment }, observed) => {
      const stop = new AbortController();
      const reason = new Error("stopping");
      const charged = payment.charge(providerCall({ signal: stop.signal }));
      await arrived.promise;
      stop.abort(reason);
      assertStrictEquals(await assertRejects(() => charged), reason);
      assertStrictEquals(
        await assertRejects(() =>
          payment.charge(providerCall({ signal: stop.signal }))
        ),
        reason,
      );
      assertEquals(observed.requests, [
        "payment charge aborted",
        "payment charge aborted",
      ]);
      release.resolve();
    });
  });
});

Deno.test("amounts beyond 2^53 arrive as they were sent", async () => {
  let body = "";
  await withServer(async (request) => {
    body = await request.text();
    return Response.json({ id: "ch_1" });
  }, async (url) => {
    await chargeAt(url);
  });
  assertEquals(body, CHARGE_BODY);
});
