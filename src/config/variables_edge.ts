/** Variables of the edges, the store, the log and the runtime. */
import * as p from "./parsers.ts";
import { RUNTIME_OVERRIDE } from "./runtime_guard.ts";
import { optional, withDefault } from "./variable.ts";

const NUL = "\0";

/** See variables.ts. */
export const EDGE_VARIABLES = {
  grpcAddr: withDefault(
    "OMS_GRPC_ADDR",
    "127.0.0.1:50051",
    p.listenAddress,
    "50051",
    "where gRPC listens; port 0 takes any free one",
  ),
  metricsAddr: withDefault(
    "OMS_METRICS_ADDR",
    "127.0.0.1:9090",
    p.listenAddress,
    "::1:9090",
    "where probes and metrics listen; port 0 takes any free one",
  ),
  httpMaxConnections: withDefault(
    "OMS_HTTP_MAX_CONNECTIONS",
    "256",
    p.integer(1, 100_000),
    "0",
    "connections to the port of probes and metrics; more are closed at once",
  ),
  grpcReflection: withDefault(
    "OMS_GRPC_REFLECTION",
    "true",
    p.flag,
    "both",
    "serve gRPC reflection",
  ),
  grpcMaxConnections: withDefault(
    "OMS_GRPC_MAX_CONNECTIONS",
    "2000",
    p.integer(1, 1_000_000),
    "0",
    "connections at once on the gRPC port, one more is closed; fewer where descriptors are few",
  ),
  grpcMaxOpenCalls: withDefault(
    "OMS_GRPC_MAX_OPEN_CALLS",
    "512",
    p.integer(1, 1_000_000),
    "0",
    "calls that run at once, health aside; one more is refused with RESOURCE_EXHAUSTED",
  ),
  storageDriver: withDefault(
    "OMS_STORAGE_DRIVER",
    "sqlite",
    p.oneOf("sqlite", "postgres", "memory"),
    "mysql",
    "sqlite; postgres comes later; memory loses everything and needs OMS_ALLOW_MEMORY_STORAGE=true",
  ),
  allowMemoryStorage: withDefault(
    "OMS_ALLOW_MEMORY_STORAGE",
    "false",
    p.flag,
    "maybe",
    "allow OMS_STORAGE_DRIVER=memory",
  ),
  dataDir: withDefault(
    "OMS_DATA_DIR",
    "./data",
    p.plainText,
    `a${NUL}b`,
    "folder of oms.db, oms.lock and events.ndjson",
  ),
  storeRestored: withDefault(
    "OMS_STORE_RESTORED",
    "false",
    p.flag,
    "maybe",
    "for one start: OMS_DATA_DIR is a restored copy; event ids get a new generation",
  ),
  postgresDsn: optional(
    "OMS_POSTGRES_DSN",
    p.postgresDsn,
    "mysql://db/oms",
    "database of OMS_STORAGE_DRIVER=postgres",
    "secret",
  ),
  postgresAutoMigrate: withDefault(
    "OMS_POSTGRES_AUTO_MIGRATE",
    "true",
    p.flag,
    "never",
    "bring the database's schema up to date at start",
  ),
  logLevel: withDefault(
    "LOG_LEVEL",
    "info",
    p.oneOfOrAlias(["debug", "info", "warn", "error"], {
      trace: "debug",
      warning: "warn",
      fatal: "error",
    }),
    "loud",
    "lowest level that is logged",
  ),
  logFormat: optional(
    "LOG_FORMAT",
    p.oneOf("text", "json"),
    "xml",
    "text or json; default text on a terminal, else json",
  ),
  noColor: optional(
    "NO_COLOR",
    p.presence,
    undefined,
    "any text: no colours in the text format",
  ),
  allowUnsupportedRuntime: withDefault(
    RUNTIME_OVERRIDE,
    "false",
    p.flag,
    "si",
    "start on a Deno version that the runtime guard refuses",
  ),
} as const;
