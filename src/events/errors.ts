/** Errors of the publisher port, one class per condition. */

/** The batch may or may not be in the log: it is sent again, unchanged. */
export class PublishError extends Error {
  override readonly name = "PublishError";
}

/** The broker refuses a record of this batch for what it is (too large), and will refuse it again. */
export class RecordRefusedError extends Error {
  override readonly name = "RecordRefusedError";
}

/** The publisher did not close cleanly; whatever it held was torn down all the same. */
export class PublisherCloseError extends Error {
  override readonly name = "PublisherCloseError";
}

/** Ends a flush, which is not to wait for a publisher or a store in trouble. */
export class InTroubleError extends Error {
  override readonly name = "InTroubleError";
}
