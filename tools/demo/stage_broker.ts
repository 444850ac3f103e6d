/**
 * A real broker for one run, with topics of its own.
 *
 * Invariant: disposing ends the broker and removes its data.
 */
import type { Broker } from "../../tests/support/kafka/broker.ts";
import { startBroker as startNode } from "../../tests/support/kafka/prepare.ts";
import { whatIsMissing } from "../../tests/support/kafka/jars.ts";
import { loseRecord } from "../../tests/support/kafka/lose_record.ts";
import type { EventFact } from "../../tests/support/ledger/mod.ts";
import { TOPICS } from "../../tests/support/ledger/read_events.ts";
import { readTopicEvents } from "../../tests/support/ledger/read_topics.ts";
import { RefusedError } from "./refused_error.ts";
import { routeRuntimeWarnings } from "../../src/events/mod.ts";

export class StageBroker implements AsyncDisposable {
  readonly node: Broker;

  private constructor(node: Broker) {
    this.node = node;
  }

  /** @throws RefusedError; BrokerError when it does not start */
  static async start(): Promise<StageBroker> {
    const missing = await whatIsMissing();
    if (missing !== null) {
      throw new RefusedError(`Cannot run with a Kafka broker: ${missing}`);
    }
    routeRuntimeWarnings((level, _, fields) => {
      if (level !== "debug") console.warn(fields);
    });
    const node = await startNode();
    try {
      await node.createTopics([TOPICS.order, TOPICS.saga, TOPICS.dlq]);
    } catch (error) {
      await node[Symbol.asyncDispose]();
      throw error;
    }
    return new StageBroker(node);
  }

  /** Variables of a service that publishes to it. */
  get env(): Readonly<Record<string, string>> {
    return { KAFKA_BROKERS: this.node.address };
  }

  /** What consumers get now. */
  events(): Promise<EventFact[]> {
    return readTopicEvents(this.node.client(), TOPICS);
  }

  /** @see loseRecord */
  async loseEvent(random: () => number): Promise<string> {
    const lost = await loseRecord(this.node.client(), TOPICS.order, random);
    return `event lost: ${lost}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node[Symbol.asyncDispose]();
  }
}
