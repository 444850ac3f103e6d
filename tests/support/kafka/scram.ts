/** Users of SASL SCRAM, made and changed while the broker runs (API key 51, AlterUserScramCredentials). */
import { pbkdf2Sync, randomBytes } from "node:crypto";
import { BrokerError } from "./errors.ts";
import { ask, Body } from "./wire.ts";

const ALTER_USER_SCRAM_CREDENTIALS = 51;
/** The fewest that a broker takes. */
const ITERATIONS = 4_096;
const MECHANISMS = {
  "scram-sha-256": { id: 1, digest: "sha256", bytes: 32 },
  "scram-sha-512": { id: 2, digest: "sha512", bytes: 64 },
} as const;

/** From now on the user has this password. @throws BrokerError */
export async function setScramPassword(
  address: string,
  mechanism: keyof typeof MECHANISMS,
  user: string,
  password: string,
): Promise<void> {
  const { id, digest, bytes } = MECHANISMS[mechanism];
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, ITERATIONS, bytes, digest);
  const body = new Body();
  body.array([], () => {}).array(
    [user],
    (name) =>
      body.text(name).int8(id).int32(ITERATIONS).bytes(salt).bytes(salted)
        .end(),
  ).end();
  const answer = await ask(address, ALTER_USER_SCRAM_CREDENTIALS, 0, body);
  // Throttle time, number of results and one, user, error code.
  const nameEnd = 5 + answer.readUInt8(5);
  const code = answer.readInt16BE(nameEnd);
  if (code !== 0) {
    throw new BrokerError(`Cannot set the password of ${user}: error ${code}`);
  }
}
