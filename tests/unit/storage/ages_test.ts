/** Two clocks over what is stored: what each of them may say, and when they are compared. */
import { assertEquals } from "@std/assert";
import { FakeClock } from "@oms/lifecycle/testing";
import { Ages } from "../../../src/storage/ages.ts";

const HOUR = 3_600_000;
const WALL = Date.UTC(2026, 0, 1);

function opened(newestAt: number | null) {
  const clock = new FakeClock();
  const jumps: number[] = [];
  const ages = new Ages({
    clock,
    newestAt,
    jumped: (byMs) => void jumps.push(byMs),
  });
  return { clock, ages, jumps };
}

Deno.test("F77 clocks that agree tell one time", async () => {
  const { clock, ages, jumps } = opened(null);
  await clock.advance(HOUR);
  assertEquals(ages.earliest, WALL + HOUR);
  assertEquals(ages.latest, WALL + HOUR);
  assertEquals([ages.behindMs, ages.openMs], [0, HOUR]);
  assertEquals(ages.byWall(WALL), HOUR);
  assertEquals(ages.bySteady(WALL), HOUR);
  assertEquals(jumps, []);
});

for (const by of [25 * HOUR, -25 * HOUR]) {
  Deno.test(`F77 a jump of ${by / HOUR} hours is told once, ends nothing early and lets nothing end early`, async () => {
    const { clock, ages, jumps } = opened(WALL);
    await clock.advance(1_000);
    clock.jumpWall(by);
    const now = WALL + 1_000;
    assertEquals(ages.earliest, Math.min(now, now + by));
    assertEquals(ages.latest, Math.max(now, now + by));
    await clock.advance(1_000);
    ages.look();
    assertEquals(jumps, [by]);
    assertEquals(ages.bySteady(WALL), 2_000);
    assertEquals(ages.byWall(WALL), 2_000 + by);
    clock.jumpWall(-by);
    ages.look();
    assertEquals(jumps, [by, -by]);
    // Both stay where they were: what was stored meanwhile has times of both clocks.
    assertEquals(ages.latest - ages.earliest, 25 * HOUR);
  });
}

Deno.test("a clock that is slewed is not taken for one that jumps", async () => {
  const { clock, ages, jumps } = opened(WALL);
  for (let second = 0; second < 60; second++) {
    await clock.advance(1_000);
    clock.jumpWall(500);
    ages.look();
  }
  assertEquals(jumps, []);
  clock.jumpWall(5_001);
  ages.look();
  assertEquals(jumps, [5_001]);
});

Deno.test("F77 a clock behind the newest time tells no age until it has passed it", async () => {
  const { clock, ages } = opened(WALL + HOUR);
  assertEquals(ages.behindMs, HOUR);
  assertEquals(ages.tells(WALL), false);
  await clock.advance(HOUR - 1);
  assertEquals(ages.tells(WALL), false);
  await clock.advance(1);
  assertEquals([ages.behindMs, ages.tells(WALL)], [0, true]);
  // It was behind by an hour at least, and has not been put right.
  assertEquals(ages.bySteady(WALL), 2 * HOUR);
  assertEquals(ages.byWall(WALL), HOUR);
  clock.jumpWall(3 * HOUR);
  assertEquals(ages.bySteady(WALL), 4 * HOUR);
});

Deno.test("F77 a clock that was in order at the start is not behind what it had shown later", async () => {
  const { clock, ages } = opened(WALL);
  clock.jumpWall(-HOUR);
  assertEquals(ages.tells(WALL - HOUR), true);
  await clock.advance(2_000);
  assertEquals(ages.bySteady(WALL - HOUR), HOUR + 2_000);
  // A time of the future tells nothing, whoever wrote it.
  assertEquals(ages.tells(WALL + HOUR), false);
});

Deno.test("F77 the time for which nothing ran makes no answer older", async () => {
  const { clock, ages } = opened(WALL - 25 * HOUR);
  await clock.advance(1_000);
  assertEquals(ages.earliest, WALL - 25 * HOUR + 1_000);
  assertEquals(ages.latest, WALL + 1_000);
});

Deno.test("times that are stored are whole milliseconds", async () => {
  const clock = new FakeClock({ now: 1_000.25, wall: WALL });
  const ages = new Ages({ clock, newestAt: null });
  await clock.advance(0.5);
  assertEquals([ages.earliest, ages.latest], [WALL, WALL + 1]);
});
