/** A broker that hangs, dies or restarts while batches are on their way. */
import { assert, assertEquals } from "@std/assert";
import { systemClock } from "@oms/lifecycle";
import type { Broker } from "../../support/kafka/broker.ts";
import { OutboxWorld } from "../../support/kafka/outbox_world.ts";
import { kafkaTest, newTopics } from "../../support/kafka/shared.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** Long enough for several attempts to fail and for a broker to see a batch late. */
const SHORT_LIMITS = { connectTimeoutMs: 1_000, sendTimeoutMs: 1_000 };

/** Something that happens to a broker in the middle of a batch. */
interface Break {
  readonly rounds: number;
  /** Begins as a batch is handed over. */
  readonly begin: (broker: Broker) => void | Promise<void>;
  readonly end: (broker: Broker) => void | Promise<void>;
  /** From the one to the other, in ms. */
  readonly lastsMs: number;
  readonly limits?: typeof SHORT_LIMITS;
}

/** What came of it. */
interface Aftermath {
  readonly duplicates: number;
  readonly failures: number;
}

/** Commits without a pause while the broker breaks again and again; everything has to arrive. */
async function breakUnderLoad(
  broker: Broker,
  name: string,
  { rounds, begin, end, lastsMs, limits }: Break,
): Promise<Aftermath> {
  const topics = newTopics(name);
  await broker.createTopics(Object.values(topics));
  let breaking: Promise<void> | null = null;
  let delayMs: number | null = null;
  const breakNow = async (ms: number) => {
    await systemClock.sleep(ms);
    await begin(broker);
  };
  await using world = await OutboxWorld.open(broker, topics, {
    batchSize: 20,
    limits,
    onPublish: () => {
      if (delayMs !== null) breaking ??= breakNow(delayMs);
    },
  });
  for (let round = 0; round < rounds; round++) {
    const before = world.acknowledged;
    const writing = world.commitMany(20, 20);
    await world.until("acknowledgements", () => world.acknowledged > before);
    // With the rounds from "not yet at the broker" to "acknowledged already".
    delayMs = round;
    await world.until("a batch to break", () => breaking !== null);
    await breaking;
    [breaking, delayMs] = [null, null];
    await systemClock.sleep(lastsMs);
    await end(broker);
    await writing;
  }
  const { duplicates } = await world.assertDelivered();
  const failed = world.log.filter(({ msg }) => /cannot publish/.test(msg));
  return { duplicates, failures: failed.length };
}

Deno.test(kafkaTest(
  "F41 SIGSTOP in the middle of a batch, SIGCONT within the limits: nobody notices",
  async (broker) => {
    const { duplicates, failures } = await breakUnderLoad(broker, "f41-short", {
      rounds: 4,
      begin: () => broker.pause(),
      end: () => broker.resume(),
      lastsMs: 400,
    });
    assertEquals({ duplicates, failures }, { duplicates: 0, failures: 0 });
  },
));

Deno.test(kafkaTest(
  "F41 SIGSTOP beyond the limits of a send: the same batch again, late copies are the same bytes",
  async (broker) => {
    const { failures } = await breakUnderLoad(broker, "f41-long", {
      rounds: 2,
      begin: () => broker.pause(),
      end: () => broker.resume(),
      lastsMs: 2_500,
      limits: SHORT_LIMITS,
    });
    assert(failures > 0, "the pause should have failed a send");
  },
));

Deno.test(kafkaTest(
  "F41 SIGSTOP beyond the client's own request time-out, with the service's limits",
  async (broker) => {
    await breakUnderLoad(broker, "f41-own", {
      rounds: 1,
      begin: () => broker.pause(),
      end: () => broker.resume(),
      lastsMs: 5_000,
    });
  },
));

Deno.test(kafkaTest(
  "F41 SIGKILL of the broker in the middle of a batch, and a restart",
  async (broker) => {
    const { failures } = await breakUnderLoad(broker, "f41-kill", {
      rounds: 2,
      begin: () => broker.kill(),
      end: () => broker.start(),
      lastsMs: 0,
    });
    assert(failures > 0, "the kill should have failed a send");
  },
));

Deno.test(kafkaTest(
  "F41 an orderly restart of the broker in the middle of a batch",
  async (broker) => {
    await breakUnderLoad(broker, "f41-restart", {
      rounds: 2,
      begin: () => broker.stop(),
      end: () => broker.start(),
      lastsMs: 0,
    });
  },
));
