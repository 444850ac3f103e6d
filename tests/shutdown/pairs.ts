/**
 * Runs each item, two at a time: more processes than cores only wait for each other. After a failure nothing
 * new begins, and what runs is awaited: the next test finds no process of this one.
 *
 * @throws what the first failed run threw
 */
export async function inPairs<T>(
  items: readonly T[],
  run: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  const lane = async () => {
    try {
      for (let item = left.shift(); item !== undefined; item = left.shift()) {
        await run(item);
      }
    } finally {
      left.length = 0;
    }
  };
  for (const result of await Promise.allSettled([lane(), lane()])) {
    if (result.status === "rejected") throw result.reason;
  }
}
