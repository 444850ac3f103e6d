/** Attempts that a pause of the machine has made void. */
import { assertEquals, assertRejects } from "@std/assert";
import { whileAwake } from "../../shutdown/while_awake.ts";

/** To a process, a machine that stands still and a thread that sleeps are the same. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

Deno.test("an attempt that failed in a pause is made again", async () => {
  let attempts = 0;
  await whileAwake(() => {
    if (++attempts > 1) return Promise.resolve();
    standStill(500);
    return Promise.reject(new Error("too late"));
  });
  assertEquals(attempts, 2);
});

Deno.test("one that fails every time fails", async () => {
  let attempts = 0;
  const failing = () => {
    attempts++;
    standStill(400);
    return Promise.reject(new Error("too late"));
  };
  await assertRejects(() => whileAwake(failing), Error, "too late");
  assertEquals(attempts, 5);
});
