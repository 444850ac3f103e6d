/**
 * One request in Kafka's own protocol, for what the client library cannot ask (kafka.apache.org/protocol).
 *
 * Not promised: anything but "flexible" versions, connections without TLS and SASL, small answers.
 */
import { Buffer } from "node:buffer";
import { BrokerError } from "./errors.ts";

const CORRELATION_ID = 1;
const ANSWER_MS = 15_000;

/** Builds a request's body. */
export class Body {
  readonly #parts: Buffer[] = [];

  int8(value: number): this {
    return this.#push(1, (buffer) => buffer.writeInt8(value));
  }

  int16(value: number): this {
    return this.#push(2, (buffer) => buffer.writeInt16BE(value));
  }

  int32(value: number): this {
    return this.#push(4, (buffer) => buffer.writeInt32BE(value));
  }

  text(value: string): this {
    return this.bytes(new TextEncoder().encode(value));
  }

  /** Compact: the length and one, as a varint. */
  bytes(value: Uint8Array): this {
    this.#varint(value.length + 1);
    this.#parts.push(Buffer.from(value));
    return this;
  }

  /** Compact, as well. */
  array<T>(values: readonly T[], each: (value: T) => void): this {
    this.#varint(values.length + 1);
    values.forEach(each);
    return this;
  }

  /** An end of a structure: no tagged fields. */
  end(): this {
    return this.int8(0);
  }

  build(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #varint(value: number): void {
    for (let rest = value;; rest >>>= 7) {
      if (rest < 0x80) return void this.int8(rest);
      this.#push(1, (buffer) => buffer.writeUInt8(rest & 0x7f | 0x80));
    }
  }

  #push(size: number, write: (buffer: Buffer) => void): this {
    const buffer = Buffer.alloc(size);
    write(buffer);
    this.#parts.push(buffer);
    return this;
  }
}

/** @returns the answer's body. @throws BrokerError when none comes */
export async function ask(
  address: string,
  apiKey: number,
  version: number,
  body: Body,
): Promise<Buffer> {
  const header = Buffer.alloc(14);
  header.writeInt16BE(apiKey, 0);
  header.writeInt16BE(version, 2);
  header.writeInt32BE(CORRELATION_ID, 4);
  header.writeInt16BE(4, 8);
  header.write("test", 10);
  const payload = Buffer.concat([header, Buffer.alloc(1), body.build()]);
  const size = Buffer.alloc(4);
  size.writeInt32BE(payload.length);
  const [hostname = "", port] = address.split(":");
  const connection = await Deno.connect({ hostname, port: Number(port) });
  let open = true;
  const close = () => {
    if (open) connection.close();
    open = false;
  };
  const late = setTimeout(close, ANSWER_MS);
  try {
    await connection.write(Buffer.concat([size, payload]));
    let answer = Buffer.alloc(0);
    const chunk = new Uint8Array(65_536);
    while (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) {
      const read = await connection.read(chunk);
      if (read === null) break;
      answer = Buffer.concat([answer, chunk.subarray(0, read)]);
    }
    // Length, correlation id, no tagged fields.
    return answer.subarray(9);
  } catch (error) {
    throw new BrokerError(`${address} gave no answer to request ${apiKey}`, {
      cause: error,
    });
  } finally {
    clearTimeout(late);
    close();
  }
}
