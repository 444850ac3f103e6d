/** The machine lacks what was asked for; the message says what, and why it is needed. */
export class MissingNeedError extends Error {
  override readonly name = "MissingNeedError";
}
