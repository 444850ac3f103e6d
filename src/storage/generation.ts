/** The generation that a restore begins. */
import type { Generation } from "../orders/events.ts";

const TAG_LENGTH = 8;

/**
 * The tag is by chance: one copy may be restored twice, and neither restore can know of the other.
 *
 * @param before the highest number that is known to have been used
 */
export function nextGeneration(before: number): Generation {
  const tag = crypto.randomUUID().slice(0, TAG_LENGTH);
  return { number: before + 1, tag };
}
