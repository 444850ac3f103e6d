/** An accept that fails: the server goes on, and says so. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { whyNoStrace } from "../../support/powerloss/strace.ts";
import { testsThatNeed } from "../../support/required.ts";
import { TextLineStream } from "../../support/text_lines.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const PROGRAM = fileURLToPath(new URL("./programs/serve.ts", import.meta.url));

/** What accept(2) may fail with, and what Deno calls it. */
const ERRORS = {
  EMFILE: "Too many open files",
  ENFILE: "Too many open files in system",
  ECONNABORTED: "connection abort",
  ENOBUFS: "No buffer space available",
  ENOMEM: "Cannot allocate memory",
  EPROTO: "Protocol error",
  EPERM: "Operation not permitted",
};

const straceTest = testsThatNeed({
  missing: await whyNoStrace(),
  requiredBy: "TEST_REQUIRE_STRACE",
  cannot: "Cannot make an accept fail",
});

/** The server, whose first accept fails. */
function spawn(errno: string): Deno.ChildProcess {
  return new Deno.Command("strace", {
    args: [
      ...["-f", "--seccomp-bpf", "-o", "/dev/null"],
      ...["-e", "trace=accept4"],
      ...["-e", `inject=accept4:error=${errno}:when=1`],
      ...[Deno.execPath(), "run", "--allow-net", PROGRAM],
    ],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

/** What a client gets whose accept fails, what is logged of it, and how the server ends. */
async function askOne(errno: string) {
  const child = spawn(errno);
  const lines = child.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream())[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? "null");
  let stdin: WritableStream | null = child.stdin;
  try {
    const { port } = await next();
    // The connection stays in the kernel's queue until the next accept.
    const answer = await fetch(`http://127.0.0.1:${port}/livez`);
    const said = [answer.status, await answer.text()];
    const warned = await next();
    await stdin.close();
    stdin = null;
    const further = (await lines.next()).value ?? null;
    return { said, warned, further, code: (await child.status).code };
  } finally {
    await stdin?.close();
  }
}

for (const [errno, text] of Object.entries(ERRORS)) {
  Deno.test(
    straceTest(
      `F70 accept fails with ${errno}: a warning names it, and who waited is served`,
      async () => {
        const { said, warned, further, code } = await askOne(errno);
        assertEquals(said, [200, "ok"]);
        assertEquals(warned.msg, "http cannot accept connections");
        assertStringIncludes(warned.error, text);
        assertEquals([further, code], [null, 0]);
      },
    ),
  );
}
