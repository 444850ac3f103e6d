/**
 * A broker whose listeners ask for what production brokers ask for: TLS, certificates of clients, SASL.
 *
 * Invariants: one broker has all of them, besides the one without, which is for a test's own side; keys and
 * passwords are made for it and die with its directory. SCRAM users exist once a test has made them (scram.ts).
 */
import type { Broker } from "./broker.ts";
import {
  type Certified,
  makeAuthority,
  makeCertificate,
} from "../certificates.ts";
import { freePort } from "../free_port.ts";
import { openBroker, prepareBroker } from "./prepare.ts";
import type { Listener } from "./properties.ts";

/** User of SASL PLAIN, which knows no others. */
export const PLAIN_USER = "plain-user";

/** What clients are told: `host:port` of each listener, PEM texts, the password of PLAIN_USER. */
export interface SecureFacts {
  readonly addresses: {
    /** TLS, by name. */
    readonly tls: string;
    /** TLS that asks for the client's certificate, by address. */
    readonly mutual: string;
    /** TLS with a certificate for another name. */
    readonly misnamed: string;
    /** TLS with a certificate of yesterday. */
    readonly expired: string;
    /** SASL over TLS, SCRAM-SHA-512 only, by name. */
    readonly saslTls: string;
    /** SASL without TLS: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512. */
    readonly sasl: string;
  };
  readonly authority: string;
  /** Who has signed nothing of the broker. */
  readonly otherAuthority: string;
  readonly client: Certified;
  /** Signed by the other authority. */
  readonly stranger: Certified;
  readonly plainPassword: string;
}

export interface SecureBroker extends SecureFacts {
  readonly broker: Broker;
}

/** Formats an empty directory; nothing runs yet. @throws BrokerError, KafkaUnavailableError */
export async function prepareSecureBroker(dir: string): Promise<SecureBroker> {
  const authority = makeAuthority("authority");
  const other = makeAuthority("other authority");
  const own = makeCertificate("broker", ["localhost", "127.0.0.1"], authority);
  const misnamed = makeCertificate("broker", ["broker.example"], authority);
  const expired = makeCertificate("broker", ["localhost"], authority, -1);
  const client = makeCertificate("client", ["client"], authority);
  const stranger = makeCertificate("stranger", ["client"], other);
  const write = (file: string, text: string) =>
    Deno.writeTextFile(`${dir}/${file}`, text, { mode: 0o600 });
  // Key and certificate in one file, as the broker reads them.
  await write("broker.pem", own.key + own.cert);
  await write("misnamed.pem", misnamed.key + misnamed.cert);
  await write("expired.pem", expired.key + expired.cert);
  await write("authority.pem", authority.cert);

  const listener = (
    name: string,
    host: string,
    protocol: Listener["protocol"],
  ): Listener => ({ name, host, port: freePort(), protocol });
  const listeners = {
    tls: listener("TLS", "localhost", "SSL"),
    mutual: listener("MUTUAL", "127.0.0.1", "SSL"),
    expired: listener("EXPIRED", "localhost", "SSL"),
    misnamed: listener("MISNAMED", "localhost", "SSL"),
    saslTls: listener("SASLTLS", "localhost", "SASL_SSL"),
    sasl: listener("SASL", "127.0.0.1", "SASL_PLAINTEXT"),
  };
  const plainPassword = crypto.randomUUID();
  await prepareBroker(dir, {
    listeners: Object.values(listeners),
    properties: securityProperties(dir, plainPassword),
  });
  const address = ({ host, port }: Listener) => `${host}:${port}`;
  const facts: SecureFacts = {
    addresses: {
      tls: address(listeners.tls),
      mutual: address(listeners.mutual),
      misnamed: address(listeners.misnamed),
      expired: address(listeners.expired),
      saslTls: address(listeners.saslTls),
      sasl: address(listeners.sasl),
    },
    authority: authority.cert,
    otherAuthority: other.cert,
    client,
    stranger,
    plainPassword,
  };
  // Renamed into its place: who shares the directory waits for it.
  await Deno.writeTextFile(`${dir}/secure.json.new`, JSON.stringify(facts));
  await Deno.rename(`${dir}/secure.json.new`, `${dir}/secure.json`);
  return openSecureBroker(dir);
}

/** The broker of a prepared directory, running or not. */
export function openSecureBroker(dir: string): SecureBroker {
  const facts: SecureFacts = JSON.parse(
    Deno.readTextFileSync(`${dir}/secure.json`),
  );
  return { ...facts, broker: openBroker(dir) };
}

function securityProperties(
  dir: string,
  plainPassword: string,
): string[] {
  const stores = (name: string, keystore: string) => [
    `listener.name.${name}.ssl.keystore.type=PEM`,
    `listener.name.${name}.ssl.keystore.location=${dir}/${keystore}`,
  ];
  const scram = (name: string, mechanism: string) =>
    `listener.name.${name}.${mechanism}.sasl.jaas.config=` +
    "org.apache.kafka.common.security.scram.ScramLoginModule required;";
  return [
    ...stores("tls", "broker.pem"),
    ...stores("mutual", "broker.pem"),
    ...stores("misnamed", "misnamed.pem"),
    ...stores("expired", "expired.pem"),
    ...stores("sasltls", "broker.pem"),
    "listener.name.mutual.ssl.client.auth=required",
    "listener.name.mutual.ssl.truststore.type=PEM",
    `listener.name.mutual.ssl.truststore.location=${dir}/authority.pem`,
    "listener.name.sasltls.sasl.enabled.mechanisms=SCRAM-SHA-512",
    scram("sasltls", "scram-sha-512"),
    "listener.name.sasl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    scram("sasl", "scram-sha-256"),
    scram("sasl", "scram-sha-512"),
    "listener.name.sasl.plain.sasl.jaas.config=" +
    "org.apache.kafka.common.security.plain.PlainLoginModule required " +
    `user_${PLAIN_USER}="${plainPassword}";`,
  ];
}
