import { assertEquals, assertRejects } from "@std/assert";
import { Turns } from "../../../src/commands/turns.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const { signal: staying } = new AbortController();

/** Several turns of the microtask queue. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

Deno.test("one at a time per key, in the order of arrival", async () => {
  const turns = new Turns();
  const log: string[] = [];
  const gates = [0, 1, 2].map(() => Promise.withResolvers<void>());
  const calls = gates.map((gate, i) =>
    turns.take("k", staying, async () => {
      log.push(`${i} starts`);
      await gate.promise;
      log.push(`${i} ends`);
      return i;
    })
  );
  for (const gate of [...gates].reverse()) {
    gate.resolve();
    await settle();
  }
  assertEquals(await Promise.all(calls), [0, 1, 2]);
  assertEquals(log, [0, 1, 2].flatMap((i) => [`${i} starts`, `${i} ends`]));
});

Deno.test("keys do not wait for each other, and nothing is kept of them", async () => {
  const turns = new Turns();
  const gate = Promise.withResolvers<void>();
  const slow = turns.take("slow", staying, () => gate.promise);
  assertEquals(
    await turns.take("quick", staying, () => Promise.resolve("quick")),
    "quick",
  );
  gate.resolve();
  await slow;
  await settle();
  assertEquals(turns.size, 0);
});

Deno.test("a failure is its caller's alone", async () => {
  const turns = new Turns();
  const failing = turns.take(
    "k",
    staying,
    () => Promise.reject(new Error("full")),
  );
  const next = turns.take("k", staying, () => Promise.resolve("next"));
  await assertRejects(() => failing, Error, "full");
  assertEquals(await next, "next");
});

Deno.test("who leaves before its turn runs nothing and lets nobody pass the one before", async () => {
  const turns = new Turns();
  const gate = Promise.withResolvers<void>();
  const leaver = new AbortController();
  const log: string[] = [];
  const first = turns.take("k", staying, async () => {
    await gate.promise;
    log.push("first");
  });
  const second = turns.take("k", leaver.signal, () => {
    log.push("second");
    return Promise.resolve();
  });
  const third = turns.take("k", staying, () => {
    log.push("third");
    return Promise.resolve();
  });
  leaver.abort(new Error("gone"));
  await assertRejects(() => second, Error, "gone");
  await settle();
  assertEquals(log, []);
  gate.resolve();
  await Promise.all([first, third]);
  assertEquals(log, ["first", "third"]);
  await settle();
  assertEquals(turns.size, 0);
});
