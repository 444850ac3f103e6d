/**
 * What variables must be to each other.
 *
 * Invariant: a check whose variables could not all be read is skipped: the
 * reader has reported those already.
 */
import { SLACK_MS } from "@oms/lifecycle";
import { certificateAndKey, type Check, nameOf, problem } from "./check.ts";
import { IDLE_WITHOUT_URL, PROVIDER_CHECKS } from "./checks_providers.ts";
import { formatDuration } from "./duration.ts";
import type { ConfigProblem } from "./errors.ts";
import type { Reading } from "./read.ts";
import type { VariableKey } from "./variables.ts";

/** The budgets of the stop's phases, in their order. */
export const BUDGET_KEYS = [
  "lameDuck",
  "grpcGracefulTimeout",
  "sagaDrainTimeout",
  "outboxFlushTimeout",
  "httpShutdownTimeout",
  "kafkaCloseTimeout",
  "storeCloseTimeout",
] as const;

const budgetsFitIntoGrace: Check = {
  needs: [...BUDGET_KEYS, "terminationGrace"],
  find(values) {
    const grace = values.terminationGrace ?? 0;
    const sum = BUDGET_KEYS.reduce((ms, key) => ms + (values[key] ?? 0), 0);
    if (sum + SLACK_MS <= grace) return [];
    const terms = BUDGET_KEYS.map((key) =>
      `${nameOf(key)} ${formatDuration(values[key] ?? 0)}`
    );
    return [problem(
      "terminationGrace",
      `${formatDuration(grace)} is too short for the stop, which may take ${
        formatDuration(sum + SLACK_MS)
      } (${terms.join(" + ")} + slack ${
        formatDuration(SLACK_MS)
      }): shorten a budget, or raise this and the platform's grace with it`,
    )];
  },
};

const storageIsUsable: Check = {
  needs: ["storageDriver", "allowMemoryStorage"],
  find({ storageDriver, allowMemoryStorage }) {
    if (storageDriver === "postgres") {
      return [problem(
        "storageDriver",
        "postgres is not available in this version: use sqlite",
      )];
    }
    if (storageDriver === "memory" && allowMemoryStorage !== true) {
      return [problem(
        "storageDriver",
        `memory keeps nothing when the process ends: use sqlite, or set ${
          nameOf("allowMemoryStorage")
        }=true for a test`,
      )];
    }
    return [];
  },
};

const saslIsWhole: Check = {
  needs: ["kafkaSaslMechanism", "kafkaSaslUsername", "kafkaSaslPassword"],
  find(values) {
    const keys: VariableKey[] = [
      "kafkaSaslMechanism",
      "kafkaSaslUsername",
      "kafkaSaslPassword",
    ];
    const set = keys.filter((key) => values[key] !== undefined);
    if (set.length === 0) return [];
    return keys.filter((key) => values[key] === undefined).map((key) =>
      problem(key, `is needed because ${set.map(nameOf).join(" and ")} is set`)
    );
  },
};

const tlsIsWhole: Check = {
  needs: ["kafkaTls", "kafkaTlsCa", "kafkaTlsCert", "kafkaTlsKey"],
  find(values) {
    const keys: VariableKey[] = ["kafkaTlsCa", "kafkaTlsCert", "kafkaTlsKey"];
    const set = keys.filter((key) => values[key] !== undefined);
    const problems: ConfigProblem[] = [];
    if (values.kafkaTls !== true && set.length > 0) {
      problems.push(problem(
        "kafkaTls",
        `must be true because ${set.map(nameOf).join(" and ")} is set`,
      ));
    }
    problems.push(
      ...certificateAndKey(values, "kafkaTlsCert", "kafkaTlsKey"),
    );
    return problems;
  },
};

const addressesDiffer: Check = {
  needs: ["grpcAddr", "metricsAddr"],
  find({ grpcAddr, metricsAddr }) {
    if (grpcAddr === undefined || metricsAddr === undefined) return [];
    const hosts = new Set([grpcAddr.host, metricsAddr.host]);
    const overlap = hosts.size === 1 || hosts.has("0.0.0.0") || hosts.has("::");
    return overlap && grpcAddr.port !== 0 && grpcAddr.port === metricsAddr.port
      ? [problem(
        "metricsAddr",
        `takes the port of ${nameOf("grpcAddr")}: choose another port`,
      )]
      : [];
  },
};

const topicsDiffer: Check = {
  needs: ["kafkaTopicOrder", "kafkaTopicSaga", "kafkaTopicDlq"],
  find(values) {
    const keys = [
      "kafkaTopicOrder",
      "kafkaTopicSaga",
      "kafkaTopicDlq",
    ] as const;
    return keys.flatMap((key, i) => {
      const twin = keys.slice(0, i).find((other) =>
        values[other] === values[key]
      );
      return twin === undefined ? [] : [problem(
        key,
        `is the same topic as ${nameOf(twin)}: events count by topic`,
      )];
    });
  },
};

function atLeast(larger: VariableKey, smaller: VariableKey): Check {
  return {
    needs: [larger, smaller],
    find(values) {
      const [high, low] = [values[larger], values[smaller]];
      return typeof high === "number" && typeof low === "number" && high < low
        ? [problem(
          larger,
          `${formatDuration(high)} is below ${nameOf(smaller)} (${
            formatDuration(low)
          }): raise it`,
        )]
        : [];
    },
  };
}

const CHECKS: readonly Check[] = [
  addressesDiffer,
  storageIsUsable,
  ...PROVIDER_CHECKS,
  atLeast("providerKeyRetention", "providerTimeout"),
  atLeast("sagaRetryMax", "sagaRetryBase"),
  topicsDiffer,
  tlsIsWhole,
  saslIsWhole,
  budgetsFitIntoGrace,
];

/** All mistakes between variables. */
export function findConflicts(reading: Reading): ConfigProblem[] {
  return CHECKS
    .filter(({ needs }) => !needs.some((key) => reading.failed.has(key)))
    .flatMap(({ find }) => find(reading.values));
}

/** Variables that were set and do nothing here. */
export function findIdle(reading: Reading): ConfigProblem[] {
  const idle = (keys: readonly VariableKey[], because: string) =>
    keys.filter((key) => isSet(reading, key)).map((key) =>
      problem(key, `has no effect: ${because}`)
    );
  return [
    ...reading.values.kafkaBrokers === undefined &&
        !reading.failed.has("kafkaBrokers")
      ? idle(
        [
          "kafkaClientId",
          "kafkaTls",
          "kafkaTlsCa",
          "kafkaTlsCert",
          "kafkaTlsKey",
          "kafkaSaslMechanism",
          "kafkaSaslUsername",
          "kafkaSaslPassword",
          "kafkaCompression",
        ],
        `${nameOf("kafkaBrokers")} is not set, events go to events.ndjson`,
      )
      : [],
    ...IDLE_WITHOUT_URL.flatMap(({ url, others }) =>
      reading.values[url] === undefined && !reading.failed.has(url)
        ? idle(others, `${nameOf(url)} is not set, the provider is simulated`)
        : []
    ),
    ...reading.values.kafkaBrokers !== undefined
      ? idle(
        ["eventsFileMaxBytes"],
        `${nameOf("kafkaBrokers")} is set, events go to Kafka`,
      )
      : [],
    ...reading.values.storageDriver === "memory"
      ? idle(
        ["storeRestored"],
        `${nameOf("storageDriver")} is memory, which begins empty`,
      )
      : [],
    ...reading.values.storageDriver !== "postgres"
      ? idle(
        ["postgresDsn", "postgresAutoMigrate"],
        `${nameOf("storageDriver")} is not postgres`,
      )
      : [],
  ];
}

function isSet(reading: Reading, key: VariableKey): boolean {
  const source = reading.sources.get(key);
  return source === "env" || source === "file";
}
