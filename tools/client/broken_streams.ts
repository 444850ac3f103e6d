/**
 * For a tool that calls the service while it stops.
 *
 * On Deno 2.7 a connection that ends may throw the end of one of its streams where nobody can catch it, and the tool
 * would be gone with all that it has measured. The call of that stream ends by its deadline.
 *
 * Not promised: anything about other errors; they end the tool.
 */

/** Claims the uncaught end of a stream whose connection has ended, until it is disposed. */
export function surviveBrokenStreams(): Disposable {
  const claim = (event: ErrorEvent) => {
    const { error } = event;
    const ended = error instanceof Error && "code" in error &&
      error.code === "ERR_HTTP2_STREAM_CANCEL";
    if (ended) event.preventDefault();
  };
  globalThis.addEventListener("error", claim);
  return {
    [Symbol.dispose]: () => globalThis.removeEventListener("error", claim),
  };
}
