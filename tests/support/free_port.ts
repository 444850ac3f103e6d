/** Ports for brokers. */
import { BrokerError } from "./errors.ts";

/** Below the range that systems take client ports from: a port stays free while its broker is down. */
const PORTS = { from: 15_000, to: 30_000 } as const;

/** @throws BrokerError when a hundred tries find none */
export function freePort(): number {
  const { from, to } = PORTS;
  for (let tries = 0; tries < 100; tries++) {
    const port = from + Math.floor(Math.random() * (to - from));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new BrokerError(`Cannot find a free port from ${from} to ${to}`);
}
