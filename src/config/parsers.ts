/**
 * Texts of variables as values.
 *
 * Invariants: each parser's message says what the text is not and what to write
 * instead; none repeats the text (it may hold a credential), the loader does
 * that where it is safe. Not promised: that an address can be bound or a URL
 * reached.
 */
import { isIPv6 } from "node:net";
import { z } from "zod";
import { formatDuration, parseDuration } from "./duration.ts";
import { parseFlag } from "./flag.ts";

/** From a variable's text to its value. */
export type Parser<T> = z.ZodType<T, string>;

/** Where to listen or connect. */
export interface Address {
  /** Name or address; IPv6 without brackets. */
  readonly host: string;
  /** 0 asks for any free port. */
  readonly port: number;
}

export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly wrong: string };

export const ok = <T>(value: T): Reading<T> => ({ ok: true, value });
export const wrong = (why: string): Reading<never> => ({
  ok: false,
  wrong: why,
});

/** A parser from a function that gives the value, or what is wrong. */
export function parser<T>(read: (text: string) => Reading<T>): Parser<T> {
  return z.string().transform((text, context) => {
    const result = read(text);
    if (result.ok) return result.value;
    context.issues.push({
      code: "custom",
      message: result.wrong,
      input: text,
    });
    return z.NEVER;
  });
}

const HOUR_MS = 3_600_000;

/** The longest that a timer can wait: 24 h keeps well below 2^31 ms. */
const LONGEST_TIMER_MS = 24 * HOUR_MS;

/** The longest retention: a year. */
export const LONGEST_RETENTION_MS = 366 * 24 * HOUR_MS;

/** A duration in ms, within its limits. */
export function duration(
  minMs = 0,
  maxMs = LONGEST_TIMER_MS,
): Parser<number> {
  return parser((text) => {
    const ms = parseDuration(text);
    if (ms === undefined) {
      return wrong("is not a duration: write it like 250ms, 5s or 1m30s");
    }
    return ms >= minMs && ms <= maxMs ? ok(ms) : wrong(
      `is out of range: choose ${formatDuration(minMs)} to ${
        formatDuration(maxMs)
      }`,
    );
  });
}

/** A whole number within its limits. */
export function integer(min: number, max: number): Parser<number> {
  return parser((text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    return value >= min && value <= max
      ? ok(value)
      : wrong(`is not a whole number from ${min} to ${max}`);
  });
}

/** A probability. */
export const rate: Parser<number> = parser((text) => {
  const value = /^(?:\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : NaN;
  return value >= 0 && value <= 1
    ? ok(value)
    : wrong("is not a rate: write a number from 0 to 1, as 0.25");
});

/** true or false, also yes or no, on or off, 1 or 0. */
export const flag: Parser<boolean> = parser((text) => {
  const value = parseFlag(text);
  return value === undefined
    ? wrong("is neither true nor false: write one of them")
    : ok(value);
});

/** Any text: on when there is one (https://no-color.org). */
export const presence: Parser<boolean> = parser(() => ok(true));

/** One of a few words, in any case. */
export function oneOf<const T extends string>(
  ...words: readonly T[]
): Parser<T> {
  return oneOfOrAlias(words, {});
}

/** One of a few words, or another name of one of them, in any case. */
export function oneOfOrAlias<const T extends string>(
  words: readonly T[],
  aliases: Readonly<Record<string, NoInfer<T>>>,
): Parser<T> {
  const known = new Map<string, T>([
    ...words.map((word): [string, T] => [word, word]),
    ...Object.entries(aliases),
  ]);
  return parser((text) => {
    const value = known.get(text.toLowerCase());
    return value !== undefined
      ? ok(value)
      : wrong(`is none of ${words.join(", ")}`);
  });
}

/** The parts of a comma list without the blanks around them; commas at its end count for nothing. */
function commaList(text: string): string[] {
  return text.replace(/[,\s]+$/, "").split(",").map((part) => part.trim());
}

/** Text without control characters, up to 1,024 characters. */
export const plainText: Parser<string> = parser((text) =>
  // deno-lint-ignore no-control-regex -- those are what must not be there
  /^[^\x00-\x1f\x7f]{1,1024}$/.test(text)
    ? ok(text)
    : wrong("holds control characters, or is longer than 1024 characters")
);

/** A Kafka topic's name. */
export const topic: Parser<string> = parser((text) =>
  /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/.test(text) ? ok(text) : wrong(
    "is not a topic name: use letters, digits, dot, dash and underscore, at most 249",
  )
);

const HOST = /^(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?)$/;
const IPV6 = /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9]+)?$/;

function readAddress(text: string, minPort: number): Address | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, ipv6, name = "", digits] = match;
  const port = Number(digits);
  if (port < minPort || port > 65_535) return undefined;
  if (ipv6 !== undefined) {
    return IPV6.test(ipv6) ? { host: ipv6, port } : undefined;
  }
  return name === "" || HOST.test(name) ? { host: name, port } : undefined;
}

/** `host:port`, `[::1]:port`, `:port` for all IPv4 interfaces, or `[::]:port`; port 0 is any free one. */
export const listenAddress: Parser<Address> = parser((text) => {
  const address = readAddress(text, 0);
  return address === undefined
    ? wrong(
      "is not an address: write host:port, [::1]:port, :port for all IPv4 interfaces, or [::]:port for IPv6 as well",
    )
    : ok({ ...address, host: address.host || "0.0.0.0" });
});

/** A comma list of `host:port`. kafkajs cuts each at its first colon: no IPv6 address can be written there. */
export const brokers: Parser<readonly string[]> = parser((text) => {
  const list = commaList(text);
  const addresses = list.map((part) => readAddress(part, 1));
  if (
    list.some(isIPv6) ||
    addresses.some((address) => address?.host.includes(":"))
  ) {
    return wrong(
      "holds an IPv6 address, which the Kafka client cannot take: write a name that resolves to it",
    );
  }
  return addresses.every((address) => address !== undefined && address.host)
    ? ok(list)
    : wrong("is not a comma list of host:port (the port is needed)");
});

/** The base of an HTTP API, without a slash at its end. */
export const httpUrl: Parser<string> = parser((text) => {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return wrong("is not a URL that begins with http:// or https://");
  }
  if (url.username !== "" || url.password !== "") {
    return wrong("holds credentials: URLs are logged, so take them out of it");
  }
  if (url.search !== "" || url.hash !== "") {
    return wrong("has a query or fragment: write only the base of the API");
  }
  return ok(url.href.replace(/\/+$/, ""));
});

/** The address of a database. */
export const postgresDsn: Parser<string> = parser((text) => {
  const url = URL.parse(text);
  return url !== null && /^postgres(?:ql)?:$/.test(url.protocol)
    ? ok(text)
    : wrong("is not a URL that begins with postgres:// or postgresql://");
});

/** As it would be written into the environment, and into a URL. */
export function formatAddress({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
