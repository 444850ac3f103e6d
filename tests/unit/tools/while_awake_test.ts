/** Attempts that a pause of the machine has made void. */
import { assertEquals, assertRejects } from "@std/assert";
import { block } from "../../support/failpoints/block.ts";
import { whileAwake } from "../../shutdown/while_awake.ts";

Deno.test("an attempt that failed in a pause is made again", async () => {
  let attempts = 0;
  await whileAwake(() => {
    if (++attempts > 1) return Promise.resolve();
    block(500);
    return Promise.reject(new Error("too late"));
  });
  assertEquals(attempts, 2);
});

Deno.test("one that fails every time fails", async () => {
  let attempts = 0;
  const failing = () => {
    attempts++;
    block(400);
    return Promise.reject(new Error("too late"));
  };
  await assertRejects(() => whileAwake(failing), Error, "too late");
  assertEquals(attempts, 5);
});
