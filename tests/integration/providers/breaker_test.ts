/** F24 at the HTTP client: a provider that is away is left in peace, and found again. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "@oms/lifecycle";
import { until } from "../../support/until.ts";
import { providerCall, withProviders, withServer } from "./fixtures.ts";

const HALF_OPEN = "payment half_open";

const BREAKER = {
  resetTimeoutMs: 150,
  errorThresholdPercentage: 50,
  volumeThreshold: 5,
  windowMs: 10_000,
};

Deno.test("F24 an open circuit answers unknown without a call, lets one through later, and closes", async () => {
  await answersUnknown();
  await closesAgain();
});

async function answersUnknown(): Promise<void> {
  let calls = 0;
  await withServer(() => {
    calls += 1;
    return Response.json({}, { status: 503 });
  }, async (url) => {
    const breaker = { ...BREAKER, resetTimeoutMs: 60_000 };
    await withProviders(
      url,
      { breaker },
      async ({ payment, inventory }, observed) => {
        for (let i = 0; i < 5; i++) await payment.charge(providerCall());
        assertEquals(observed.circuits.at(-1), "payment open");
        const before = calls;
        assertEquals(await payment.charge(providerCall()), {
          kind: "unknown",
          cause: "circuit open: the provider has been failing",
          retryAfterMs: 60_000,
        });
        assertEquals(calls, before);
        assertEquals((await inventory.reserve(providerCall())).kind, "unknown");
        assertEquals(calls, before + 1, "the other provider is not concerned");
      },
    );
  });
}

async function closesAgain(): Promise<void> {
  let status = 503;
  await withServer(
    () => Response.json({ id: "ch_1" }, { status }),
    async (url) => {
      await withProviders(
        url,
        { breaker: BREAKER },
        async ({ payment }, { circuits }) => {
          for (let i = 0; i < 5; i++) await payment.charge(providerCall());
          await until("half open", () => circuits.at(-1) === HALF_OPEN);
          const tried = circuits.length;
          await payment.charge(providerCall());
          assertEquals(circuits[tried], "payment open");

          status = 200;
          await until(
            "half open again",
            () => circuits.length > tried + 1 && circuits.at(-1) === HALF_OPEN,
          );
          const [first, ...rest] = await Promise.all(
            [1, 2, 3].map(() => payment.charge(providerCall())),
          );
          assertEquals(first, { kind: "done", id: "ch_1" });
          for (const other of rest) assertEquals(other.kind, "unknown");
          assertEquals(circuits.at(-1), "payment closed");
          assertEquals((await payment.charge(providerCall())).kind, "done");
        },
      );
    },
  );
}

Deno.test("F24 an aborted call of a half-open circuit does not shut it for ever", async () => {
  let mode: "fail" | "hang" | "work" = "fail";
  const release = Promise.withResolvers<void>();
  let hanging = 0;
  await withServer(async () => {
    if (mode === "fail") return new Response("", { status: 500 });
    if (mode === "hang") {
      hanging += 1;
      await release.promise;
    }
    return Response.json({ id: "ch_1" });
  }, async (url) => {
    await withProviders(
      url,
      { breaker: BREAKER },
      async ({ payment }, observed) => {
        for (let i = 0; i < 5; i++) await payment.charge(providerCall());
        mode = "hang";
        await until(
          "a half-open circuit",
          () => observed.circuits.at(-1) === HALF_OPEN,
        );
        const stop = new AbortController();
        const charged = payment.charge(providerCall({ signal: stop.signal }));
        await until("the call through", () => hanging === 1);
        const tried = observed.circuits.length;
        stop.abort(new Error("stopping"));
        await assertRejects(() => charged, Error, "stopping");
        assertEquals(observed.circuits[tried], "payment open");
        mode = "work";
        await until(
          "a half-open circuit",
          () => observed.circuits.at(-1) === HALF_OPEN,
        );
        assertEquals((await payment.charge(providerCall())).kind, "done");
        assertEquals(observed.circuits.at(-1), "payment closed");
        release.resolve();
      },
    );
  });
});

Deno.test("our own aborts, declines and misconfiguration open no circuit", async () => {
  let status = 402;
  await withServer(
    () => Response.json({ reason: "no" }, { status }),
    async (url) => {
      await withProviders(
        url,
        { breaker: BREAKER },
        async ({ payment }, observed) => {
          for (status of [402, 401, 302, 425, 429]) {
            for (let i = 0; i < 10; i++) await payment.charge(providerCall());
          }
          for (let i = 0; i < 10; i++) {
            const stop = new AbortController();
            const charged = payment.charge(
              providerCall({ signal: stop.signal }),
            );
            stop.abort(new Error("stopping"));
            await assertRejects(() => charged, Error, "stopping");
          }
          assertEquals(observed.circuits, [
            "payment closed",
            "inventory closed",
          ]);
        },
      );
    },
  );
});

Deno.test("F24 a stampede reaches the provider only within the concurrency limit", async () => {
  let running = 0;
  let most = 0;
  await withServer(async () => {
    running += 1;
    most = Math.max(most, running);
    await systemClock.sleep(10);
    running -= 1;
    return Response.json({ id: "ch_1" });
  }, async (url) => {
    await withProviders(url, { concurrency: 4 }, async ({ payment }) => {
      const results = await Promise.all(
        Array.from(
          { length: 40 },
          (_, i) =>
            payment.charge(
              providerCall({ idempotencyKey: `saga_${i}:charge` }),
            ),
        ),
      );
      for (const { kind } of results) assertEquals(kind, "done");
    });
  });
  assert(most <= 4, `${most} at a time`);
});
