/**
 * A port that nobody listens on, for a listener that comes later, comes back, or never comes.
 *
 * Invariant: it is below the range that systems take client ports from, so no
 * client takes it meanwhile. Not promised: that nobody listens on it later.
 */
const PORTS = { from: 15_000, to: 30_000 } as const;

/** @throws Error when a hundred tries find none */
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
  throw new Error(`Cannot find a free port from ${from} to ${to}`);
}
