/** For broker_test.ts: starts a broker, says where it is, and waits for its own end. */
import { startBroker } from "./prepare.ts";

const { pid, dir } = await startBroker();
console.log(JSON.stringify({ pid, dir }));
setInterval(() => {}, 60_000);
