/** Waiting for a condition, with a deadline: never for a fixed time. */

const PATIENCE_MS = 30_000;
const LOOK_MS = 5;

/** Resolves once the condition holds. @throws Error naming `what` after `withinMs` */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs = PATIENCE_MS,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!await condition()) {
    if (performance.now() > end) {
      throw new Error(`${withinMs} ms passed without: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
