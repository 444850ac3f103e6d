/**
 * A process of its own that holds a store: `deno run store_process.ts <dir> [hold | commit | once]`.
 * Prints one line per event: `open`, `refused <message>`, `committed <order id>`, `closed`.
 * - hold: keeps the store open until it is killed
 * - commit: commits orders, printing each after its answer, until it is killed
 * - once: commits one order, closes, and ends without `Deno.exit`
 */
import { TextLineStream } from "./text_lines.ts";
import { openSqliteStore } from "../../src/storage/sqlite.ts";
import { makeChange, makeOrder } from "./fixtures.ts";

export type StoreProcessMode = "hold" | "commit" | "once";

export interface StoreProcess {
  readonly pid: number;
  /** The next line; null at the end. */
  line(): Promise<string | null>;
  /** SIGKILL, unless it has ended; resolves with the exit code. */
  kill(): Promise<number>;
  readonly status: Promise<Deno.CommandStatus>;
}

/** Permissions are those that the store needs, no more. */
export function startStoreProcess(
  dir: string,
  mode: StoreProcessMode,
): StoreProcess {
  const script = new URL(import.meta.url).pathname;
  const modules = new URL("../../src/storage/", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      `--allow-read=${dir},${modules}`,
      `--allow-write=${dir}`,
      script,
      dir,
      mode,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream())
    .getReader();
  return {
    pid: child.pid,
    status: child.status,
    line: async () => (await lines.read()).value ?? null,
    kill: async () => {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
      const { code } = await child.status;
      await lines.cancel();
      return code;
    },
  };
}

async function main(dir: string, mode: StoreProcessMode): Promise<void> {
  const store = await openSqliteStore({
    dir,
    owner: `pid-${Deno.pid}`,
    onFatal: (error) => {
      throw error;
    },
  });
  console.log("open");
  if (mode === "hold") setInterval(() => {}, 60_000);
  while (mode !== "hold") {
    const order = makeOrder();
    await store.commit(makeChange({ orderInsert: order }));
    console.log(`committed ${order.id}`);
    if (mode === "once") break;
  }
  if (mode !== "once") return;
  await store.close();
  console.log("closed");
}

if (import.meta.main) {
  const [dir, mode] = Deno.args;
  if (dir === undefined) throw new TypeError("usage: store_process.ts <dir>");
  const modes: readonly StoreProcessMode[] = ["hold", "commit", "once"];
  try {
    await main(dir, modes.find((known) => known === mode) ?? "hold");
  } catch (error) {
    console.log(`refused ${error instanceof Error ? error.message : error}`);
  }
}
