/** Moves the wall clock of services that follow a file (wall_clock.ts). */

export class WallClockFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** A plan's part: follow the file from the first line on. */
  get failpoint(): string {
    return `first-line=clock:${this.#path}`;
  }

  /** @param aheadMs of the machine's clock; seen within some ms */
  move(aheadMs: number): void {
    const next = `${this.#path}.next`;
    Deno.writeTextFileSync(next, String(aheadMs));
    Deno.renameSync(next, this.#path);
  }
}
