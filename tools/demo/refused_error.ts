/** What was asked for cannot be done here; the message says why and what to change. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
}
