/** Variables of the stop. */
import * as p from "./parsers.ts";
import { optional, withDefault } from "./variable.ts";

const NUL = "\0";
/** Zero is allowed: the phase then ends at once. */
const budget = p.duration();

/** See variables.ts. */
export const STOP_VARIABLES = {
  lameDuck: withDefault(
    "OMS_LAME_DUCK",
    "0s",
    budget,
    "soon",
    "keep serving for this long after the signal, not ready",
  ),
  grpcGracefulTimeout: withDefault(
    "OMS_GRPC_GRACEFUL_TIMEOUT",
    "5s",
    budget,
    "5",
    "budget of the stop's phase grpc",
  ),
  sagaDrainTimeout: withDefault(
    "OMS_SAGA_DRAIN_TIMEOUT",
    "5s",
    budget,
    "-5s",
    "budget of the stop's phase sagas",
  ),
  outboxFlushTimeout: withDefault(
    "OMS_OUTBOX_FLUSH_TIMEOUT",
    "3s",
    budget,
    "3 seconds",
    "budget of the stop's phase outbox",
  ),
  httpShutdownTimeout: withDefault(
    "OMS_HTTP_SHUTDOWN_TIMEOUT",
    "2s",
    budget,
    "s",
    "budget of the stop's phase http",
  ),
  kafkaCloseTimeout: withDefault(
    "OMS_KAFKA_CLOSE_TIMEOUT",
    "2s",
    budget,
    "2d",
    "budget of the stop's phase kafka",
  ),
  storeCloseTimeout: withDefault(
    "OMS_STORE_CLOSE_TIMEOUT",
    "1s",
    budget,
    "1e3ms",
    "budget of the stop's phase store",
  ),
  terminationGrace: withDefault(
    "OMS_TERMINATION_GRACE",
    "30s",
    budget,
    "30",
    "what the platform gives before it kills; all budgets and 2s must fit",
  ),
  terminationLog: optional(
    "OMS_TERMINATION_LOG",
    p.plainText,
    `a${NUL}b`,
    "file for the stop's report, for kubectl describe pod",
  ),
  watchdog: withDefault(
    "OMS_WATCHDOG",
    "report",
    p.oneOf("report", "kill"),
    "off",
    "what the watchdog does when the stop hangs",
  ),
} as const;
