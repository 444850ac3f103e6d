/** What a running service still has to do, by its own metrics. */

export interface PendingWork {
  readonly sagas: number;
  readonly events: number;
}

/** @throws Error when /metrics does not answer, or has no such metrics */
export async function pendingWork(httpAddress: string): Promise<PendingWork> {
  const response = await fetch(`http://${httpAddress}/metrics`);
  return parsePending(await response.text());
}

export function parsePending(text: string): PendingWork {
  return {
    sagas: sumOf(text, "oms_sagas_pending"),
    events: sumOf(text, "oms_outbox_pending_records"),
  };
}

/** Over all series of a metric. */
function sumOf(text: string, name: string): number {
  const values = text.split("\n")
    .filter((line) =>
      line.startsWith(`${name}{`) || line.startsWith(`${name} `)
    )
    .map((line) => Number(line.slice(line.lastIndexOf(" "))));
  if (values.length > 0) return values.reduce((sum, value) => sum + value, 0);
  throw new Error(`Cannot tell what is pending: no ${name} in the metrics`);
}
