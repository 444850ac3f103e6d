/**
 * X.509 certificates for tests: P-256, two days, made when they are needed. None is ever committed.
 *
 * Not promised: more of RFC 5280 than the clients and brokers of the tests look at.
 */
import { Buffer } from "node:buffer";
import {
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign,
} from "node:crypto";

/** PEM; the key as PKCS #8. */
export interface Certified {
  readonly name: string;
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;

/** A certificate that signs others and itself. */
export function makeAuthority(name: string): Certified {
  const { key, spki } = newKey();
  const issuer = { name, key };
  const extensions = [
    extension("551d13", seq(BOOLEAN_TRUE)),
    // keyCertSign
    extension("551d0f", Buffer.from("03020204", "hex")),
  ];
  return { name, cert: certificate(issuer, name, spki, extensions, 1), key };
}

/**
 * A certificate that the authority has signed.
 *
 * @param hosts whom it is for: DNS names and IPv4 addresses
 * @param days how long it is valid from now; below 0: that long ago it was
 */
export function makeCertificate(
  name: string,
  hosts: readonly string[],
  authority: Certified,
  days = 1,
): Certified {
  const { key, spki } = newKey();
  const names = hosts.map((host) =>
    /^[\d.]+$/.test(host)
      ? der(0x87, Buffer.from(host.split(".").map(Number)))
      : der(0x82, Buffer.from(host))
  );
  const extensions = [
    extension("551d13", seq()),
    extension("551d11", seq(...names)),
  ];
  return {
    name,
    cert: certificate(authority, name, spki, extensions, days),
    key,
  };
}

const BOOLEAN_TRUE = Buffer.from("0101ff", "hex");

function newKey(): { readonly key: string; readonly spki: Buffer } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return { key: String(privateKey), spki: Buffer.from(publicKey) };
}

function certificate(
  issuer: { readonly name: string; readonly key: string },
  subject: string,
  spki: Buffer,
  extensions: readonly Buffer[],
  days: number,
): string {
  // ecdsa-with-SHA256
  const algorithm = seq(oid("2a8648ce3d040302"));
  const serial = randomBytes(8);
  serial[0] = 1;
  const body = seq(
    // Version 3.
    der(0xa0, Buffer.from("020102", "hex")),
    der(0x02, serial),
    algorithm,
    nameOf(issuer.name),
    seq(time(-2 * DAY_MS), time(days * DAY_MS)),
    nameOf(subject),
    spki,
    der(0xa3, seq(...extensions)),
  );
  const signature = sign("sha256", body, createPrivateKey(issuer.key));
  const bits = der(0x03, Buffer.concat([Buffer.alloc(1), signature]));
  const base64 = seq(body, algorithm, bits).toString("base64")
    .replace(/.{64}/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}

/** `CN=name` */
function nameOf(name: string): Buffer {
  const pair = seq(oid("550403"), der(0x0c, Buffer.from(name)));
  return seq(der(0x31, pair));
}

function extension(id: string, value: Buffer): Buffer {
  return seq(oid(id), BOOLEAN_TRUE, der(0x04, value));
}

function time(fromNowMs: number): Buffer {
  const text = new Date(Date.now() + fromNowMs).toISOString()
    .replace(/^20|[-:T]|\.\d+/g, "");
  return der(0x17, Buffer.from(text));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, "hex"));
}

function seq(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function der(tag: number, value: Buffer): Buffer {
  const { length } = value;
  const head = length < 0x80
    ? [length]
    : length < 0x100
    ? [0x81, length]
    : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), value]);
}
