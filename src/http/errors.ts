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

/** This Deno does not serve HTTP on a connection that it is given. */
export class HttpInternalsError extends Error {
  override readonly name = "HttpInternalsError";

  constructor() {
    super(
      `Cannot serve HTTP on Deno ${Deno.version.deno}: it does not have the function that Deno.serve of 2.8.3 rests on. Run the pinned version`,
    );
  }
}
