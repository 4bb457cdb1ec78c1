import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../base/failure.ts";
import { formatPlatform, hostPlatform, type Platform } from "../../spec/platform.ts";

const handlers = "/proc/sys/fs/binfmt_misc";

/** SPEC: elf.h, e_machine, and the byte before: 1 is 32 bits, 2 is 64; big endian is not known here. */
const machines: Readonly<Record<string, number>> = {
  "386": 3,
  amd64: 62,
  arm: 40,
  arm64: 183,
  loong64: 258,
  mips64le: 8,
  ppc64le: 21,
  riscv64: 243,
};

/** What the processor runs without help. */
const natives: Readonly<Record<string, readonly string[]>> = { amd64: ["386"], arm64: ["arm"] };

/** Throws "unsupported" where neither the processor nor a handler of the kernel runs programs of the platform. */
export function requireRunnable(platform: Platform): void {
  const host = hostPlatform();
  const { architecture } = platform;
  if (architecture === host.architecture || natives[host.architecture]?.includes(architecture) === true)
    return;
  if (registeredHandlers().some((text) => isHandlerOf(text, architecture))) return;
  const [wanted, own] = [platform, host].map(formatPlatform);
  throw new Failure(
    "unsupported",
    `cannot run programs of ${wanted} on ${own}: the kernel has no binfmt_misc handler for them; install qemu-user-static, or run the step in a stage FROM --platform=$BUILDPLATFORM`,
  );
}

/** The text of a handler's file. Pure. SPEC: Linux, Documentation/admin-guide/binfmt-misc.rst */
export function isHandlerOf(text: string, architecture: string): boolean {
  const magic = /^magic ([0-9a-f]+)$/m.exec(text)?.[1];
  const machine = machines[architecture];
  if (!/^enabled$/m.test(text) || magic === undefined || machine === undefined) return false;
  const bytes = Buffer.from(magic, "hex");
  return bytes.length >= 20 && bytes.readUInt32BE(0) === 0x7f454c46 && bytes.readUInt16LE(18) === machine;
}

function registeredHandlers(): readonly string[] {
  try {
    return readdirSync(handlers)
      .filter((name) => name !== "register" && name !== "status")
      .map((name) => readFileSync(join(handlers, name), "utf8"));
  } catch {
    return [];
  }
}
