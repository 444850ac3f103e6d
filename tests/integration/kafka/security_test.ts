/**
 * The service's own publisher, set up by the service's own variables, and a broker that asks for TLS, certificates
 * and SASL.
 */
import { assertEquals, assertFalse, assertMatch } from "@std/assert";
import { systemClock } from "@oms/lifecycle";
import { openPublisher } from "../../../src/app/parts.ts";
import { loadConfig } from "../../../src/config.ts";
import type { Publisher } from "../../../src/events/mod.ts";
import { setScramPassword } from "../../support/kafka/scram.ts";
import {
  PLAIN_USER,
  type SecureBroker,
} from "../../support/kafka/secure_broker.ts";
import { newTopics, secureKafkaTest } from "../../support/kafka/shared.ts";
import { withTempDir } from "../../support/temp_dir.ts";

Deno.test.sanitizer({ ops: true, resources: true });

type Env = Readonly<Record<string, string>>;

/** Passwords that must not be seen anywhere. */
const SECRET = "hunter2 with spaces";
const WRONG = "hunter3";

/** A publisher as the service makes it of these variables, with what it has logged. */
function open(env: Env) {
  const logged: string[] = [];
  const { config } = loadConfig({
    env: { LOG_LEVEL: "debug", ...env },
    readFile: Deno.readTextFileSync,
    stdoutIsTerminal: false,
  });
  const publisher = openPublisher(
    config,
    systemClock,
    (...line) => void logged.push(JSON.stringify(line)),
  );
  return {
    publisher,
    logged,
    [Symbol.asyncDispose]: () => publisher.close(),
  };
}

async function publish(publisher: Publisher, topic: string): Promise<void> {
  await publisher.publish(
    [{ topic, key: "ord_1", value: "{}", headers: { "event-id": "1" } }],
    new AbortController().signal,
  );
}

/** A user that logs in by SCRAM. */
async function addUser(
  { broker }: SecureBroker,
  mechanism: "scram-sha-256" | "scram-sha-512",
): Promise<Env> {
  const user = `user-${crypto.randomUUID()}`;
  await setScramPassword(broker.address, mechanism, user, SECRET);
  return {
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: user,
    KAFKA_SASL_PASSWORD: SECRET,
  };
}

type SetUp = (secure: SecureBroker) => Env | Promise<Env>;

const plain = (password: string): Env => ({
  KAFKA_SASL_MECHANISM: "plain",
  KAFKA_SASL_USERNAME: PLAIN_USER,
  KAFKA_SASL_PASSWORD: password,
});
const tls = (brokers: string, authority: string): Env => ({
  KAFKA_BROKERS: brokers,
  KAFKA_TLS: "true",
  KAFKA_TLS_CA: authority,
});

const WORKING: Readonly<Record<string, SetUp>> = {
  "TLS, by name": ({ addresses, authority }) => tls(addresses.tls, authority),
  "TLS with our certificate, by address": (secure) => ({
    ...tls(secure.addresses.mutual, secure.authority),
    KAFKA_TLS_CERT: secure.client.cert,
    KAFKA_TLS_KEY: secure.client.key,
  }),
  "SASL PLAIN": ({ addresses, plainPassword }) => ({
    KAFKA_BROKERS: addresses.sasl,
    ...plain(plainPassword),
  }),
  "SASL SCRAM-SHA-256": async (secure) => ({
    KAFKA_BROKERS: secure.addresses.sasl,
    ...await addUser(secure, "scram-sha-256"),
  }),
  "SASL SCRAM-SHA-512, gzip": async (secure) => ({
    KAFKA_BROKERS: secure.addresses.sasl,
    KAFKA_COMPRESSION: "gzip",
    ...await addUser(secure, "scram-sha-512"),
  }),
  "SASL SCRAM-SHA-512 over TLS": async (secure) => ({
    ...tls(secure.addresses.saslTls, secure.authority),
    ...await addUser(secure, "scram-sha-512"),
  }),
};

for (const [name, setUp] of Object.entries(WORKING)) {
  Deno.test(secureKafkaTest(`events arrive with ${name}`, async (secure) => {
    const { broker } = secure;
    const { order } = newTopics("secure");
    await broker.createTopics([order]);
    await using opened = open(await setUp(secure));
    await publish(opened.publisher, order);
    assertEquals(opened.publisher.state, "up");
    assertEquals((await broker.consumeAll(order)).length, 1);
  }));
}

Deno.test(
  secureKafkaTest(
    "events arrive with everything from files",
    async (secure) => {
      const { broker, addresses, authority, client } = secure;
      const { order } = newTopics("secure-files");
      await broker.createTopics([order]);
      const { KAFKA_SASL_USERNAME = "" } = await addUser(
        secure,
        "scram-sha-512",
      );
      await withTempDir(async (dir) => {
        const files = Object.entries({
          KAFKA_TLS_CA: authority,
          KAFKA_TLS_CERT: client.cert,
          KAFKA_TLS_KEY: client.key,
          KAFKA_SASL_USERNAME,
          KAFKA_SASL_PASSWORD: `${SECRET}\n`,
        }).map(([variable, content]) => {
          Deno.writeTextFileSync(`${dir}/${variable}`, content);
          return [`${variable}_FILE`, `${dir}/${variable}`];
        });
        await using opened = open({
          KAFKA_BROKERS: addresses.saslTls,
          KAFKA_TLS: "true",
          KAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
          ...Object.fromEntries(files),
        });
        await publish(opened.publisher, order);
      });
      assertEquals((await broker.consumeAll(order)).length, 1);
    },
  ),
);

/** What is wrong, and what the message has to name. */
const MISTAKES: Readonly<Record<string, readonly [SetUp, RegExp]>> = {
  "an authority that has not signed the broker's certificate": [
    ({ addresses, otherAuthority }) => tls(addresses.tls, otherAuthority),
    /of an authority that KAFKA_TLS_CA does not hold/,
  ],
  "a private authority that nobody has named": [
    ({ addresses }) => ({ KAFKA_BROKERS: addresses.tls, KAFKA_TLS: "true" }),
    /name it in KAFKA_TLS_CA/,
  ],
  "a broker's certificate for another name": [
    ({ addresses, authority }) => tls(addresses.misnamed, authority),
    /other names: write one of those in KAFKA_BROKERS/,
  ],
  "a broker's certificate without its address": [
    ({ addresses, authority }) =>
      tls(addresses.misnamed.replace("localhost", "127.0.0.1"), authority),
    /other names: write one of those in KAFKA_BROKERS/,
  ],
  "a broker's certificate that has expired": [
    ({ addresses, authority }) => tls(addresses.expired, authority),
    /certificate is not valid now/,
  ],
  "no certificate of ours where one is asked for": [
    ({ addresses, authority }) => tls(addresses.mutual, authority),
    /our certificate.*KAFKA_TLS_CERT.*KAFKA_TLS_KEY/,
  ],
  "a certificate of ours from another authority": [
    ({ addresses, authority, stranger }) => ({
      ...tls(addresses.mutual, authority),
      KAFKA_TLS_CERT: stranger.cert,
      KAFKA_TLS_KEY: stranger.key,
    }),
    /certificate.*KAFKA_TLS_CERT/,
  ],
  "TLS at a port without it": [
    ({ broker, authority }) => tls(broker.address, authority),
    /may want no TLS \(KAFKA_TLS\)/,
  ],
  "no TLS at a port with it": [
    ({ addresses }) => ({ KAFKA_BROKERS: addresses.tls }),
    /may want TLS .* or SASL \(KAFKA_SASL_MECHANISM\)/,
  ],
  "SASL without TLS at a port with both": [
    ({ addresses }) => ({ KAFKA_BROKERS: addresses.saslTls, ...plain(WRONG) }),
    /may want TLS \(KAFKA_TLS\)/,
  ],
  "no SASL at a port with it": [
    ({ addresses }) => ({ KAFKA_BROKERS: addresses.sasl }),
    /may want TLS .* or SASL \(KAFKA_SASL_MECHANISM\)/,
  ],
  "no SASL at a port with it and with TLS": [
    ({ addresses, authority }) => tls(addresses.saslTls, authority),
    /may want .* SASL \(KAFKA_SASL_MECHANISM\)/,
  ],
  "SASL at a port without it": [
    ({ broker }) => ({ KAFKA_BROKERS: broker.address, ...plain(WRONG) }),
    /knows no SASL: .*KAFKA_SASL_MECHANISM/,
  ],
  "a mechanism that the port has not": [
    ({ addresses, authority, plainPassword }) => ({
      ...tls(addresses.saslTls, authority),
      ...plain(plainPassword),
    }),
    /set KAFKA_SASL_MECHANISM to one/,
  ],
  "a wrong password, by PLAIN": [
    ({ addresses }) => ({ KAFKA_BROKERS: addresses.sasl, ...plain(WRONG) }),
    /correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD/,
  ],
  "a wrong password, by SCRAM": [
    async (secure) => ({
      KAFKA_BROKERS: secure.addresses.sasl,
      ...await addUser(secure, "scram-sha-256"),
      KAFKA_SASL_PASSWORD: WRONG,
    }),
    /correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD/,
  ],
  "a user of another SCRAM": [
    async (secure) => ({
      KAFKA_BROKERS: secure.addresses.sasl,
      ...await addUser(secure, "scram-sha-256"),
      KAFKA_SASL_MECHANISM: "scram-sha-512",
    }),
    /make this user on the broker, for KAFKA_SASL_MECHANISM/,
  ],
  "a name that does not resolve": [
    () => ({ KAFKA_BROKERS: "nowhere.invalid:9092" }),
    /KAFKA_BROKERS, .*does not resolve/,
  ],
};

for (const [name, [setUp, advice]] of Object.entries(MISTAKES)) {
  Deno.test(secureKafkaTest(
    `F43 the error names what to change, and no secret: ${name}`,
    async (secure) => {
      const { order } = newTopics("secure-refused");
      await secure.broker.createTopics([order]);
      await using opened = open(await setUp(secure));
      const { publisher, logged } = opened;
      const failure = await publish(publisher, order).then(
        () => "it was published",
        (error) => String(error),
      );
      assertMatch(failure, advice);
      assertEquals(publisher.state, "down");
      assertMatch(publisher.lastError ?? "", advice);
      const shown = [failure, publisher.lastError, ...logged].join();
      for (
        const secret of [SECRET, WRONG, secure.plainPassword, "PRIVATE KEY"]
      ) {
        assertFalse(shown.includes(secret), shown);
      }
    },
  ));
}
