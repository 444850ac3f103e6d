/** `deno task providers:check` passes the simulator, and names what is wrong with adapters that are wrong on purpose. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Contract } from "../../../tools/providers/check/contract.ts";
import { Player } from "../../../tools/providers/check/player.ts";
import type { Row } from "../../../tools/providers/check/rows.ts";
import { freePort } from "../../support/free_port.ts";
import { withProviderServer } from "../../support/provider_server.ts";
import { accessTo, withServer } from "./fixtures.ts";

const TOKEN = "let-me-in";
const GOODS = {
  sku: "sku-1",
  currency: "EUR",
  amountMinor: "100",
  declineAmountMinor: "13",
  declineSku: "sold-out",
};

interface Call {
  readonly path: string;
  readonly key: string;
  readonly body: string;
  readonly authorization: string | null;
}
type Forward = (call: Call) => Promise<Response>;
/** An adapter in front of the simulator. */
type Adapter = (call: Call, forward: Forward) => Response | Promise<Response>;

/** Declines what the goods say, knows its callers, and is right in all else. */
const right: Adapter = (call, forward) => {
  if (call.authorization !== `Bearer ${TOKEN}`) {
    return Response.json({ error: "who are you?" }, { status: 401 });
  }
  const declined = call.body.includes('"13"') || call.body.includes("sold-out");
  return declined
    ? Response.json({ code: "declined", reason: "no" }, { status: 422 })
    : forward(call);
};

async function withAdapter(
  adapter: Adapter,
  use: (url: string) => Promise<void>,
): Promise<void> {
  // Long enough for calls at once to meet.
  await withProviderServer({ knobs: { latency_ms: 25 } }, async (simulator) => {
    const forward: Forward = async ({ path, key, body }) => {
      const answer = await fetch(simulator.url + path, {
        method: "POST",
        headers: { "idempotency-key": key },
        body,
      });
      const { status } = answer;
      return Response.json(await answer.json(), { status });
    };
    await withServer(async (request) =>
      await adapter({
        path: new URL(request.url).pathname,
        key: request.headers.get("idempotency-key") ?? "",
        body: await request.text(),
        authorization: request.headers.get("authorization"),
      }, forward), use);
  });
}

async function check(adapter: Adapter): Promise<readonly Row[]> {
  const rows: Row[] = [];
  await withAdapter(adapter, async (url) => {
    const headers = [["authorization", `Bearer ${TOKEN}`]] as const;
    using player = new Player({ ...accessTo(url), headers }, 5_000, 1);
    using stranger = new Player(accessTo(url), 5_000, 1);
    for (const what of ["payment", "inventory"] as const) {
      const contract = new Contract(player, stranger, GOODS, what);
      await contract[what]();
      rows.push(...contract.rows);
    }
  });
  return rows;
}

const named = (rows: readonly Row[], verdict: Row["verdict"]) =>
  rows.filter((row) => row.verdict === verdict)
    .map(({ step, rule }) => `${step}: ${rule}`);

Deno.test("F23 the contract holds for a right adapter, and every rule is played", async () => {
  const rows = await check(right);
  assertEquals(rows.filter(({ verdict }) => verdict !== "ok"), []);
  assert(rows.length >= 30, `${rows.length} rows`);
});

/** What each wrong adapter does, and the rules that it breaks. */
const WRONG: Readonly<Record<string, [Adapter, readonly string[]]>> = {
  "ignores keys": [
    (call, forward) =>
      right(
        call.key === "" ? call : { ...call, key: crypto.randomUUID() },
        forward,
      ),
    [
      "charge: the same key and bytes get the same id",
      "charge: the same key with other bytes is refused: 4xx",
      "charge: 8 calls of a key at once have one answer",
      "refund: the same key and bytes get the same id",
      "refund: 8 calls of a key at once have one answer",
      "reserve: the same key and bytes get the same id",
      "reserve: 8 calls of a key at once have one answer",
      "release: by the key of the reserve call, it releases what that reserved",
    ],
  ],
  "looks for the key, then acts": [
    racing(),
    ["charge: 8 calls of a key at once have one answer"],
  ],
  "knows a key whatever its bytes": [
    keysOnly(),
    [
      "charge: the same key with other bytes is refused: 4xx",
      "reserve: the same key with other bytes is refused: 4xx",
    ],
  ],
  "declines with 400": [
    async (call, forward) => {
      const answer = await right(call, forward);
      if (answer.status !== 422) return answer;
      return Response.json({ reason: "no" }, { status: 400 });
    },
    [
      "charge: a decline has a reason, and the same key gets it again",
      "reserve: a decline has a reason, and the same key gets it again",
    ],
  ],
  "says failed with 200": [
    async (call, forward) => {
      const answer = await right(call, forward);
      if (answer.status !== 422) return answer;
      return Response.json({ id: "ch_1", status: "failed" });
    },
    [
      "charge: a decline has a reason, and the same key gets it again",
      "reserve: a decline has a reason, and the same key gets it again",
    ],
  ],
  "calls a second charge in progress a decline": [
    async (call, forward) => {
      const answer = await right(call, forward);
      return answer.status === 409
        ? Response.json({ code: "declined", reason: "busy" }, { status: 409 })
        : answer;
    },
    [
      "charge: 8 calls of a key at once have one answer",
      "refund: 8 calls of a key at once have one answer",
      "reserve: 8 calls of a key at once have one answer",
    ],
  ],
  "declines to release what is gone": [
    async (call, forward) => {
      const answer = await right(call, forward);
      return answer.status === 404
        ? Response.json({ reason: "no such reservation" }, { status: 422 })
        : answer;
    },
    [
      "release: what is released already is done: 404 or 410",
      "release: what was never reserved is done: 404 or 410",
    ],
  ],
  "knows reservations by their id alone": [
    (call, forward) =>
      call.path === "/releases" && call.body.includes(":reserve")
        ? Response.json({ error: "no such reservation" }, { status: 404 })
        : right(call, forward),
    ["release: by the key of the reserve call, it releases what that reserved"],
  ],
  "lets everybody in": [
    (call, forward) =>
      right({ ...call, authorization: `Bearer ${TOKEN}` }, forward),
    [
      "charge: without our credentials it is refused: 401 or 403",
      "refund: without our credentials it is refused: 401 or 403",
      "reserve: without our credentials it is refused: 401 or 403",
    ],
  ],
  "has ids that cannot be kept": [
    async (call, forward) => {
      const answer = await right(call, forward);
      return answer.status === 201
        ? Response.json({ id: "ch_\u0000abc" }, { status: 201 })
        : answer;
    },
    [
      "charge: done: 200 or 201 with an id",
      "reserve: done: 200 or 201 with an id",
    ],
  ],
};

/** One answer a key, found only when the effect is over: calls at once have an effect each. */
function racing(): Adapter {
  const known = new Map<string, { status: number; body: string }>();
  return async (call, forward) => {
    const before = known.get(call.key);
    if (before !== undefined && !call.body.endsWith(" ")) {
      return new Response(before.body, { status: before.status });
    }
    if (before !== undefined) return new Response("{}", { status: 400 });
    const effectful = call.path === "/charges" && call.key !== "";
    const key = effectful ? `${call.key}#${crypto.randomUUID()}` : call.key;
    const answer = await right({ ...call, key }, forward);
    const { status } = answer;
    const body = await answer.text();
    if (status === 201) known.set(call.key, { status, body });
    return new Response(body, {
      status,
      headers: { "content-type": "application/json" },
    });
  };
}

function keysOnly(): Adapter {
  const first = new Map<string, string>();
  return (call, forward) => {
    const effectful = call.path === "/charges" || call.path === "/reservations";
    if (!effectful) return right(call, forward);
    const body = first.get(call.key) ?? call.body;
    if (isJson(call.body)) first.set(call.key, body);
    return right({ ...call, body }, forward);
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

for (const [what, [adapter, broken]] of Object.entries(WRONG)) {
  Deno.test(`F23 the check finds an adapter that ${what}`, async () => {
    const failed = named(await check(adapter), "FAIL");
    assertEquals(broken.filter((rule) => !failed.includes(rule)), []);
    const steps = new Set(broken.map((rule) => rule.split(":")[0]));
    assertEquals(
      failed.filter((rule) => !steps.has(rule.split(":")[0] ?? "")),
      [],
      "nothing else",
    );
  });
}

Deno.test("F23 a content type that is not JSON is advice", async () => {
  const rows = await check(async (call, forward) => {
    const answer = await right(call, forward);
    const headers = { "content-type": "text/plain" };
    return new Response(answer.body, { status: answer.status, headers });
  });
  assertEquals(named(rows, "FAIL"), []);
  assertEquals(named(rows, "warn"), [
    "charge: its content type is JSON",
    "refund: its content type is JSON",
    "reserve: its content type is JSON",
  ]);
});

const TOOL =
  new URL("../../../tools/providers_check.ts", import.meta.url).pathname;

async function run(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--allow-net",
      "--allow-env",
      "--allow-read",
      "--allow-sys",
      TOOL,
      "--decline-amount=13",
      "--decline-sku=sold-out",
      ...args,
    ],
    env: { OMS_PAYMENT_TOKEN: TOKEN, OMS_INVENTORY_TOKEN: TOKEN },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("providers:check ends with 0 where every rule holds", async () => {
  await withAdapter(right, async (url) => {
    const { code, stdout } = await run("--url", url);
    assertStringIncludes(stdout, "ok    charge   done: 200 or 201 with an id");
    assertStringIncludes(stdout, " 0 failed, 0 to look at, 0 skipped");
    assert(!stdout.includes(TOKEN));
    assertEquals(code, 0);
  });
});

Deno.test("providers:check ends with 1 where a rule is broken, and plays only what is named", async () => {
  const lax: Adapter = (call, forward) =>
    right({ ...call, authorization: `Bearer ${TOKEN}` }, forward);
  await withAdapter(lax, async (url) => {
    const { code, stdout } = await run("--inventory-url", url);
    assertStringIncludes(stdout, "FAIL  reserve  without our credentials");
    assertStringIncludes(stdout, " 1 failed,");
    assert(!stdout.includes("charge"));
    assertEquals(code, 1);
  });
});

Deno.test("providers:check ends with 2 where nothing can be played", async () => {
  const nobody = await run("--url", `http://127.0.0.1:${freePort()}`);
  assertStringIncludes(nobody.stderr, "charge: no answer");
  assertEquals(nobody.code, 2);
  const unnamed = await run();
  assertStringIncludes(unnamed.stderr, "--payment-url");
  assertEquals(unnamed.code, 2);
  assertEquals((await run("--uri", "http://x")).code, 2);
  const wrong = await run("--url", "ftp://x");
  assertStringIncludes(wrong.stderr, "OMS_PAYMENT_URL");
  assertEquals(wrong.code, 2);
});
