/** Where and how to connect for the address that somebody was given. */
import type { ChannelOptions } from "@grpc/grpc-js";

/** Where to connect for an address that a service listens on: `:50051` and `0.0.0.0:50051` are all interfaces. */
export function dialAddress(address: string): string {
  const match = /^(|0\.0\.0\.0|\[::\]|\*):(\d+)$/.exec(address);
  return match === null ? address : `127.0.0.1:${match[2]}`;
}

/** No proxy of the environment stands between us and this machine. */
export function dialOptions(address: string): ChannelOptions {
  return /^(127\.|localhost:|\[::1\]:)/.test(address)
    ? { "grpc.enable_http_proxy": 0 }
    : {};
}
