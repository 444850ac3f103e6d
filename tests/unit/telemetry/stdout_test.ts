import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";

/** Real pipes need a real process. */
const FIXTURE = new URL("./fixtures/blocked_stdout.ts", import.meta.url);

/** A child that a blocked write has stopped is ended after this, in ms. */
const DEADLINE_MS = 20_000;

type Seen = {
  lines: number;
  dropped: number;
  flushed: boolean;
  flushMs: number;
};

async function run(
  readStdout: (stdout: ReadableStream<Uint8Array>) => Promise<void>,
  flushWithinMs = 250,
): Promise<{ code: number; seen: Seen }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", FIXTURE.pathname, String(flushWithinMs)],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const deadline = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
  const reading = readStdout(child.stdout);
  const [{ code }, text] = await Promise.all([
    child.status,
    new Response(child.stderr).text(),
  ]);
  clearTimeout(deadline);
  await reading;
  if (!child.stdout.locked) await child.stdout.cancel();
  return { code, seen: JSON.parse(text) };
}

const processTest = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, fn, ignore: Deno.build.os === "windows" });

processTest(
  "F05 a stdout pipe that nobody reads stalls no timer and costs lines, not the process",
  async () => {
    const { code, seen } = await run(() => Promise.resolve());
    assertEquals(code, 0);
    assertGreater(seen.dropped, 0);
    assertEquals(seen.flushed, false);
    // That it came to its flush shows that no write blocked: it would have hung until the deadline.
    assertLess(seen.flushMs, 1_500);
  },
);

processTest(
  "F05 a stdout whose reader has gone does not kill the process",
  async () => {
    const { code, seen } = await run((stdout) => stdout.cancel());
    assertEquals(code, 0);
    assertGreater(seen.dropped, 0);
    assertEquals(seen.flushed, false);
  },
);

processTest("a stdout that is read gets whole lines in order", async () => {
  let text = "";
  const { code, seen } = await run(async (stdout) => {
    for await (const part of stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
    }
  }, DEADLINE_MS);
  assertEquals(code, 0);
  assertEquals(seen.flushed, true);
  const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert(lines.every((line) => line.level === "info" || line.lines > 0));
  const written = lines.filter((line) => line.msg === "line").length;
  assertEquals(written + seen.dropped, seen.lines);
});
