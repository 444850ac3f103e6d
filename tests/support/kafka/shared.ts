/**
 * One broker for all Kafka test files of a run, and one with TLS and SASL for those that are about them.
 *
 * Test files run in one process, each in an isolate of its own, so what they
 * share is a directory named by the process. The broker ends with the process
 * (node.ts). Each test makes its own topics.
 */
import type { Broker } from "./broker.ts";
import { routeRuntimeWarnings } from "../../../src/events/mod.ts";
import { testsThatNeed } from "../required.ts";
import { run } from "../run_program.ts";
import { BrokerError } from "./errors.ts";
import { whatIsMissing } from "./jars.ts";
import { openBroker, prepareBroker } from "./prepare.ts";
import {
  openSecureBroker,
  prepareSecureBroker,
  type SecureBroker,
} from "./secure_broker.ts";

/** Set by CI: a machine without java or mvn fails the suite instead of skipping it. */
const REQUIRE_KAFKA = "TEST_REQUIRE_KAFKA";

/** A download on a slow line, and a start. */
const PREPARE_MS = 300_000;

/** The topics of one test. */
export interface TestTopics {
  readonly order: string;
  readonly saga: string;
  readonly dlq: string;
}

/** Names that no other test uses; nothing is created. */
export function newTopics(test: string): TestTopics {
  const name = `${test}-${crypto.randomUUID().slice(0, 8)}`;
  return {
    order: `${name}.order.events`,
    saga: `${name}.saga.events`,
    dlq: `${name}.dlq`,
  };
}

// The client library's harmless warning would stand between the tests' names.
routeRuntimeWarnings((level, _, fields) => {
  if (level !== "debug") console.warn(fields);
});

/** A test that starts what it needs of Kafka by itself; ignored as the others are. */
export const realKafkaTest = testsThatNeed({
  missing: await whatIsMissing(),
  requiredBy: REQUIRE_KAFKA,
  cannot: "Cannot test against Kafka",
});

/** What a run's test files share. */
interface Shared<T> {
  /** Of its directory's name. */
  readonly suffix: string;
  readonly prepare: (dir: string) => Promise<T>;
  /** @throws NotFound, SyntaxError while it is being prepared */
  readonly open: (dir: string) => T;
  readonly brokerOf: (shared: T) => Broker;
}

const PLAIN: Shared<Broker> = {
  suffix: "",
  prepare: (dir) => prepareBroker(dir, {}),
  open: openBroker,
  brokerOf: (broker) => broker,
};

const SECURE: Shared<SecureBroker> = {
  suffix: "-secure",
  prepare: prepareSecureBroker,
  open: openSecureBroker,
  brokerOf: ({ broker }) => broker,
};

/**
 * A test that gets the run's broker, up. Without java or mvn it is ignored, and
 * the file prints `skipped: needs java and mvn`; with TEST_REQUIRE_KAFKA=1 it
 * fails instead.
 */
export function kafkaTest(
  name: string,
  run: (broker: Broker) => Promise<void>,
): Deno.TestDefinition {
  return sharedTest(PLAIN, name, run);
}

/** The same with the run's broker that asks for TLS and SASL. */
export function secureKafkaTest(
  name: string,
  run: (secure: SecureBroker) => Promise<void>,
): Deno.TestDefinition {
  return sharedTest(SECURE, name, run);
}

function sharedTest<T>(
  shared: Shared<T>,
  name: string,
  run: (shared: T) => Promise<void>,
): Deno.TestDefinition {
  return realKafkaTest(name, async () => {
    const ours = await prepareOnce(shared);
    const broker = shared.brokerOf(ours);
    using _turn = await turnOf(broker);
    await broker.ensureUp();
    try {
      await run(ours);
    } finally {
      // Also for the end of the run: a broker that runs takes its directory with it.
      await broker.ensureUp();
    }
  });
}

/** With `--parallel` files run side by side, and a test may stop the broker: one test at a time has it. */
async function turnOf({ dir }: Broker): Promise<Disposable> {
  const file = await Deno.open(`${dir}/turn`, { create: true, write: true });
  await file.lock(true);
  return file;
}

/** Its pid, and when it started: an earlier one of that pid may have been killed and have left its directory. */
async function thisProcess(): Promise<string> {
  // Reading it here would need all permissions.
  const stat = await run("cat", [`/proc/${Deno.pid}/stat`]);
  // The fields after the program's name, which may hold anything; starttime is the 22nd of all (proc(5)).
  const fields = stat?.stdout.replace(/^.*\) /, "").split(" ") ?? [];
  return `${Deno.pid}-${fields[19] ?? 0}`;
}

/** Started by the first caller of this process, whatever its isolate. */
async function prepareOnce<T>(shared: Shared<T>): Promise<T> {
  const temp = Deno.env.get("TMPDIR") || "/tmp";
  const dir = `${
    temp.replace(/\/$/, "")
  }/oms-kafka-run-${await thisProcess()}${shared.suffix}`;
  try {
    await Deno.mkdir(dir, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    return await prepared(dir, shared.open);
  }
  try {
    return await shared.prepare(dir);
  } catch (error) {
    await Deno.remove(dir, { recursive: true });
    throw error;
  }
}

/** The broker that another isolate prepares. */
async function prepared<T>(
  dir: string,
  open: (dir: string) => T,
): Promise<T> {
  const end = performance.now() + PREPARE_MS;
  for (;;) {
    try {
      return open(dir);
    } catch (error) {
      const notYet = error instanceof Deno.errors.NotFound ||
        error instanceof SyntaxError;
      if (!notYet) throw error;
    }
    if (performance.now() > end) {
      throw new BrokerError(`Cannot share the broker: ${dir} is not prepared`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
