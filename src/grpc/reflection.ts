/**
 * grpc.reflection.v1 and v1alpha over descriptors that are part of the program.
 *
 * Invariants: no file is read; only registered services are listed; an answer
 * carries the file and all that it imports.
 *
 * Does not promise: to outlive the stop. Open streams end UNAVAILABLE.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import type { ActiveCall } from "./calls.ts";
import type { RpcError } from "./errors.ts";
import { REFLECTED_FILES, type ReflectedFile } from "./gen/descriptor_set.ts";
import {
  type ServerReflectionRequest,
  type ServerReflectionResponse,
  ServerReflectionService as v1,
} from "./gen/grpc/reflection/v1/reflection.ts";
import { ServerReflectionService as v1alpha } from "./gen/grpc/reflection/v1alpha/reflection.ts";
import {
  type HandlerEnvironment,
  malformedRequest,
  type Received,
} from "./handlers.ts";
import { describe, type EdgeService } from "./service.ts";

type ReflectionStream = ServerDuplexStream<
  Received<ServerReflectionRequest>,
  ServerReflectionResponse
>;

type Answer = Omit<
  ServerReflectionResponse,
  "validHost" | "originalRequest"
>;

const NO_ANSWER: Answer = {
  fileDescriptorResponse: undefined,
  allExtensionNumbersResponse: undefined,
  listServicesResponse: undefined,
  errorResponse: undefined,
};

const refused = (errorCode: status, errorMessage: string): Answer => ({
  ...NO_ANSWER,
  errorResponse: { errorCode, errorMessage },
});

/** Looks descriptors up. */
class DescriptorIndex {
  readonly #files = new Map<string, ReflectedFile>();
  readonly #bySymbol = new Map<string, ReflectedFile>();

  constructor(files: readonly ReflectedFile[] = REFLECTED_FILES) {
    for (const file of files) {
      this.#files.set(file.name, file);
      for (const symbol of file.symbols) this.#bySymbol.set(symbol, file);
    }
  }

  file(name: string): ReflectedFile | undefined {
    return this.#files.get(name);
  }

  declaring(symbol: string): ReflectedFile | undefined {
    return this.#bySymbol.get(symbol);
  }

  extending(type: string, number: number): ReflectedFile | undefined {
    return [...this.#files.values()].find((file) =>
      file.extensions.some((e) => e.extendee === type && e.number === number)
    );
  }

  extensionNumbers(type: string): number[] {
    return [...this.#files.values()].flatMap((file) =>
      file.extensions.filter((e) => e.extendee === type).map((e) => e.number)
    );
  }

  /** The file, then what it imports, each once. */
  withImports(file: ReflectedFile): Buffer[] {
    const found = new Set([file]);
    for (const { dependencies } of found) {
      for (const name of dependencies) {
        const imported = this.#files.get(name);
        if (imported !== undefined) found.add(imported);
      }
    }
    return [...found].map((each) => Buffer.from(each.descriptor, "base64"));
  }
}

/** Answers reflection requests and knows the open streams. */
export class Reflection {
  readonly #index = new DescriptorIndex();
  readonly #services: () => readonly string[];
  readonly #open = new Set<ActiveCall>();

  /** `services`: the names to list. */
  constructor(services: () => readonly string[]) {
    this.#services = services;
  }

  services(): EdgeService[] {
    return [v1, v1alpha].map((definition) => ({
      ...describe(definition),
      implement: (env) => ({
        serverReflectionInfo: (stream: ReflectionStream) =>
          this.#serve(env, stream),
      }),
    }));
  }

  /** Ends every open stream with `error`. */
  endStreams(error: RpcError): void {
    for (const call of this.#open) call.fail(error);
  }

  #serve(env: HandlerEnvironment, stream: ReflectionStream): void {
    const call = env.calls.of(stream.metadata);
    if (call === undefined) return void stream.destroy();
    this.#open.add(call);
    stream.once("cancelled", () => this.#open.delete(call));
    stream.on("error", () => {
      // The client has gone; "cancelled" comes as well.
    });
    stream.on("end", () => stream.end());
    stream.on("drain", () => stream.resume());
    stream.on("data", (received: Received<ServerReflectionRequest>) => {
      env.observer.msgReceived(call.method);
      const request = received();
      if (!request.ok) {
        call.fail(malformedRequest());
        return;
      }
      env.observer.msgSent(call.method);
      const more = stream.write({
        validHost: request.value.host,
        originalRequest: request.value,
        ...this.answer(request.value),
      });
      if (!more) stream.pause();
    });
  }

  /** The answer to one request. */
  answer(request: ServerReflectionRequest): Answer {
    if (request.listServices !== undefined) {
      const service = this.#services().map((name) => ({ name }));
      return { ...NO_ANSWER, listServicesResponse: { service } };
    }
    if (request.allExtensionNumbersOfType !== undefined) {
      const baseTypeName = request.allExtensionNumbersOfType;
      if (this.#index.declaring(baseTypeName) === undefined) {
        return refused(status.NOT_FOUND, "no such type");
      }
      return {
        ...NO_ANSWER,
        allExtensionNumbersResponse: {
          baseTypeName,
          extensionNumber: this.#index.extensionNumbers(baseTypeName),
        },
      };
    }
    const file = this.#find(request);
    if (file === "unsupported") {
      return refused(status.INVALID_ARGUMENT, "the request asks for nothing");
    }
    return file === undefined
      ? refused(status.NOT_FOUND, "no such file, symbol or extension")
      : {
        ...NO_ANSWER,
        fileDescriptorResponse: {
          fileDescriptorProto: this.#index.withImports(file),
        },
      };
  }

  #find(
    request: ServerReflectionRequest,
  ): ReflectedFile | undefined | "unsupported" {
    if (request.fileByFilename !== undefined) {
      return this.#index.file(request.fileByFilename);
    }
    if (request.fileContainingSymbol !== undefined) {
      return this.#index.declaring(request.fileContainingSymbol);
    }
    if (request.fileContainingExtension !== undefined) {
      const { containingType, extensionNumber } =
        request.fileContainingExtension;
      return this.#index.extending(containingType, extensionNumber);
    }
    return "unsupported";
  }
}
