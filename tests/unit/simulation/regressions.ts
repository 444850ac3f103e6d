/**
 * Seeds that found a defect of the product, replayed by every run, with a line on what each found.
 *
 * A seed means what plan.ts and the scheduler make of it. Whoever changes those looks for a new seed, with the
 * defect put back, or drops the line: each defect has a test of its own beside this.
 */
export const REGRESSIONS: readonly {
  readonly seed: number;
  readonly found: string;
}[] = [];
