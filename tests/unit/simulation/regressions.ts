/**
 * Seeds that found a defect of the product, replayed by every run, with a line on what each found.
 *
 * A seed means what plan.ts and the scheduler make of it. Whoever changes those looks for a new seed, with the
 * defect put back, or drops the line: each defect has a test of its own beside this.
 */
export const REGRESSIONS: readonly {
  readonly seed: number;
  readonly found: string;
}[] = [
  {
    seed: 90,
    found:
      "an order read after a saga that another process has ended meanwhile looked like a defect",
  },
  {
    seed: 4888,
    found:
      "a claim wrote a saga as it had been read over what its late holder had committed, and a refund was applied twice",
  },
  {
    seed: 1259507,
    found:
      "a stop while it was not known whether a saga had been run elsewhere was logged as a defect",
  },
  {
    seed: 664,
    found:
      "a saga accepted while the wall clock was ahead waited until the right time had come there",
  },
];
