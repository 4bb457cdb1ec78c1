import { spawn } from "node:child_process";
import { Failure } from "../../base/failure.ts";
import type { Fd } from "../kernel/fd.ts";

export type FilesystemType = "ext4" | "xfs";

/** Debian's packages. */
const packages: Readonly<Record<FilesystemType, string>> = { ext4: "e2fsprogs", xfs: "xfsprogs" };

/**
 * Makes a file system on a device, open for writing, whose bytes are all zero: what is zero anyway is not written.
 * `quotas`: of projects, ext4 alone. Throws "unsupported" naming the package where its program is missing.
 */
export async function makeFilesystem(
  device: Fd,
  {
    type,
    bytes,
    quotas = false,
  }: { readonly type: FilesystemType; readonly bytes: number; readonly quotas?: boolean | undefined },
): Promise<void> {
  const program = `mkfs.${type}`;
  // SAFETY: the device itself, whatever stands at its path by now.
  const path = `/proc/${process.pid}/fd/${device}`;
  const options = type === "ext4" ? ext4Options(bytes, quotas) : ["-q", "-f", "-K"];
  const { status, said } = await run(program, [...options, path]).catch((cause: unknown) => {
    throw new Failure(
      "unsupported",
      `cannot make a file system: the program ${program} is missing (Debian's package "${packages[type]}")`,
      { cause },
    );
  });
  if (status !== 0) throw new Failure("internal", `cannot make a file system: ${program} says: ${said}`);
}

function ext4Options(bytes: number, quotas: boolean): readonly string[] {
  // A journal is overwritten cyclically; each container's journal allocates its own blocks.
  const journalMebibytes = Math.max(4, Math.min(16, Math.floor(bytes / 2 ** 20 / 16)));
  const extended = "nodiscard,lazy_itable_init=1,lazy_journal_init=1";
  return [
    ...words("-q -F -b 4096 -m 0 -J"),
    `size=${journalMebibytes}`,
    ...(quotas
      ? ["-O", "quota,project", "-E", `${extended},quotatype=prjquota`]
      : ["-O", "^quota", "-E", extended]),
  ];
}

const words = (text: string): readonly string[] => text.split(" ");

async function run(
  program: string,
  args: readonly string[],
): Promise<{ readonly status: number | null; readonly said: string }> {
  // A daemon may have been started with a short PATH.
  const path = [process.env["PATH"] ?? "", "/usr/sbin", "/sbin"].filter((part) => part !== "").join(":");
  return await new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: path, LC_ALL: "C" },
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        if (text.length < 4096) text += chunk.toString();
      });
    child.on("error", reject);
    child.on("close", (status) =>
      resolve({ status, said: text.trim().split("\n").at(-1) ?? `status ${status}` }),
    );
  });
}
