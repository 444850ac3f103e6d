/**
 * Certificates and keys in PEM, read far enough to know that TLS can use them: a broken one would show only as a
 * handshake that fails.
 *
 * Not promised: that a certificate is valid now, or that anyone trusts it; that all of a list can be read.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { ok, type Parser, parser, wrong } from "./parsers.ts";

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g;

/** One certificate or several; the loader has replaced a path by the file's content. */
export const certificates: Parser<string> = parser((text) =>
  blocks(text, /^CERTIFICATE$/).some((block) => certificateOf(block) !== null)
    ? ok(text)
    : wrong(
      "holds no certificate that can be read (-----BEGIN CERTIFICATE-----)",
    )
);

/** A private key without a passphrase. */
export const privateKey: Parser<string> = parser((text) => {
  const [block = "", ...more] = blocks(text, /PRIVATE KEY$/);
  if (more.length > 0) return wrong("holds more than one private key");
  if (/ENCRYPTED/.test(block)) {
    return wrong("holds a key with a passphrase: write the key without it");
  }
  return keyOf(block) !== null ? ok(text) : wrong(
    "holds no private key that can be read (-----BEGIN PRIVATE KEY-----)",
  );
});

/** Whether the key is the one of the first certificate. */
export function belongTogether(certs: string, key: string): boolean {
  const [own = ""] = blocks(certs, /^CERTIFICATE$/);
  const [secret = ""] = blocks(key, /PRIVATE KEY$/);
  const keyObject = keyOf(secret);
  return keyObject !== null &&
    certificateOf(own)?.checkPrivateKey(keyObject) === true;
}

function blocks(text: string, label: RegExp): string[] {
  return [...text.matchAll(BLOCK)].flatMap(([block, found = ""]) =>
    label.test(found) ? [block] : []
  );
}

function certificateOf(block: string): X509Certificate | null {
  try {
    return new X509Certificate(block);
  } catch {
    return null;
  }
}

function keyOf(block: string): KeyObject | null {
  try {
    return createPrivateKey(block);
  } catch {
    return null;
  }
}
