import { assert, assertEquals } from "@std/assert";
import { backoffMs } from "../../../src/sagas/backoff.ts";

const always = (value: number) => ({
  baseMs: 50,
  maxMs: 30_000,
  random: () => value,
});

Deno.test("the ceiling doubles from the base up to the maximum", () => {
  const ceilings = Array.from(
    { length: 12 },
    (_, i) => Math.ceil(backoffMs(i + 1, always(0.9999999)) / 10) * 10,
  );
  assertEquals(ceilings.slice(0, 4), [50, 100, 200, 400]);
  assertEquals(ceilings.slice(-2), [30_000, 30_000]);
});

Deno.test("F24 the jitter is full: from 0 to the ceiling", () => {
  assertEquals(backoffMs(5, always(0)), 0);
  assertEquals(backoffMs(5, always(0.5)), 400);
});

Deno.test("never less than the provider asks for, also beyond the maximum", () => {
  assertEquals(backoffMs(1, always(0.5), 2_000), 2_000);
  assertEquals(backoffMs(1, always(0.5), 90_000), 90_000);
  assertEquals(backoffMs(3, always(0.5), 1), 100);
});

Deno.test("ten thousand failures still give a finite delay within the maximum", () => {
  for (const failures of [1, 41, 1_100, 10_000]) {
    const delay = backoffMs(failures, always(0.99));
    assert(delay >= 0 && delay <= 30_000, `${failures}: ${delay}`);
  }
});
