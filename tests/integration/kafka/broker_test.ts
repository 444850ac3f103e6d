/** The test broker itself. */
import { assertEquals, assertRejects } from "@std/assert";
import { fileURLToPath } from "node:url";
import process from "node:process";
import { startBroker } from "../../support/kafka/prepare.ts";
import { kafkaTest, newTopics } from "../../support/kafka/shared.ts";
import { until } from "../../support/until.ts";
import { TextLineStream } from "../../support/text_lines.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const HOLDER = fileURLToPath(
  new URL("../../support/kafka/hold_broker.ts", import.meta.url),
);

function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

/** Also true for a process that has ended and that nobody has waited for. */
function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

Deno.test(
  kafkaTest("a topic exists only when a test has made it", async (broker) => {
    const { order, saga } = newTopics("broker");
    await broker.createTopics([order]);
    const producer = broker.client().producer({ retry: { retries: 1 } });
    await producer.connect();
    const send = (topic: string) =>
      producer.send({ topic, messages: [{ key: "a", value: "b" }] });
    await send(order);
    await assertRejects(() => send(saga));
    await producer.disconnect();
    assertEquals((await broker.consumeAll(order)).length, 1);
  }),
);

Deno.test(kafkaTest(
  "a broker that is disposed of leaves no process and no directory",
  async () => {
    const broker = await startBroker();
    const { pid, dir } = broker;
    await broker[Symbol.asyncDispose]();
    await until("its end", () => Promise.resolve(!alive(pid)));
    assertEquals(await exists(dir), false);
  },
));

Deno.test(kafkaTest(
  "a broker ends with the process that started it, even by SIGKILL, and its directory with it",
  async () => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-lock", "--no-check", HOLDER],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const lines = child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).values();
    const { value } = await lines.next();
    child.kill("SIGKILL");
    await child.status;
    await lines.return?.();
    const { pid, dir } = JSON.parse(value ?? "");
    await until("the broker's end", () => Promise.resolve(!alive(pid)));
    await until("the directory's end", async () => !await exists(dir));
  },
));
