/** `deno task providers` as a process: ready line, kill, same answers, clean stop. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CHARGE_BODY } from "./fixtures.ts";

const TOOL = new URL("../../../tools/providers.ts", import.meta.url).pathname;

function command(...args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--allow-net=127.0.0.1",
      "--allow-read",
      "--allow-write",
      "--allow-env",
      TOOL,
      ...args,
    ],
    stdout: "piped",
    stderr: "piped",
  });
}

interface Running {
  readonly child: Deno.ChildProcess;
  readonly ready: { readonly url: string; readonly entries: number };
  /** Exit code and stderr. */
  ended(): Promise<readonly [number, string]>;
}

async function start(ledger: string): Promise<Running> {
  // The `--` of `deno task providers -- …` is handed on.
  const child = command("--", "--port", "0", "--ledger", ledger).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let line = "";
  while (!line.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) break;
    line += value;
  }
  assert(line.endsWith("\n"), `no ready line: ${line}`);
  const stderr = new Response(child.stderr).text();
  return {
    child,
    ready: JSON.parse(line),
    ended: async () => {
      while (!(await reader.read()).done);
      return [(await child.status).code, await stderr];
    },
  };
}

async function charge(url: string): Promise<unknown> {
  const response = await fetch(`${url}/charges`, {
    method: "POST",
    headers: { "idempotency-key": "saga_1:charge" },
    body: CHARGE_BODY,
  });
  assertEquals(response.status, 201);
  return await response.json();
}

Deno.test({
  name:
    "killed and started again, the simulator gives the same answer; SIGTERM stops it with exit 0",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const directory = await Deno.makeTempDir();
    const ledger = `${directory}/ledger.ndjson`;
    try {
      const first = await start(ledger);
      const answer = await charge(first.ready.url);
      first.child.kill("SIGKILL");
      await first.ended();

      const second = await start(ledger);
      assertEquals(second.ready.entries, 1);
      assertEquals(await charge(second.ready.url), answer);
      second.child.kill("SIGTERM");
      assertEquals(await second.ended(), [0, ""]);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test("a wrong flag is named, exit 2, nothing is created", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const ledger = ["--ledger", `${directory}/deeper/ledger.ndjson`];
    for (
      const [flag, value, named] of [
        ["--decline-rate", "2", "decline_rate"],
        ["--port", "x", "--port"],
      ] as const
    ) {
      const { code, stderr } = await command(...ledger, flag, value).output();
      assertEquals(code, 2);
      assertStringIncludes(new TextDecoder().decode(stderr), named);
    }
    assertEquals([...Deno.readDirSync(directory)], []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
