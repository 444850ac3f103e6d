/** Leaders, elected when a test says so (API key 43, ElectLeaders). */
import { BrokerError } from "./errors.ts";
import { ask, Body } from "./wire.ts";

const ELECT_LEADERS = 43;
const PREFERRED = 0;
const TIMEOUT_MS = 10_000;

/** The first replica of each partition becomes its leader. @throws BrokerError when the request fails as a whole */
export async function electPreferred(
  address: string,
  topics: readonly {
    readonly topic: string;
    readonly partitions: readonly number[];
  }[],
): Promise<void> {
  const body = new Body();
  body.int8(PREFERRED).array(topics, ({ topic, partitions }) => {
    body.text(topic).array(partitions, (each) => body.int32(each)).end();
  }).int32(TIMEOUT_MS).end();
  const answer = await ask(address, ELECT_LEADERS, 2, body);
  // After the throttle time. A partition that has its preferred leader already has an error of its own.
  const code = answer.readInt16BE(4);
  if (code !== 0) throw new BrokerError(`Cannot elect leaders: error ${code}`);
}
