import { assertEquals } from "@std/assert";
import {
  connectionCaps,
  freeDescriptors,
} from "../../../src/app/descriptors.ts";

const CONFIGURED = { grpc: 2_000, http: 500 };

Deno.test("F70 where descriptors are many, the ports may hold what is configured", () => {
  const asked: number[] = [];
  const caps = connectionCaps(CONFIGURED, 36, (wanted) => {
    asked.push(wanted);
    return wanted;
  });
  assertEquals(caps, CONFIGURED);
  assertEquals(asked, [2_600]);
});

Deno.test("F70 where descriptors are few, the ports share what is left, and the rest is kept", () => {
  // 1,000 less 64 and 36.
  assertEquals(connectionCaps(CONFIGURED, 36, () => 1_000), {
    grpc: 720,
    http: 180,
  });
  // Half of it is kept at the most.
  assertEquals(connectionCaps(CONFIGURED, 36, () => 100), {
    grpc: 40,
    http: 10,
  });
  assertEquals(connectionCaps(CONFIGURED, 36, () => 0), { grpc: 1, http: 1 });
});

Deno.test("no more descriptors are tried than are wanted, and none is kept", () => {
  assertEquals(freeDescriptors(20), 20);
});
