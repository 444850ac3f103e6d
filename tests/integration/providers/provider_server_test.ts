/** The provider simulator keeps the promises that the service's proofs rest on. */
import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { AwakeTime } from "../../support/awake_time.ts";
import {
  startProviderServer,
  withProviderServer,
} from "../../support/provider_server.ts";
import { until } from "../../support/until.ts";
import { CHARGE_BODY, providerCall, withProviders } from "./fixtures.ts";

function post(url: string, key: string, body = CHARGE_BODY): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "idempotency-key": key },
    body,
  });
}

Deno.test("the same key gets the same answer and one effect; other bytes under it are refused", async () => {
  await withProviderServer({}, async (server) => {
    const first = await (await post(`${server.url}/charges`, "k1")).json();
    const second = await (await post(`${server.url}/charges`, "k1")).json();
    assertEquals(second, first);
    const other = await post(`${server.url}/charges`, "k1", `${CHARGE_BODY} `);
    await other.body?.cancel();
    assertEquals(other.status, 400);
    const [entry, ...more] = server.ledger;
    assertEquals(more, []);
    assertEquals(entry, {
      key: "k1",
      operation: "charge",
      order_id: "ord_1",
      amount_minor: "9007199254740993",
      currency: "EUR",
      result: "done",
      id: first.id,
      at: entry?.at ?? "",
      request: CHARGE_BODY,
    });
    assertEquals(server.stats.replays, 1);
    assertEquals(server.stats.key_conflicts, 1);
  });
});

Deno.test("a second call while the first is worked on gets 409", async () => {
  const knobs = { latency_ms: 200 };
  await withProviderServer({ knobs }, async (server) => {
    let keys = 0;
    await until("a call that comes in time", async () => {
      const key = `k${++keys}`;
      const first = post(`${server.url}/charges`, key);
      await until("the call is in", () => server.stats.in_flight > 0);
      const second = await post(`${server.url}/charges`, key);
      await second.body?.cancel();
      await (await first).body?.cancel();
      assertEquals(server.ledger.length, keys);
      return second.status === 409;
    });
  });
});

Deno.test("requests that no real provider would take are refused without effect", async () => {
  await withProviderServer({}, async (server) => {
    const bodies = [
      "",
      "{}",
      CHARGE_BODY.replace('"9007199254740993"', "12"),
      CHARGE_BODY.replace("EUR", "eur"),
      CHARGE_BODY.replace("{", '{"extra":1,'),
    ];
    for (const [i, body] of bodies.entries()) {
      const answer = await post(`${server.url}/charges`, `k${i}`, body);
      await answer.body?.cancel();
      assertEquals(answer.status, 400, body);
    }
    const keyless = await post(`${server.url}/charges`, "");
    await keyless.body?.cancel();
    assertEquals(keyless.status, 400);
    assertEquals(server.ledger, []);
  });
});

const AFTER = [
  "error_after",
  "hang_after",
  "close_after",
  "processing_after",
  "garbage_after",
];
const BEFORE = ["error", "busy", "conflict", "hang"];

for (const mode of [...AFTER, ...BEFORE]) {
  Deno.test(`F23 "${mode}" is unknown to the client; the same key then finds the one answer`, async () => {
    await withProviderServer({}, async (server) => {
      server.setKnobs({ unknown_rate: 1, unknown_modes: [mode] });
      const settings = { timeoutMs: mode.startsWith("hang") ? 150 : 5_000 };
      await withProviders(server.url, settings, async ({ payment }) => {
        const effects = AFTER.includes(mode) ? 1 : 0;
        // A time-out that passes before the server has read the call finds no effect.
        await until("the call is worked on", async () => {
          const unknown = await payment.charge(providerCall());
          assertEquals(unknown.kind, "unknown");
          return server.ledger.length === effects;
        });
        server.setKnobs({ unknown_rate: 0 });
        // A hung call may still hold the key for the moment that it takes to see the client leave.
        let known = await payment.charge(providerCall());
        await until("the key is free", async () => {
          if (known.kind !== "unknown") return true;
          known = await payment.charge(providerCall());
          return false;
        });
        const [entry] = server.ledger;
        assertEquals(known, { kind: "done", id: entry?.id ?? "" });
        assertEquals(server.ledger.length, 1);
      });
    });
  });
}

Deno.test("declines follow the seed, are in the ledger, and have each operation's status", async () => {
  const operations = ["charge", "refund", "reserve", "release"] as const;
  const knobs = { decline_rate: 1, decline_operations: [...operations] };
  await withProviderServer({ knobs }, async (server) => {
    await withProviders(server.url, {}, async ({ payment, inventory }) => {
      const call = (step: string, extra: object) =>
        providerCall({
          idempotencyKey: `saga_1:${step}`,
          body: JSON.stringify({ order_id: "ord_1", ...extra }),
        });
      const money = { amount_minor: "1", currency: "EUR" };
      const results = [
        await payment.charge(call("charge", money)),
        await payment.refund(call("refund", { ...money, charge_id: "ch" })),
        await inventory.reserve(
          call("reserve", { items: [{ sku: "s", qty: 1 }] }),
        ),
      ];
      for (const { kind } of results) assertEquals(kind, "declined");
      // Only what is reserved can be declined to be released.
      server.setKnobs({ decline_operations: ["release"] });
      const reserve = call("reserve_2", { items: [{ sku: "s", qty: 1 }] });
      await inventory.reserve(reserve);
      const release = { reservation_id: reserve.idempotencyKey };
      assertEquals(await inventory.release(call("release", release)), {
        kind: "declined",
        reason: "already_shipped",
      });
    });
    assertEquals(
      server.ledger.map(({ operation, result }) => [operation, result]),
      [
        ["charge", "declined"],
        ["refund", "declined"],
        ["reserve", "declined"],
        ["reserve", "done"],
        ["release", "declined"],
      ],
    );
  });
});

Deno.test("F80 a release finds its reservation by id or by the key of its call, once; what is not there is 404", async () => {
  await withProviderServer({}, async (server) => {
    const items = [{ sku: "s", qty: 1 }];
    const ids: string[] = [];
    for (const key of ["k1", "k2"]) {
      const body = JSON.stringify({ order_id: "ord_1", items });
      const made = await post(`${server.url}/reservations`, key, body);
      ids.push((await made.json()).id);
    }
    const release = async (key: string, reservation_id: string) => {
      const body = JSON.stringify({ order_id: "ord_1", reservation_id });
      const answer = await post(`${server.url}/releases`, key, body);
      await answer.body?.cancel();
      return answer.status;
    };
    const [first = "", second = ""] = ids;
    assertEquals(await release("r1", first), 201);
    assertEquals(await release("r1", first), 201);
    assertEquals(await release("r2", first), 404);
    assertEquals(await release("r3", "k1"), 404);
    assertEquals(await release("r4", "k2"), 201);
    assertEquals(await release("r5", second), 404);
    assertEquals(await release("r6", "k3"), 404);
    assertEquals(
      server.ledger.filter(({ operation }) => operation === "release")
        .map(({ key }) => key),
      ["r1", "r4"],
    );
  });
});

Deno.test("the ledger outlives the server; a torn last line is cut off", async () => {
  const directory = await Deno.makeTempDir();
  const ledgerPath = `${directory}/ledger.ndjson`;
  try {
    let id = "";
    {
      await using server = await startProviderServer({ ledgerPath });
      id = (await (await post(`${server.url}/charges`, "k1")).json()).id;
    }
    await Deno.writeTextFile(ledgerPath, '{"key":"k2","oper', { append: true });
    {
      await using server = await startProviderServer({ ledgerPath });
      assertEquals(server.ledger.length, 1);
      const again = await (await post(`${server.url}/charges`, "k1")).json();
      assertEquals(again.id, id);
      await (await post(`${server.url}/charges`, "k2")).body?.cancel();
    }
    await using server = await startProviderServer({ ledgerPath });
    assertEquals(server.ledger.map(({ key }) => key), ["k1", "k2"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("knobs, ledger and stats over HTTP; an unknown knob is refused", async () => {
  await withProviderServer({}, async (server) => {
    const turn = (body: unknown) =>
      fetch(`${server.url}/_knobs`, {
        method: "POST",
        body: JSON.stringify(body),
      });
    const turned = await turn({ double_rate: 1 });
    assertEquals((await turned.json()).double_rate, 1);
    const refused = await turn({ decline: 1 });
    await refused.body?.cancel();
    assertEquals(refused.status, 400);
    await (await post(`${server.url}/charges`, "k1")).body?.cancel();
    const ledger = await (await fetch(`${server.url}/_ledger`)).json();
    assertEquals(ledger.map(({ key }: { key: string }) => key), ["k1", "k1"]);
    const stats = await (await fetch(`${server.url}/_stats`)).json();
    assertEquals(stats.effects, 2);
  });
});

Deno.test("a stop cuts hanging calls and is quick", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const server = await startProviderServer({
      ledgerPath: `${directory}/ledger.ndjson`,
      knobs: { unknown_rate: 1, unknown_modes: ["hang"] },
    });
    const hanging = post(`${server.url}/charges`, "k1");
    await until("the call is in", () => server.stats.in_flight > 0);
    using time = new AwakeTime();
    await server[Symbol.asyncDispose]();
    assertLess(time.ms, 1_000);
    await (await hanging).body?.cancel();
    await assertRejects(() => post(`${server.url}/charges`, "k2"));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
