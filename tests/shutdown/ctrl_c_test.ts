/** Ctrl-C in a terminal, through the commands that the README gives. */
import { assertEquals } from "@std/assert";
import { SAME_SIGNAL_MS } from "@oms/lifecycle";
import { fileURLToPath } from "node:url";
import { AwakeTime } from "../support/awake_time.ts";
import { CTRL_C, Terminal } from "../support/pty.ts";
import { PATIENT_STORE } from "../support/service_process.ts";
import { inPairs } from "./pairs.ts";
import { NOT_LINUX } from "./platform.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const ROUNDS = 20;
/** Of one round, when pauses of the machine tear each Ctrl-C into two. */
const TRIES = 5;
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What of the log is in the terminal's text, colours and CR LF aside. */
function count(text: string, msg: string): number {
  return text.split(`"msg":"${msg}"`).length - 1;
}

/** What came of one Ctrl-C. */
interface Pressed {
  /** The command's exit code. */
  readonly code: number;
  /** What the terminal showed. */
  readonly text: string;
  readonly report: Readonly<Record<string, unknown>>;
  /** The machine stood still for longer than signals may be apart and still count as one, or nearly. */
  readonly paused: boolean;
}

async function pressOnce(command: string): Promise<Pressed> {
  const dir = await Deno.makeTempDir({ prefix: "oms_ctrl_c_" });
  try {
    await using terminal = new Terminal(command, {
      cwd: ROOT,
      env: {
        OMS_GRPC_ADDR: "127.0.0.1:0",
        OMS_METRICS_ADDR: "127.0.0.1:0",
        OMS_DATA_DIR: `${dir}/data`,
        OMS_TERMINATION_LOG: `${dir}/termination-log`,
        LOG_FORMAT: "json",
        ...PATIENT_STORE,
      },
    });
    await terminal.shows('"msg":"ready"', 30_000);
    using awake = new AwakeTime();
    await terminal.press(CTRL_C);
    await terminal.shows('"msg":"shutdown complete"', 30_000);
    const code = await terminal.ended(30_000);
    const { pausedMs } = awake;
    return {
      code,
      text: terminal.text,
      report: JSON.parse(await Deno.readTextFile(`${dir}/termination-log`)),
      paused: pausedMs > 0.8 * SAME_SIGNAL_MS,
    };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** The command's exit code, of a Ctrl-C that no pause of the machine has torn into two. */
async function pressCtrlC(command: string): Promise<number> {
  for (let tries = 1;; tries++) {
    const { code, text, report, paused } = await pressOnce(command);
    const forced = count(text, "shutdown forced");
    if (paused && forced > 0 && tries < TRIES) continue;
    assertEquals(forced, 0, text);
    assertEquals(count(text, "shutdown started"), 1, text);
    assertEquals(count(text, "shutdown complete"), 1, text);
    const { reason, outcome, exit_code } = report;
    assertEquals([reason, outcome, exit_code], ["SIGINT", "clean", 0], text);
    return code;
  }
}

Deno.test(
  `F04 Ctrl-C in a terminal, through npx and the task, ${ROUNDS} times: one clean stop each`,
  { ignore: NOT_LINUX },
  async () => {
    await inPairs(
      Array(ROUNDS).fill(`npx -y deno@${Deno.version.deno} task run`),
      // npx reports the signal that it got itself, not the service's code.
      async (command) => void await pressCtrlC(command),
    );
  },
);

Deno.test("F04 Ctrl-C through the task alone: its exit code is the service's", {
  ignore: NOT_LINUX,
}, async () => {
  assertEquals(await pressCtrlC(`'${Deno.execPath()}' task run`), 0);
});
