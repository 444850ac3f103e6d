/**
 * Questions that only a partition's leader answers.
 *
 * The metadata names a leader a moment before it serves, and a broker that was
 * paused for longer than its session leads nothing until it is back: only an
 * answer of the leader counts, and it may have to be waited for.
 */
import { BrokerError } from "./errors.ts";

/** How long the leaders may take, in ms. */
const SERVED_MS = 60_000;
const LOOK_MS = 20;

/** What kafkajs makes of a broker's refusal. */
const REFUSALS = ["KafkaJSProtocolError", "KafkaJSDeleteTopicRecordsError"];

/**
 * Asks until the leaders serve.
 *
 * @param topic for the message
 * @throws BrokerError when they do not; whatever else `ask` throws
 */
export async function fromLeaders<T>(
  topic: string,
  ask: () => Promise<T>,
): Promise<T> {
  const end = performance.now() + SERVED_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const refused = error instanceof Error && REFUSALS.includes(error.name);
      if (!refused) throw error;
      if (performance.now() > end) {
        throw new BrokerError(
          `Cannot use ${topic}: not served after ${SERVED_MS} ms (${error.message})`,
        );
      }
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
