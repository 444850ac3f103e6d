import { assertEquals } from "@std/assert";

const FOLDER = new URL("../../../src/lifecycle/", import.meta.url);

async function sources(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { name } of Deno.readDir(FOLDER)) {
    if (!name.endsWith(".ts")) continue;
    found.set(name, await Deno.readTextFile(new URL(name, FOLDER)));
  }
  return found;
}

Deno.test("the lifecycle imports nothing but itself", async () => {
  const foreign: string[] = [];
  for (const [file, text] of await sources()) {
    for (const [, from] of text.matchAll(/\b(?:from|import\()\s*"([^"]+)"/g)) {
      if (!from?.startsWith("./")) foreign.push(`${file}: ${from}`);
    }
  }
  assertEquals(foreign, []);
});

Deno.test("signals.ts imports nothing, so that it can come first", async () => {
  const text = (await sources()).get("signals.ts") ?? "";
  assertEquals([...text.matchAll(/^(import|export \* from)\b/gm)].length, 0);
});

Deno.test("the lifecycle knows no word of what the process does", async () => {
  const words = /\b(sagas?|payments?|refunds?|orders|order_id|kafka|grpc)\b/i;
  const found: string[] = [];
  for (const [file, text] of await sources()) {
    const word = text.match(words)?.[0];
    if (word !== undefined) found.push(`${file}: ${word}`);
  }
  assertEquals(found, []);
});
