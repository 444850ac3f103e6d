/**
 * Texts of a provider that go on record: into the store, into events, back to the provider.
 *
 * Invariants: an id is kept exactly or not at all, for a refund has to name the charge by the provider's own bytes;
 * a reason may be mended, for only people read it. Neither holds NUL (node:sqlite ends a text there, jsonb refuses
 * it) nor half a surrogate pair (UTF-8 cannot say it).
 */

const MAX_ID_LENGTH = 255;
export const MAX_REASON_LENGTH = 1_024;

/** Line ends and tabs: a space says the same. */
const BLANKS = /[\t\n\v\f\r\u0085\u2028\u2029]/g;
// deno-lint-ignore no-control-regex -- those are what must not be there
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/;
const ALL_CONTROLS = new RegExp(CONTROLS, "g");

/** Whether the id can be kept and sent back as it is. */
export function isUsableId(id: string): boolean {
  return id.trim() !== "" && id.length <= MAX_ID_LENGTH &&
    id.isWellFormed() && !CONTROLS.test(id);
}

/** The text for people: without control characters, cut to `maxLength` but never within a surrogate pair. */
export function cleanText(
  text: string,
  maxLength: number = MAX_REASON_LENGTH,
): string {
  const clean = text.toWellFormed()
    .replace(BLANKS, " ").replace(ALL_CONTROLS, "\ufffd").trim();
  const cut = clean.slice(0, maxLength);
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}
