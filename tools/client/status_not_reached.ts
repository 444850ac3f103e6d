/** The order did not get the status in time, or never will; the message says what was there instead. */
export class StatusNotReachedError extends Error {
  override readonly name = "StatusNotReachedError";

  /**
   * @param awaited the status's name
   * @param last the one that was seen last; null: none was
   */
  constructor(
    readonly awaited: string,
    readonly last: string | null,
    why: string,
  ) {
    const seen = last === null
      ? `It is not known whether the order is ${awaited}`
      : `The order is ${last}, not ${awaited}`;
    super(`${seen}: ${why}`);
  }
}
