import { assert, assertEquals } from "@std/assert";
import { backoffMs, longestDelayMs } from "../../../src/sagas/backoff.ts";

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

Deno.test("F24 never less than the provider asks for, also beyond the maximum, and spread out after it", () => {
  const asked = (askedMs: number, chance: number, failures = 1) =>
    backoffMs(failures, always(chance), { askedMs, keyLeftMs: 3_600_000 });
  for (const askedMs of [1, 2_000, 90_000]) {
    assertEquals(asked(askedMs, 0), askedMs);
  }
  assertEquals(asked(2_000, 0.5), 2_500);
  assertEquals(asked(10_000, 0.999), 14_995);
  // Not more than the longest back-off, and not less than the failures call for.
  assertEquals(asked(300_000, 0.999), 329_970);
  assertEquals(asked(1, 0.5, 3), 101);
});

Deno.test("F24 what is added to the time that was asked for does not outlive the key", () => {
  const late = (askedMs: number, keyLeftMs: number) =>
    backoffMs(20, always(0.9), { askedMs, keyLeftMs });
  assertEquals(late(5_000, 60_000), 32_000);
  assertEquals(late(5_000, 6_000), 5_900);
  for (const keyLeftMs of [5_000, 4_000, 0, -1]) {
    assertEquals(late(5_000, keyLeftMs), 5_000);
  }
});

Deno.test("F24 the longest delay is known: what comes later, the clock was set back for", () => {
  const options = always(0.999999);
  for (const askedMs of [0, 20_000, 300_000]) {
    for (const failures of [1, 30]) {
      const delay = backoffMs(failures, options, {
        askedMs,
        keyLeftMs: 3_600_000,
      });
      assert(delay <= longestDelayMs(options, askedMs));
    }
  }
});

Deno.test("ten thousand failures still give a finite delay within the maximum", () => {
  for (const failures of [1, 41, 1_100, 10_000]) {
    const delay = backoffMs(failures, always(0.99));
    assert(delay >= 0 && delay <= 30_000, `${failures}: ${delay}`);
  }
});
