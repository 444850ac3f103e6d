/**
 * Where the partitions of a topic begin and end, from leaders that serve.
 *
 * The metadata names a leader a moment before it serves, and a broker that was
 * paused for longer than its session leads nothing until it is back: only an
 * answer of the leader counts, and it may have to be waited for.
 */
import type { Admin } from "kafkajs";
import { BrokerError } from "./errors.ts";

/** How long the leaders may take, in ms. */
const SERVED_MS = 60_000;
const LOOK_MS = 20;

type Offsets = Awaited<ReturnType<Admin["fetchTopicOffsets"]>>;

/** @throws BrokerError when the leaders do not serve */
export async function offsetsOf(
  admin: Pick<Admin, "fetchTopicOffsets">,
  topic: string,
): Promise<Offsets> {
  const end = performance.now() + SERVED_MS;
  for (;;) {
    try {
      return await admin.fetchTopicOffsets(topic);
    } catch (error) {
      const refused = error instanceof Error &&
        error.name === "KafkaJSProtocolError";
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
