/** Answers that are none: hung, cut in the middle, late. */
import { systemClock } from "@oms/lifecycle";

/** Sends nothing until one of the signals aborts or `ms` have passed. */
export async function hang(
  ms: number,
  signals: readonly AbortSignal[],
): Promise<Response> {
  await pause(ms, signals);
  return Response.json({ error: "simulated hang" }, { status: 503 });
}

/** Headers and half a body, then the connection breaks. */
export function cutAnswer(): Response {
  let sent = false;
  const body = new ReadableStream({
    pull: (controller) => {
      if (sent) controller.error(new Error("simulated close"));
      else controller.enqueue(new TextEncoder().encode('{"id":"cut'));
      sent = true;
    },
  });
  return new Response(body, {
    status: 201,
    headers: { "content-type": "application/json" },
  });
}

/** Resolves after `ms` milliseconds, or sooner when one of the signals aborts. */
export async function pause(
  ms: number,
  signals: readonly AbortSignal[],
): Promise<void> {
  if (ms <= 0) return;
  const cut = new AbortController();
  const onAbort = () => cut.abort();
  for (const signal of signals) {
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
  }
  try {
    await systemClock.sleep(ms, cut.signal);
  } catch {
    // Cut short.
  } finally {
    for (const signal of signals) signal.removeEventListener("abort", onAbort);
  }
}
