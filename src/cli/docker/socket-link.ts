import {
  type Stats,
  lstatSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { codeOf, Failure, sentenceOf } from "../../base/failure.ts";
import { network } from "../builtin-modules.ts";

/** The socket that Docker's clients use when nothing chooses another. */
export const dockerSocket = "/var/run/docker.sock";

/** Makes systemd create the link at each boot: /run is empty then. SPEC: tmpfiles.d(5) */
export const tmpfilesFile = "/etc/tmpfiles.d/tare-docker.conf";

/** What is at a path: nothing, our link, a socket or link without a listener, or something that must stay. */
export type Occupant = "none" | "ours" | "stale" | "listening" | "other";

/** `target`: the path of our socket. */
export async function readOccupant(path: string, target: string): Promise<Occupant> {
  let stat: Stats;
  try {
    stat = lstatSync(path);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return "none";
    throw thrown;
  }
  if (stat.isSymbolicLink() && readlinkSync(path) === target) return "ours";
  if (!stat.isSymbolicLink() && !stat.isSocket()) return "other";
  return (await isListening(path)) ? "listening" : "stale";
}

/** Puts the link there, in one step. */
export function placeLink(path: string, target: string): void {
  const draft = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    symlinkSync(target, draft);
    renameSync(draft, path);
  } catch (thrown) {
    rmSync(draft, { force: true });
    throw new Failure("not-permitted", `cannot make the link ${path}: ${sentenceOf(thrown)}`, {
      cause: thrown,
    });
  }
}

/** False: systemd does not run here, or its directory cannot be written. */
export function keepLink(path: string, target: string): boolean {
  try {
    writeFileSync(
      tmpfilesFile,
      `# tare init docker --method socket\nL ${path.replace(/^\/var\/run\//, "/run/")} - - - - ${target}\n`,
      {
        mode: 0o644,
      },
    );
    return true;
  } catch {
    return false;
  }
}

async function isListening(path: string): Promise<boolean> {
  const socket = network().connect({ path });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once("connect", () => resolve(true));
  // Refused: there is no listener. All else, as a full backlog, means that there is one.
  socket.once("error", (thrown) => resolve(!["ECONNREFUSED", "ENOENT"].includes(codeOf(thrown) ?? "")));
  const listens = await promise;
  socket.destroy();
  return listens;
}
