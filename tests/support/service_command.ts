/**
 * What starts the service in a test, and what starts it with failpoints.
 *
 * Invariant: command and permissions come from deno.json's task `run`, the one
 * place for them, with this very Deno in place of the word `deno`; unless the
 * environment names something built from it: OMS_TEST_BINARY a compiled program
 * (`deno task compile`; its failpoints are in the file with `-failpoints` at
 * the end, `deno task compile --failpoints`), or OMS_TEST_BUNDLE the folder of
 * `deno task bundle`, which this Deno then runs.
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The entry points, from their sources and inside of a bundle's folder. */
const ENTRIES = {
  service: { source: "main.ts", bundled: "service/main.js" },
  failpoints: {
    source: "tests/support/failpoints/main.ts",
    bundled: "failpoints/tests/support/failpoints/main.js",
  },
} as const;

/**
 * Program and arguments.
 *
 * @throws Error when the task is no plain command for main.ts, or what the
 * environment names does not exist
 */
export function serviceCommand(
  entry: keyof typeof ENTRIES = "service",
): string[] {
  const failpoints = entry === "failpoints";
  const binary = Deno.env.get("OMS_TEST_BINARY");
  if (binary) {
    return [built(failpoints ? `${binary}-failpoints` : binary, "compile")];
  }
  const words = parseTask(
    JSON.parse(Deno.readTextFileSync(resolve(ROOT, "deno.json"))),
    "run",
  );
  if (words.pop() !== ENTRIES.service.source) {
    throw new Error(
      `Cannot start the service: the task run does not end with main.ts`,
    );
  }
  const bundle = Deno.env.get("OMS_TEST_BUNDLE");
  const { source, bundled } = ENTRIES[entry];
  return [
    ...words,
    // A failpoint kills its own process.
    ...(failpoints ? ["--allow-run"] : []),
    bundle ? built(`${bundle}/${bundled}`, "bundle") : source,
  ];
}

/** Version of the Deno that the service runs on: a compiled program brings its own. */
export function serviceRuntime(): string {
  if (!Deno.env.get("OMS_TEST_BINARY")) return Deno.version.deno;
  const [program = ""] = serviceCommand();
  const { stdout } = new Deno.Command(program, { args: ["--version"] })
    .outputSync();
  const line = new TextDecoder().decode(stdout);
  const [, version] = /\bruntime=deno-(\S+)/.exec(line) ?? [];
  if (version !== undefined) return version;
  throw new Error(`Cannot tell the runtime of ${program}: it prints ${line}`);
}

/** The words of a task's command. @throws Error when it is not `deno …` in plain words */
export function parseTask(manifest: unknown, name: string): string[] {
  const task = member(member(manifest, "tasks"), name);
  const command = typeof task === "string" ? task : member(task, "command");
  const words = typeof command === "string" ? command.trim().split(/\s+/) : [];
  if (words[0] !== "deno" || words.some((word) => /["'$&|;<>]/.test(word))) {
    throw new Error(
      `Cannot start by the task ${name}: its command is no plain "deno …" (received ${
        JSON.stringify(command)
      })`,
    );
  }
  return [Deno.execPath(), ...words.slice(1)];
}

function built(path: string, task: string): string {
  const whole = resolve(ROOT, path);
  try {
    if (Deno.statSync(whole).isFile) return whole;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  throw new Error(
    `Cannot start the service: ${whole} does not exist; deno task ${task} makes it`,
  );
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.entries(value).find(([name]) => name === key)?.[1];
}
