import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf, Failure, sentenceOf } from "../../base/failure.ts";
import { type CdiEdits, type CdiSpec, parseCdiSpec } from "../../spec/cdi.ts";
import { findJsonMistake } from "../../spec/json-mistake.ts";

/** As in Docker. */
export const defaultCdiDirectories: readonly string[] = ["/etc/cdi", "/var/run/cdi"];

/** Of one file. Specifications of hosts with many GPUs have 100 KiB. */
const largestSpecBytes = 1024 ** 2;
/** Of one directory. */
const mostSpecs = 256;
const mostProblems = 50;

/** A device by its name, with the specification that it comes from. */
export interface FoundCdiDevice {
  readonly path: string;
  readonly spec: CdiSpec;
  readonly edits: CdiEdits;
}

/** A file or directory that is left out, wholly or in part, and why. */
export interface CdiProblem {
  readonly path: string;
  readonly problem: string;
}

export interface FoundCdiDevices {
  /** By `vendor.com/class=name`. */
  readonly devices: ReadonlyMap<string, FoundCdiDevice>;
  /** At most 50. */
  readonly problems: readonly CdiProblem[];
}

/** A file's specification, or what is wrong with it, as long as its status is the same. */
const known = new Map<string, { readonly status: string; readonly outcome: CdiSpec | Failure }>();

/**
 * Reads all specifications. Never throws: a bad one is a problem, and does not affect the others. Of devices with the
 * same name that of the later directory counts; two of one directory are a conflict, and neither is a device.
 */
export async function readCdiDevices(directories: readonly string[]): Promise<FoundCdiDevices> {
  const devices = new Map<string, FoundCdiDevice>();
  const problems: CdiProblem[] = [];
  const seen = new Set<string>();
  for (const directory of directories) {
    const own = new Map<string, FoundCdiDevice>();
    const conflicts = new Set<string>();
    for (const path of listSpecs(directory, problems)) {
      seen.add(path);
      const spec = await findSpec(path);
      if (spec instanceof Failure) {
        problems.push({ path, problem: spec.message });
        continue;
      }
      for (const [name, edits] of spec.devices) {
        const full = `${spec.kind}=${name}`;
        const other = own.get(full);
        if (other === undefined) own.set(full, { path, spec, edits });
        else {
          conflicts.add(full);
          problems.push({ path, problem: `conflicting device "${full}" (specs "${other.path}", "${path}")` });
        }
      }
    }
    for (const [name, device] of own) devices.set(name, device);
    for (const name of conflicts) devices.delete(name);
  }
  for (const path of known.keys()) if (!seen.has(path)) known.delete(path);
  return { devices, problems: problems.slice(0, mostProblems) };
}

function listSpecs(directory: string, problems: CdiProblem[]): readonly string[] {
  try {
    const names = readdirSync(directory).filter((name) => /\.(?:json|yaml)$/.test(name));
    if (names.length > mostSpecs)
      problems.push({
        path: directory,
        problem: `it has more than ${mostSpecs} specifications: the rest is left out`,
      });
    return names
      .sort()
      .slice(0, mostSpecs)
      .map((name) => join(directory, name));
  } catch (thrown) {
    if (codeOf(thrown) !== "ENOENT") problems.push({ path: directory, problem: sentenceOf(thrown) });
    return [];
  }
}

async function findSpec(path: string): Promise<CdiSpec | Failure> {
  try {
    const { text, status } = readRegularFile(path);
    const before = known.get(path);
    if (before?.status === status) return before.outcome;
    const outcome = await parseSpec(text, path);
    known.set(path, { status, outcome });
    return outcome;
  } catch (thrown) {
    return failureOf(thrown);
  }
}

async function parseSpec(text: string, path: string): Promise<CdiSpec | Failure> {
  try {
    return parseCdiSpec(path.endsWith(".json") ? parseJson(text) : await parseYaml(text));
  } catch (thrown) {
    return failureOf(thrown);
  }
}

function failureOf(thrown: unknown): Failure {
  return thrown instanceof Failure ? thrown : new Failure("invalid", sentenceOf(thrown), { cause: thrown });
}

function parseJson(text: string): unknown {
  const mistake = findJsonMistake(text);
  if (mistake !== undefined) throw new Failure("invalid", `it is no JSON: ${mistake}`);
  return JSON.parse(text);
}

async function parseYaml(text: string): Promise<unknown> {
  const { parseYaml: parse } = await import("../../spec/yaml.ts");
  return parse(text);
}

function readRegularFile(path: string): { readonly text: string; readonly status: string } {
  // A pipe or a device must not block the engine.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = fstatSync(fd, { bigint: true });
    if (!status.isFile()) throw new Failure("invalid", "it is no regular file");
    if (status.size > largestSpecBytes)
      throw new Failure("invalid", `it has more than ${largestSpecBytes} bytes`);
    const { dev, ino, size, mtimeNs, ctimeNs } = status;
    return { text: readFileSync(fd, "utf8"), status: [dev, ino, size, mtimeNs, ctimeNs].join(" ") };
  } finally {
    closeSync(fd);
  }
}
