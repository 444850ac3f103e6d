/** A stop, for people: its phases as bars, from the `shutdown complete` line. */
import { z } from "zod";

const Report = z.object({
  reason: z.string(),
  exit_code: z.number(),
  duration_ms: z.number(),
  phases: z.array(z.object({
    phase: z.string(),
    outcome: z.string(),
    duration_ms: z.number(),
  })),
  leftover: z.array(z.object({
    task: z.string(),
    step: z.string().optional(),
    age_ms: z.number(),
  })),
});

const BAR = 32;

/** @throws Error when the line is no report */
export function stopTimeline(line: unknown): string {
  const report = Report.parse(line);
  const total = Math.max(
    1,
    report.phases.reduce((sum, { duration_ms }) => sum + duration_ms, 0),
  );
  const width = Math.max(...report.phases.map(({ phase }) => phase.length));
  let begun = 0;
  const rows = report.phases.map(({ phase, outcome, duration_ms }) => {
    const from = Math.round((begun / total) * BAR);
    begun += duration_ms;
    const to = Math.round((begun / total) * BAR);
    const bar = " ".repeat(from) +
      (duration_ms > 0 ? "█".repeat(Math.max(1, to - from)) : "·");
    const took = `${duration_ms} ms`.padStart(9);
    return `  ${phase.padEnd(width)}  ${took}  ${outcome.padEnd(9)}  ${bar}`;
  });
  const leftover = report.leftover.map(({ task, step, age_ms }) =>
    `  left to the next start: ${task}, ${step ?? "no step"}, ${age_ms} ms old`
  );
  return [
    `${report.reason}: stopped in ${report.duration_ms} ms, exit ${report.exit_code}, ${report.leftover.length} leftover`,
    ...rows,
    ...leftover,
  ].join("\n");
}
