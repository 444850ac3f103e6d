/**
 * What a request asks for.
 *
 * Invariant: the path is that of the request's first line, byte for byte: nothing is decoded, and neither a Host header
 * nor an absolute target can put anything before or behind it.
 *
 * `Request.url` is the Host header and the target, one behind the other, checked by nobody.
 */

const NAME = /^[\w.-]*(:\d*)?$/;
const BRACKETED = /^\[[\da-f:.]+\](:\d*)?$/i;
const URL_PARTS = /^https?:\/\/([^/?#]*)([^?#]*)/;

/**
 * The path; `null`: a host that is none. No Host at all passes, as HTTP/1.0 has none (HAProxy asks so, say), and
 * Deno does not tell the version.
 */
export function pathOf(url: string, hostHeader: string | null): string | null {
  const [, authority = "", path = ""] = URL_PARTS.exec(url) ?? [];
  return isHost(hostHeader ?? "") && isHost(authority) ? path : null;
}

function isHost(text: string): boolean {
  if (text === "") return true;
  return (NAME.test(text) || BRACKETED.test(text)) &&
    URL.canParse(`http://${text}/`);
}
