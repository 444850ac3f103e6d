/** The rows of docs/compatibility.md. */

export interface Row {
  readonly id: string;
  readonly input: string;
  readonly as: string;
  readonly why: string;
}

const PAGE = new URL("../../../docs/compatibility.md", import.meta.url);

/** @throws Error for a row that has not all of its cells */
export function readRows(): Row[] {
  return Deno.readTextFileSync(PAGE).split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => {
      const [name, input, original, here, as, why] = line.split("|").slice(1)
        .map((cell) => cell.trim());
      const id = /^`([a-z-]+)`$/.exec(name ?? "")?.[1];
      if (!id || !input || !original || !here || !as || why === undefined) {
        throw new Error(`Cannot read the row: ${line}`);
      }
      return { id, input, as, why };
    });
}
