/**
 * strace around a command: what it asks the kernel to do with files and sockets, with all bytes.
 *
 * Invariant: a system call is written down before it runs, and again before its caller goes on; so the order of
 * the lines is an order of causes, over all threads, and no clock is needed.
 */
import { run } from "../run_program.ts";

/** All that can change a file, a folder or what of them is on the disk; positions of files; bytes to sockets. */
const SYSTEM_CALLS = [
  "open,openat,openat2,creat,close,lseek,mmap",
  "write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg",
  "truncate,ftruncate,fallocate,copy_file_range,sendfile,splice,io_uring_setup",
  "mkdir,mkdirat,rmdir,unlink,unlinkat,rename,renameat,renameat2",
  "link,linkat,symlink,symlinkat",
  "fsync,fdatasync,sync,syncfs,sync_file_range,msync",
].join(",");
/** Longer than any write here: a shortened string is an error of the reader. */
const LONGEST_STRING = 16 * 1024 * 1024;

/** Why it cannot be used here; null: it can. */
export async function whyNoStrace(): Promise<string | null> {
  if (Deno.build.os !== "linux") return "strace needs Linux";
  const tried = await run("strace", ["-f", "-o", "/dev/null", "true"]);
  if (tried === null) return "strace is not installed";
  return tried.success ? null : `strace may not trace: ${tried.stderr.trim()}`;
}

/**
 * The command, traced into a file.
 *
 * @param inject strace's own expressions, for example `fsync:delay_enter=1s`
 */
export function traced(
  command: readonly string[],
  tracePath: string,
  inject: readonly string[] = [],
): string[] {
  return [
    "strace",
    ...["-f", "--seccomp-bpf", "-y", "-xx", "-o", tracePath],
    ...["-s", String(LONGEST_STRING), "-e", `trace=${SYSTEM_CALLS}`],
    ...inject.flatMap((each) => ["-e", `inject=${each}`]),
    ...command,
  ];
}
