/**
 * Why a command was not carried out, one class per condition. None of them leaves a trace in the store: the
 * same call may be sent again with the same key.
 */

/** The idempotency key was used before, with another payload or method. */
export class KeyReusedError extends Error {
  override readonly name = "KeyReusedError";

  constructor() {
    super(
      "The idempotency key was used with another method or payload; take a new key for a new request",
    );
  }
}

/** Too many events wait for the broker; nothing was written. */
export class BacklogError extends Error {
  override readonly name = "BacklogError";

  constructor() {
    super("Too many events wait to be published; repeat the call later");
  }
}

/** The service stops and takes on no more background work; nothing was written. */
export class StoppingError extends Error {
  override readonly name = "StoppingError";

  constructor() {
    super("The service is stopping; repeat the call");
  }
}

/** The order changed under the call again and again; nothing was written. */
export class VersionRaceError extends Error {
  override readonly name = "VersionRaceError";

  constructor(attempts: number) {
    super(
      `The order changed during each of ${attempts} attempts; repeat the call`,
    );
  }
}

/** The request does not fit its order, whatever becomes of that; nothing was written. */
export class RequestMismatchError extends Error {
  override readonly name = "RequestMismatchError";

  /**
   * @param field of the request
   * @param reason machine-readable
   */
  constructor(
    readonly field: string,
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

/** No order has this id. */
export class OrderNotFoundError extends Error {
  override readonly name = "OrderNotFoundError";

  constructor() {
    super("No order has this id");
  }
}

/** The page token is not one of ours, or belongs to another query. */
export class PageTokenError extends Error {
  override readonly name = "PageTokenError";
  /** The request's field that it came in. */
  readonly field: PageTokenField;

  constructor(field: PageTokenField, message: string) {
    super(message);
    this.field = field;
  }
}

export type PageTokenField = "page_token" | "timeline_page_token";
