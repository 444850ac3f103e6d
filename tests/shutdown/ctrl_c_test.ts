/** Ctrl-C in a terminal, through the commands that the README gives. */
import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { CTRL_C, Terminal } from "../support/pty.ts";
import { PATIENT_STORE } from "../support/service_process.ts";
import { inPairs } from "./pairs.ts";
import { NOT_LINUX } from "./platform.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const ROUNDS = 20;
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What of the log is in the terminal's text, colours and CR LF aside. */
function count(text: string, msg: string): number {
  return text.split(`"msg":"${msg}"`).length - 1;
}

/** The command's exit code. */
async function pressCtrlC(command: string): Promise<number> {
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
    await terminal.press(CTRL_C);
    await terminal.shows('"msg":"shutdown complete"', 30_000);
    const code = await terminal.ended(30_000);
    const { text } = terminal;
    assertEquals(count(text, "shutdown started"), 1, text);
    assertEquals(count(text, "shutdown complete"), 1, text);
    assertEquals(count(text, "shutdown forced"), 0, text);
    const { reason, outcome, exit_code } = JSON.parse(
      await Deno.readTextFile(`${dir}/termination-log`),
    );
    assertEquals([reason, outcome, exit_code], ["SIGINT", "clean", 0], text);
    return code;
  } finally {
    await Deno.remove(dir, { recursive: true });
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
