/** docs/providers.openapi.yaml says what the simulator answers, what the service sends, and what it takes for done. */
import { assert, assertEquals } from "@std/assert";
import { parse } from "yaml";
import { z } from "zod";
import { DONE_WORDS, WORKING_WORDS } from "../../../src/providers/interpret.ts";
import { OPERATIONS } from "../../../src/providers/http.ts";
import type { ExternalStep } from "../../../src/orders/saga.ts";
import { withProviderServer } from "../../support/provider_server.ts";
import { SagaWorld } from "../../support/saga_world.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const DOCUMENT: Json = parse(
  await Deno.readTextFile(
    new URL("../../../docs/providers.openapi.yaml", import.meta.url),
  ),
);

/** What stands at this path of keys; a reference on the way is followed. */
function walk(keys: readonly string[]): Json {
  let value: Json = DOCUMENT;
  for (const key of keys) {
    assert(typeof value === "object" && value !== null, keys.join("/"));
    assert(!Array.isArray(value) && key in value, `${keys.join("/")}: ${key}`);
    value = followed(value[key] ?? null);
  }
  return value;
}

function followed(value: Json): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return value;
  }
  const { $ref } = value;
  if (typeof $ref !== "string") return value;
  assert($ref.startsWith("#/"), $ref);
  return walk($ref.slice(2).split("/"));
}

/** The same with all references within it replaced. */
function resolved(value: Json): Json {
  const whole = followed(value);
  if (typeof whole !== "object" || whole === null) return whole;
  if (Array.isArray(whole)) return whole.map(resolved);
  return Object.fromEntries(
    Object.entries(whole).map(([key, inner]) => [key, resolved(inner)]),
  );
}

function at(...keys: readonly string[]): Json {
  return resolved(walk(keys));
}

function schemaAt(...keys: readonly string[]): z.ZodType {
  const schema = at(...keys, "content", "application/json", "schema");
  assert(typeof schema === "object" && !Array.isArray(schema));
  // A schema of the document, with nothing left to be looked up.
  return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
}

const pathOf = (step: ExternalStep) => OPERATIONS[step].path;

function assertRequest(step: ExternalStep, body: string): void {
  const schema = schemaAt("paths", pathOf(step), "post", "requestBody");
  const parsed = schema.safeParse(JSON.parse(body));
  assert(parsed.success, `${step} ${body}: ${parsed.error}`);
}

Deno.test("F80 what the service sends is what the OpenAPI file asks for", async () => {
  await using world = new SagaWorld();
  const refunded = await world.create();
  await world.pay(refunded);
  await world.settle();
  await world.refund(refunded, null);
  world.providers.script(
    "reserve",
    { kind: "done" },
    { kind: "unknown", effect: true },
    { kind: "denied" },
  );
  for (const _ of ["canceled", "released in doubt"]) {
    const id = await world.create();
    await world.pay(id);
    await world.settle();
    if (world.order(id).status === "CONFIRMED") await world.cancel(id);
  }
  await world.settle();
  const { calls } = world.providers;
  assertEquals(
    [...new Set(calls.map(({ step }) => step))].sort(),
    ["charge", "refund", "release", "reserve"],
  );
  for (const { step, body } of calls) assertRequest(step, body);
});

Deno.test("F80 what the simulator answers is what the OpenAPI file says, for each status", async () => {
  await withProviderServer({ knobs: { hang_ms: 10 } }, async (server) => {
    const seen = new Set<string>();
    let keys = 0;
    const ask = async (
      step: ExternalStep,
      fields: object,
      key = `k${++keys}`,
    ): Promise<string> => {
      const body = JSON.stringify({ order_id: "ord_1", ...fields });
      const answer = await fetch(server.url + pathOf(step), {
        method: "POST",
        headers: { "idempotency-key": key },
        body,
      });
      const status = String(answer.status);
      const json = await answer.json();
      const where = ["paths", pathOf(step), "post", "responses", status];
      const parsed = schemaAt(...where).safeParse(json);
      assert(parsed.success, `${step} ${status}: ${parsed.error}`);
      assertEquals(answer.headers.get("content-type"), "application/json");
      seen.add(`${step} ${status}`);
      return String(json.id);
    };
    const money = { amount_minor: "100", currency: "EUR" };
    const items = { items: [{ sku: "sku-1", qty: 1 }] };
    const charge_id = await ask("charge", money);
    const bodies = {
      charge: () => Promise.resolve(money),
      refund: () => Promise.resolve({ ...money, charge_id }),
      reserve: () => Promise.resolve(items),
      release: async () => ({ reservation_id: await ask("reserve", items) }),
    } as const;
    const steps = ["charge", "refund", "reserve", "release"] as const;
    for (const step of steps) {
      await ask(step, await bodies[step]());
      await ask(step, { nonsense: true });
      await ask("release", { reservation_id: "never" });
      for (
        const mode of ["error", "busy", "conflict", "hang", "processing_after"]
      ) {
        const body = await bodies[step]();
        server.setKnobs({ unknown_rate: 1, unknown_modes: [mode] });
        await ask(step, body);
        server.setKnobs({ unknown_rate: 0 });
      }
      const body = await bodies[step]();
      server.setKnobs({ decline_rate: 1, decline_operations: [step] });
      await ask(step, body);
      server.setKnobs({ decline_rate: 0 });
    }
    const common = ["200", "201", "400", "409", "429", "500", "503"];
    assertEquals(
      [...seen].sort(),
      [
        ...steps.flatMap((step) => common.map((status) => `${step} ${status}`)),
        "charge 402",
        "refund 402",
        "reserve 422",
        "release 422",
        "release 404",
      ].sort(),
    );
  });
});

Deno.test("F80 the words of a success are those that the service knows", async () => {
  const words = at("components", "schemas", "Done", "properties", "status");
  assert(typeof words === "object" && words !== null && !Array.isArray(words));
  assertEquals(words.enum, [...DONE_WORDS, ...WORKING_WORDS]);
  const text = await Deno.readTextFile(
    new URL("../../../docs/providers.md", import.meta.url),
  );
  for (const word of [...DONE_WORDS, ...WORKING_WORDS]) {
    assert(text.includes(`\`${word}\``), word);
  }
});

Deno.test("the OpenAPI file names every path of the service, and all its references lead somewhere", () => {
  const paths = at("paths");
  assert(typeof paths === "object" && paths !== null);
  assertEquals(
    Object.keys(paths).sort(),
    Object.values(OPERATIONS).map(({ path }) => path).sort(),
  );
  assert(JSON.stringify(resolved(DOCUMENT)).length > 0);
  assertEquals(at("openapi"), "3.1.0");
});

Deno.test("F79 the OpenAPI file's ids are those that can be kept", () => {
  const schema = schemaAt("components", "responses", "Done");
  for (const id of ["ch_1", "ch_€", "x".repeat(255)]) {
    assert(schema.safeParse({ id }).success, id);
  }
  for (const id of ["", "ch_\u0000abc", "ch\n", "ch\u0085", "x".repeat(256)]) {
    assert(!schema.safeParse({ id }).success, JSON.stringify(id));
  }
});
