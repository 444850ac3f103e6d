/**
 * The grpc_server_* metrics, named and labelled as go-grpc-prometheus does, so
 * that existing dashboards go on working: codes are CamelCase (`NotFound`).
 *
 * Invariant: labels come from the methods given to `initGrpcMethods`; a path
 * that is none of them is counted as "unknown", so that a scanner cannot make
 * series. Not promised: counts of calls that never reached a handler.
 */
import type {
  Instruments,
  LabeledCounter,
  LabeledHistogram,
} from "./instruments.ts";

/** How a method streams. */
export type GrpcType =
  | "unary"
  | "client_stream"
  | "server_stream"
  | "bidi_stream";

/** Names of the status codes, by number, from 0 (OK) on. */
const GRPC_CODE_NAMES = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
] as const;

/** A status code's name in the label grpc_code. */
export type GrpcCodeName = typeof GRPC_CODE_NAMES[number];

/** A status code's name; a number that is none is "Unknown". */
export function grpcCodeName(code: number): GrpcCodeName {
  return GRPC_CODE_NAMES[code] ?? "Unknown";
}

/** The labels of one method. */
export type GrpcMethodLabels = {
  readonly grpc_type: GrpcType;
  readonly grpc_service: string;
  readonly grpc_method: string;
};

/** The labels of a finished call. */
export type GrpcCallLabels = GrpcMethodLabels & {
  readonly grpc_code: GrpcCodeName;
};

/** A method that is served. */
export interface GrpcMethod {
  /** Full name, as `oms.v1.OrderService`. */
  readonly service: string;
  readonly method: string;
  readonly type: GrpcType;
}

/** Calls at the gRPC edge. */
export interface GrpcMetrics {
  readonly started: LabeledCounter<GrpcMethodLabels>;
  readonly handled: LabeledCounter<GrpcCallLabels>;
  /** From the first byte of the request to the status, in seconds. */
  readonly handling: LabeledHistogram<GrpcMethodLabels>;
  readonly msgReceived: LabeledCounter<GrpcMethodLabels>;
  readonly msgSent: LabeledCounter<GrpcMethodLabels>;
  /** Makes the series of these methods exist, each with all codes at 0. */
  initGrpcMethods(methods: readonly GrpcMethod[]): void;
  /** The labels of a path as `/oms.v1.OrderService/PayOrder`. */
  labelsOf(path: string): GrpcMethodLabels;
}

const METHOD_LABELS = ["grpc_type", "grpc_service", "grpc_method"] as const;

const UNKNOWN_METHOD: GrpcMethodLabels = {
  grpc_type: "unary",
  grpc_service: "unknown",
  grpc_method: "unknown",
};

/** Registers the grpc_server_* metrics. */
export function createGrpcMetrics(make: Instruments): GrpcMetrics {
  const known = new Map<string, GrpcMethodLabels>();
  const perMethod = (name: string, help: string) =>
    make.labeledCounter<GrpcMethodLabels>(name, help, METHOD_LABELS);
  const started = perMethod(
    "grpc_server_started_total",
    "Calls that reached a handler.",
  );
  const handled = make.labeledCounter<GrpcCallLabels>(
    "grpc_server_handled_total",
    "Calls that ended, by status code.",
    [...METHOD_LABELS, "grpc_code"],
  );
  const handling = make.labeledHistogram<GrpcMethodLabels>(
    "grpc_server_handling_seconds",
    "Time from a call's start to its status.",
    METHOD_LABELS,
  );
  const msgReceived = perMethod(
    "grpc_server_msg_received_total",
    "Messages received from clients.",
  );
  const msgSent = perMethod(
    "grpc_server_msg_sent_total",
    "Messages sent to clients.",
  );
  return {
    started,
    handled,
    handling,
    msgReceived,
    msgSent,
    initGrpcMethods(methods) {
      for (const { service, method, type } of methods) {
        const labels: GrpcMethodLabels = {
          grpc_type: type,
          grpc_service: service,
          grpc_method: method,
        };
        known.set(`/${service}/${method}`, labels);
        for (const counter of [started, msgReceived, msgSent]) {
          counter.inc(labels, 0);
        }
        for (const grpc_code of GRPC_CODE_NAMES) {
          handled.inc({ ...labels, grpc_code }, 0);
        }
        handling.zero(labels);
      }
    },
    labelsOf: (path) => known.get(path) ?? UNKNOWN_METHOD,
  };
}
