/** The fault catalogue: what must be survived. The tests carry the rows' numbers at the start of their names. */

export interface FaultRow {
  readonly id: string;
  readonly what: string;
  /** Why no test of `deno task test` carries the number, and what shows it instead. */
  readonly elsewhere?: string;
}

export interface FaultGroup {
  readonly name: string;
  readonly rows: readonly FaultRow[];
}

export const CATALOGUE: readonly FaultGroup[] = [
  {
    name: "Stop signals",
    rows: [
      { id: "F01", what: "SIGTERM or SIGINT when idle: ordered log, exit 0" },
      {
        id: "F02",
        what: "SIGTERM at each phase of the start: rollback, exit 0",
      },
      {
        id: "F03",
        what:
          "SIGTERM under load: what runs ends OK, nobody sees CANCELLED, aborting the root reaches calls, requests and sagas",
      },
      {
        id: "F04",
        what:
          "a second signal in each phase forces, a third exits at once; one Ctrl-C is one stop",
      },
      {
        id: "F05",
        what: "SIGHUP, SIGPIPE, SIGUSR1, closed and blocked output pipes",
      },
      {
        id: "F06",
        what: "PID 1 in an empty read-only root, not root",
        elsewhere:
          "needs the compiled binary and a PID namespace: `deno task image:test`",
      },
      {
        id: "F07",
        what: "200 SIGTERMs at random moments under load",
        elsewhere:
          "too long for a suite: `deno task chaos`, a slice of it in CI, the sums in [chaos-report.md](chaos-report.md)",
      },
      {
        id: "F08",
        what:
          "a task that ignores its signal, a hook that throws, one that never settles",
      },
      {
        id: "F09",
        what: "a signal while a rolling restart hands over to a second process",
      },
    ],
  },
  {
    name: "Sudden death",
    rows: [
      { id: "F10", what: "SIGKILL before and after each step of each saga" },
      { id: "F11", what: "SIGKILL after the commit, before the reply" },
      {
        id: "F12",
        what: "SIGKILL between the broker's acknowledgement and the mark",
      },
      { id: "F13", what: "SIGKILL in each phase of the stop" },
      {
        id: "F14",
        what: "100 and more SIGKILLs at random moments under load",
        elsewhere:
          "too long for a suite: `deno task chaos`, a slice of it in CI, the sums in [chaos-report.md](chaos-report.md)",
      },
      { id: "F15", what: "an event loop that is blocked while draining" },
      { id: "F16", what: "an unhandled rejection, an error in a loop" },
    ],
  },
  {
    name: "Sagas",
    rows: [
      { id: "F20", what: "a saga that outlasts its drain budget" },
      { id: "F21", what: "a pay around the moment when the group closes" },
      {
        id: "F22",
        what:
          "concurrent pays, cancels, refunds; one key many times; replays in any state",
      },
      { id: "F23", what: "every wrong or missing answer of a provider" },
      { id: "F24", what: "providers down for 10 minutes: no stampede" },
      { id: "F25", what: "partial refunds that race up to the total" },
      {
        id: "F26",
        what: "wall clock jumps of an hour; SIGSTOP with leases expired",
      },
      { id: "F27", what: "10,000 unfinished sagas at the start" },
    ],
  },
  {
    name: "Store",
    rows: [
      {
        id: "F30",
        what: "disk full, COMMIT error, directory missing or not writable",
      },
      {
        id: "F31",
        what: "corrupt file, truncated WAL, newer schema, foreign file",
      },
      {
        id: "F32",
        what: "two processes on one file; upgrade and downgrade by one version",
      },
      {
        id: "F33",
        what: "Postgres: restart, lost connections, slow statements, conflicts",
        elsewhere:
          "there is no such driver yet; what every driver has to do is the conformance suite, tests/support/store_conformance.ts",
      },
      {
        id: "F34",
        what:
          "two owners of one store, one dead or paused past its lease (simulated: no driver shares a store yet)",
      },
    ],
  },
  {
    name: "Kafka",
    rows: [
      { id: "F40", what: "down at the start, away for a while, back" },
      {
        id: "F41",
        what: "accepts and never answers, SIGSTOP, dies mid-batch, restarts",
      },
      { id: "F42", what: "close hangs or fails at the stop" },
      {
        id: "F43",
        what:
          "an oversized event, a missing topic, no authorisation, a torn file",
      },
      { id: "F44", what: "a backlog above the limit" },
    ],
  },
  {
    name: "Clients",
    rows: [
      { id: "F50", what: "slow, half-open, stopped and silent clients" },
      { id: "F51", what: "cancel and deadline at each moment of a call" },
      { id: "F52", what: "oversized, broken and wrongly addressed messages" },
      { id: "F53", what: "values at and beyond every limit" },
      { id: "F54", what: "idempotency keys: missing, bad, reused" },
      { id: "F55", what: "page tokens and sizes" },
      {
        id: "F56",
        what:
          "10,000 connections; floods of resets, CONTINUATIONs, settings and pings; too many calls at once",
      },
      { id: "F57", what: "a handler that throws, rejects or never settles" },
      { id: "F58", what: "bytes that are no gRPC on the gRPC port" },
    ],
  },
  {
    name: "Start and configuration",
    rows: [
      {
        id: "F60",
        what: "a port in use, a wrong value, budgets above the grace",
      },
      { id: "F61", what: "a runtime that is known to crash" },
      { id: "F62", what: "mistyped names of variables" },
    ],
  },
  {
    name: "Neighbours: clients, files, clocks, proxies, providers",
    rows: [
      {
        id: "F70",
        what:
          "accept(2) fails, descriptors run out: both ports accept again, /readyz is 503 meanwhile, connections are capped",
      },
      {
        id: "F71",
        what:
          "a keepalive ping after GOAWAY, a connection's age under running calls",
      },
      {
        id: "F72",
        what:
          "a drain behind nginx and haproxy, and amidst a storm of fresh connections: GOAWAY in two phases, no reset",
      },
      {
        id: "F73",
        what:
          "HTTP: silent, half-sent and idle requests, broken Host headers, unread answers at the stop",
      },
      { id: "F74", what: "CreateOrder at three times what the service can do" },
      {
        id: "F75",
        what:
          "oms.lock, oms.db or its log removed or replaced while in use; a second process without the lock",
      },
      {
        id: "F76",
        what:
          "a reader that holds a snapshot at the stop; an older copy of the store restored",
      },
      {
        id: "F77",
        what:
          "a clock behind at the start, a clock that jumps by a day while running",
      },
      { id: "F78", what: "events.ndjson rotated, cut or removed by others" },
      {
        id: "F79",
        what:
          "provider texts with NUL, lone surrogates, invalid UTF-8, control characters",
      },
      {
        id: "F80",
        what:
          "a provider's answer that is in progress, half done or an error in the guise of a success",
      },
      {
        id: "F81",
        what: "a saga of a definition that this release does not know",
      },
      { id: "F82", what: "missing topics; dead letters kept whole and told" },
      {
        id: "F83",
        what: "the inputs on which this service and the original differ",
      },
      { id: "F84", what: "a proxy in the environment of the health check" },
    ],
  },
];
