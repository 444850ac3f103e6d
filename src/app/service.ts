/**
 * Builds the parts in the order of their needs and starts them; each start step has its rollback.
 *
 * HTTP comes first, so that probes answer while the rest starts; the gRPC listener comes last, when a call that
 * is accepted can be carried out.
 */
import {
  type Clock,
  type Lifecycle,
  type LogFn,
  type PendingTask,
  superviseLoop,
  TaskGroup,
} from "@oms/lifecycle";
import { v7 as uuidv7 } from "uuid";
import { OrderCommands } from "../commands/order_commands.ts";
import { OrderQueries } from "../commands/queries.ts";
import type { Config } from "../config.ts";
import { formatAddress } from "../config/parsers.ts";
import { GrpcEdge } from "../grpc/edge.ts";
import { OrderServiceService } from "../grpc/gen/oms/v1/order_service.ts";
import {
  orderErrorToRpc,
  orderServiceHandlers,
} from "../grpc/order_service.ts";
import { unaryService } from "../grpc/service.ts";
import { HealthMonitor } from "../http/health.ts";
import { HttpServer } from "../http/server.ts";
import type { OrderChange } from "../orders/edit.ts";
import type { Store } from "../storage/store.ts";
import { logFn, type Logger } from "../telemetry/logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { VERSION } from "./build_info.ts";
import { openAges, watchClock } from "./clock_watch.ts";
import { connectionCaps } from "./descriptors.ts";
import { healthChecks } from "./health_checks.ts";
import { runMaintenance } from "./maintenance.ts";
import {
  grpcObserver,
  httpObserver,
  providerObserver,
  relayObserver,
} from "./observers.ts";
import { openProviders, openPublisher, openRelay, openStore } from "./parts.ts";
import {
  forceStop,
  keepAndClose,
  runningCalls,
  type StopParts,
} from "./phases.ts";
import { providerProxy } from "./provider_proxy.ts";
import { buildSagaEngine } from "./saga_engine.ts";
import {
  providerFact,
  simulatedCheck,
  simulatedProviders,
  tellSimulated,
} from "./simulated.ts";
import { Scrape } from "./scrape.ts";
import type { Seams } from "./seams.ts";
import { diedRecord, lastStopIn, recordOf } from "./stop_record.ts";

export interface ServiceContext {
  readonly lifecycle: Lifecycle;
  readonly config: Config;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly seams: Seams;
  /** Says what a forced stop has to do from now on, instead of what was said before. */
  readonly whenForced: (stop: () => Promise<void>) => void;
}

/** A started service, as the stop and the log need it. */
export interface Started {
  readonly parts: StopParts;
  readonly tasks: () => PendingTask[];
  /** Fields of the `ready` line. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** @throws StopError when the stop was asked for meanwhile, and the errors of the parts */
export async function startService(context: ServiceContext): Promise<Started> {
  const { lifecycle, config, clock, metrics, logger, seams } = context;
  const log = (component: string): LogFn => logFn(logger.child({ component }));
  const owner = `inc_${uuidv7()}`;
  const step: Lifecycle["start"] = async (name, begin, rollback) => {
    await seams.beforeStart?.(name);
    return await lifecycle.start(name, begin, rollback);
  };

  const keepIn = async (store: Store) => {
    const report = lifecycle.reportSoFar();
    if (report === undefined) return;
    await store.saveReport(recordOf(report), clock.wallNow());
  };

  const caps = cappedConnections(config, logger);
  const scrape = new Scrape(metrics, lifecycle);
  const http = new HttpServer({
    metrics: () => scrape.render(),
    health: () => scrape.health(),
    state: () => lifecycle.state,
    unready: () => scrape.unready(),
    log: logger.child({ component: "http" }),
    clock,
    connections: httpObserver(metrics),
  }, { maxConnections: caps.http });
  const httpAddress = await step(
    "http",
    () => http.start(config.http.address.host, config.http.address.port),
    () => http.abort(),
  );

  const store = await step("store", async (stopping) => {
    const opened = await openStore(
      config,
      owner,
      metrics,
      (error) => lifecycle.fatal(error),
      stopping,
    );
    return seams.store?.(opened) ?? opened;
    // A start that is rolled back ends in order: it must not stand there as one that died.
  }, (opened) => keepAndClose(opened, () => keepIn(opened)));
  const { number: generation } = store.generation;
  if (store.restored) log("store")("warn", "store restored", { generation });
  const keepReport = () => keepIn(store);
  context.whenForced(keepReport);
  const { ages, lastStop } = await step("last stop", async () => {
    // Before this start writes a time of its own.
    const ages = await openAges(store, {
      clock,
      metrics: metrics.clock,
      log: logger.child({ component: "clock" }),
    });
    const { stopping } = lifecycle;
    return { ages, lastStop: await takeOver(store, metrics, clock, stopping) };
  });

  const publisher = await step("publisher", () => {
    const opened = openPublisher(config, clock, log("events"));
    return seams.publisher?.(opened) ?? opened;
  }, (opened) => opened.close());
  const providers = await step("providers", () => {
    const opened = openProviders(config, clock, providerObserver(metrics));
    return seams.providers?.(opened) ?? opened;
  }, (opened) => opened.close());
  const simulated = simulatedProviders(config);
  tellSimulated(
    simulated,
    metrics.provider,
    logger.child({ component: "providers" }),
  );

  const relay = openRelay(config, {
    store,
    publisher,
    clock,
    log: log("events"),
    observer: relayObserver(metrics),
    random: Math.random,
  });
  const committed = (change: OrderChange) => {
    metrics.timelineEvents.inc(change.timeline.length);
    relay.notify(change.outbox.length);
  };
  const engine = buildSagaEngine(context, {
    store,
    ages,
    providers,
    owner,
    committed,
  });
  const { dispatcher, sagas } = engine;
  const loops = new TaskGroup({
    name: "loops",
    clock,
    scope: lifecycle.hard.child("loops"),
    stopping: lifecycle.stopping,
  });
  await step("background", async () => {
    await relay.refreshBacklog();
    superviseLoop(lifecycle, loops, "relay", ({ signal }) => relay.run(signal));
    superviseLoop(
      lifecycle,
      loops,
      "clock",
      ({ signal }) => watchClock(ages, clock, signal),
    );
    superviseLoop(
      lifecycle,
      loops,
      "maintenance",
      ({ signal }) =>
        runMaintenance({
          store,
          clock,
          ages,
          metrics: metrics.idempotency,
          log: logger.child({ component: "maintenance" }),
          intervalMs: config.idempotency.cleanupIntervalMs,
          batchSize: config.idempotency.cleanupBatchSize,
          outboxRetentionMs: config.outbox.retentionMs,
        }, signal),
    );
  }, () => loops[Symbol.asyncDispose]());
  const resumed = await step("sagas", () => dispatcher.start(), async () => {
    dispatcher.close();
    await sagas[Symbol.asyncDispose]();
  });

  const commands = new OrderCommands({
    store,
    clock,
    ages,
    newCommitId: uuidv7,
    answerTtlMs: config.idempotency.ttlMs,
    overBacklog: () => relay.limit.isOverLimit(),
    acceptingSagas: () => dispatcher.open,
    accepted: (change, saga) => {
      committed(change);
      if (saga === null) return;
      metrics.saga.started.inc();
      dispatcher.offer(saga);
    },
  });
  const service = unaryService(
    OrderServiceService,
    orderServiceHandlers(commands, new OrderQueries(store)),
  );
  const edge = new GrpcEdge({
    services: [service],
    reflection: config.grpc.reflection,
    errorToRpc: orderErrorToRpc,
    observer: grpcObserver(
      metrics,
      config.log.level === "debug" ? log("grpc") : null,
    ),
    log: log("grpc"),
    limits: {
      maxConnections: caps.grpc,
      maxOpenCalls: config.grpc.maxOpenCalls,
    },
  });
  metrics.grpc.initGrpcMethods(
    edge.methods.map(({ service, name, type }) => ({
      service,
      method: name,
      type,
    })),
  );
  const grpcAddress = await step(
    "grpc",
    () => edge.start(config.grpc.address),
    async () => void await edge.force(),
  );

  const monitor = new HealthMonitor(
    [
      ...healthChecks(store, publisher, relay, config.outbox.maxPending),
      simulatedCheck(simulated),
    ],
    clock,
    VERSION,
  );
  scrape.attach({
    store,
    ages,
    relay,
    monitor,
    edge,
    sagas,
    dispatcher,
    clock,
  });
  const parts: StopParts = {
    clock,
    edge,
    dispatcher,
    sagas,
    grpcScope: lifecycle.hard.child("grpc"),
    httpScope: lifecycle.hard.child("http"),
    relay,
    loops,
    http,
    publisher,
    closeProviders: () => providers.close(),
    store,
    resultScope: engine.resultScope,
    keepReport,
  };
  context.whenForced(() => forceStop(parts));
  return {
    tasks:
      () => [...sagas.pending(), ...runningCalls(edge), ...loops.pending()],
    facts: {
      grpc: formatAddress(grpcAddress),
      http: formatAddress(httpAddress),
      storage: store.driver,
      generation,
      publisher: publisher.kind,
      payment: providerFact(config.providers.payment),
      inventory: providerFact(config.providers.inventory),
      provider_proxy: providerProxy(config.providers, Deno.env.get),
      resumed_sagas: resumed,
      last_stop: lastStop,
    },
    parts,
  };
}

/** What the ports may hold; a warning where descriptors are too few for what is configured. */
function cappedConnections(
  { grpc, http, providers }: Config,
  log: Logger,
): { readonly grpc: number; readonly http: number } {
  const configured = { grpc: grpc.maxConnections, http: http.maxConnections };
  const caps = connectionCaps(configured, 2 * providers.concurrency);
  if (caps.grpc < configured.grpc || caps.http < configured.http) {
    log.warn("few descriptors, connections are capped", caps);
  }
  return caps;
}

/**
 * Exports the last stop and leaves the record that stands until this process has stopped in order: not when a stop
 * was asked for meanwhile, whose own record may be there already.
 */
async function takeOver(
  store: Store,
  metrics: Metrics,
  clock: Clock,
  stopping: AbortSignal,
): Promise<string> {
  const text = await store.lastReport();
  const last = text === null ? null : lastStopIn(text, store.restored);
  if (last !== null) metrics.lastShutdown.record(last);
  stopping.throwIfAborted();
  const now = clock.wallNow();
  await store.saveReport(diedRecord(new Date(now)), now);
  return last === null
    ? "none"
    : `${last.outcome} (${last.reason}, exit code ${last.exitCode})`;
}
