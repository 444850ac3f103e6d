// A pool of loops over one queue. Each finishes the item in its hands when the
// stop comes; an item that takes too long is cut off and named (exit code 3):
// deno run examples/02_worker_pool.ts [item duration in ms]
import * as life from "@oms/lifecycle";

const itemMs = Number(Deno.args[0] ?? 300);
const signals = life.denoSignals();
const log: life.LogFn = (level, msg, fields) =>
  console.log(JSON.stringify({ level, msg, ...fields }));
const lifecycle = life.createLifecycle({
  signals,
  log,
  tasks: () => pool.pending(),
});
life.installFatalHandlers(lifecycle);

const { hard: scope, stopping } = lifecycle;
const pool = new life.TaskGroup({ name: "pool", scope, stopping });
let nextItem = 0;

async function loop(context: life.TaskContext): Promise<void> {
  while (!context.stopping.aborted) {
    const item = `item_${nextItem++}`;
    context.progress("process", { item });
    await life.systemClock.sleep(itemMs, context.signal);
    log("info", "processed", { item });
  }
}

const report = await lifecycle.run(() => {
  for (let i = 0; i < 3; i++) {
    // A loop that dies or ends by itself stops the whole process, exit code 1.
    life.superviseLoop(lifecycle, pool, `loop_${i}`, loop);
  }
  lifecycle.ready([life.drainPhase(pool, { budgetMs: 3000 })]);
  log("info", "pool started");
});
life.exitWhenIdle(report, { log });
