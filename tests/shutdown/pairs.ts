/** Runs each item, two at a time: more processes than cores only wait for each other. */
export async function inPairs<T>(
  items: readonly T[],
  run: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  const lane = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) {
      await run(item);
    }
  };
  await Promise.all([lane(), lane()]);
}
