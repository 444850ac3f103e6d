/** Errors of the HTTP side, one class per condition. */

/** The address cannot be bound; the message names it and what to change. */
export class HttpListenError extends Error {
  override readonly name = "HttpListenError";

  constructor(address: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(
      `Cannot serve HTTP on ${address}: ${why}. Choose another OMS_METRICS_ADDR, or stop what holds the port`,
      { cause },
    );
  }
}
