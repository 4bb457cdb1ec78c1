import { Buffer } from "node:buffer";
import { constants, lstatSync, readdirSync, readlinkSync, type BigIntStats } from "node:fs";
import { open } from "node:fs/promises";
import { Failure } from "../../base/failure.ts";
import { decodeBytes } from "../../spec/byte-text.ts";
import { encodeTarEnd, encodeTarMember, type TarMember, tarPadding } from "../../spec/tar-writer.ts";

const BILLION = 1_000_000_000n;
const READ_BYTES = 1 << 18;

/**
 * A file or directory of the host as tar, under the name `as`; "" puts what is in a directory straight into the
 * archive. Sockets are left out; fifos and devices are not opened.
 */
export async function* packFromHost(
  path: string,
  { as }: { readonly as: string },
): AsyncGenerator<Uint8Array, void> {
  yield* packEntries(path, { as });
  yield encodeTarEnd();
}

/** Several directories of the host as one archive, each under its name. */
export async function* packDirectories(
  directories: readonly { readonly path: string; readonly as: string }[],
): AsyncGenerator<Uint8Array, void> {
  for (const { path, as } of directories) yield* packEntries(path, { as });
  yield encodeTarEnd();
}

async function* packEntries(path: string, { as }: { readonly as: string }): AsyncGenerator<Uint8Array, void> {
  const links = new Map<string, string>();
  const top = Buffer.from(path);
  const pending: { readonly path: Buffer; readonly name: string }[] = [{ path: top, name: as }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const stat = lstatSync(next.path, { bigint: true, throwIfNoEntry: next.path === top });
    if (stat === undefined) continue; // vanished meanwhile
    const member = describe(next, stat);
    if (member === undefined) continue;
    if (member.type === "directory") {
      yield encodeTarMember(member);
      const names = readdirSync(next.path, { encoding: "buffer" })
        .sort((one, other) => Buffer.compare(one, other))
        .reverse();
      for (const name of names) {
        const child = Buffer.concat([next.path, Buffer.from("/"), name]);
        pending.push({
          path: child,
          name: next.name === "" ? decodeBytes(name) : `${next.name}/${decodeBytes(name)}`,
        });
      }
      continue;
    }
    const key = `${stat.dev}:${stat.ino}`;
    const first = stat.nlink > 1n ? links.get(key) : undefined;
    if (first !== undefined) {
      yield encodeTarMember({ ...member, type: "hardlink", linkName: first, size: 0 });
      continue;
    }
    links.set(key, next.name);
    if (member.type === "file") yield* packFile(next.path, member);
    else yield encodeTarMember(member);
  }
}

function describe({ path, name }: { path: Buffer; name: string }, stat: BigIntStats): TarMember | undefined {
  const nanoseconds = Number(((stat.mtimeNs % BILLION) + BILLION) % BILLION);
  const common = {
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtime: { seconds: Number((stat.mtimeNs - BigInt(nanoseconds)) / BILLION), nanoseconds },
  };
  if (stat.isDirectory()) return { ...common, path: name === "" ? "./" : `${name}/`, type: "directory" };
  if (stat.isFile()) return { ...common, path: name, type: "file", size: Number(stat.size) };
  if (stat.isSymbolicLink()) {
    return {
      ...common,
      path: name,
      type: "symlink",
      linkName: decodeBytes(readlinkSync(path, { encoding: "buffer" })),
    };
  }
  if (stat.isFIFO()) return { ...common, path: name, type: "fifo" };
  if (!stat.isCharacterDevice() && !stat.isBlockDevice()) return undefined;
  const [major, minor] = deviceOf(stat.rdev);
  return { ...common, path: name, type: stat.isBlockDevice() ? "block" : "character", major, minor };
}

/** SPEC: makedev(3). */
function deviceOf(device: bigint): readonly [major: number, minor: number] {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
  const minor = (device & 0xffn) | ((device >> 12n) & ~0xffn);
  return [Number(major), Number(minor)];
}

async function* packFile(path: Buffer, member: TarMember): AsyncGenerator<Uint8Array, void> {
  const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
  await using file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const stat = await file.stat();
  if (!stat.isFile())
    throw new Failure("conflict", `cannot copy ${JSON.stringify(member.path)}: it was replaced`);
  yield encodeTarMember({ ...member, size: stat.size });
  for (let at = 0; at < stat.size; ) {
    const buffer = new Uint8Array(Math.min(READ_BYTES, stat.size - at));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    // Exactly as many bytes as the header promised: zeros when the file has become shorter.
    yield bytesRead === 0 ? buffer : buffer.subarray(0, bytesRead);
    at += bytesRead === 0 ? buffer.length : bytesRead;
  }
  yield new Uint8Array(tarPadding(stat.size));
}
