import { Buffer } from "node:buffer";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { codeOf, Failure, sentenceOf } from "../../base/failure.ts";
import { TarReader } from "../../spec/tar.ts";
import { encodeTarEnd, encodeTarMember, tarPadding } from "../../spec/tar-writer.ts";
import { readInput } from "../archive.ts";
import type { Command } from "../command.ts";
import { checkContextName, type ContextStore, parseContext } from "./context-store.ts";
import { contextStore } from "./current-context.ts";

const metaName = "meta.json";
/** As in Docker. */
const mostBytes = 10 * 1024 * 1024;

export const contextExport: Command<object> = {
  usage: "[OPTIONS] CONTEXT [FILE|-]",
  takes: [1, 2],
  flags: {},
  completes: ["context", "file"],
  startsDaemon: false,
  usesContext: false,
  async run({ positional, context, ...call }) {
    const [name = "", target = `${name}.dockercontext`] = positional;
    if (name !== "default") checkContextName(name);
    const archive = packContext(contextStore(context.env), name);
    if (target === "-") {
      if (context.stdout.isTTY === true)
        throw new Failure("invalid", "cowardly refusing to export to a terminal, specify a file path");
      context.stdout.write(archive);
      return 0;
    }
    try {
      writeFileSync(resolve(context.cwd, target), archive, { mode: 0o600, flag: "wx" });
    } catch (thrown) {
      const detail = codeOf(thrown) === "EEXIST" ? "file exists" : sentenceOf(thrown);
      throw new Failure("conflict", `open ${target}: ${detail}`, { cause: thrown });
    }
    call.err(`Written file "${target}"\n`);
    return 0;
  },
};

export const contextImport: Command<object> = {
  usage: "CONTEXT FILE|-",
  takes: [2, 2],
  flags: {},
  completes: ["none", "file", "none"],
  startsDaemon: false,
  usesContext: false,
  async run({ positional, context, ...call }) {
    const [name = "", source = ""] = positional;
    checkContextName(name);
    const store = contextStore(context.env);
    if (store.find(name) !== undefined) throw new Failure("conflict", `context "${name}" already exists`);
    const { meta, keys } = unpackContext(await readArchive(source, context));
    store.save({ ...parseContext(meta), Name: name });
    store.saveKeys(name, keys);
    call.out(`${name}\n`);
    call.err(`Successfully imported context "${name}"\n`);
    return 0;
  },
};

/** The archive of Docker's client: `meta.json`, and the key files of the endpoint below `tls`. */
function packContext(store: ContextStore, name: string): Uint8Array {
  const { Name, Metadata, Endpoints } = store.get(name);
  const keys = store.keyFiles(name)["docker"] ?? [];
  const pieces: Uint8Array[] = [
    ...fileMember(metaName, Buffer.from(JSON.stringify({ Name, Metadata, Endpoints })), 0o644),
    encodeTarMember({ path: "tls", type: "directory", mode: 0o700 }),
  ];
  if (keys.length > 0) pieces.push(encodeTarMember({ path: "tls/docker", type: "directory", mode: 0o700 }));
  for (const file of keys) {
    pieces.push(...fileMember(`tls/docker/${file}`, store.readKey(name, "docker", file), 0o600));
  }
  return Buffer.concat([...pieces, encodeTarEnd()]);
}

function fileMember(path: string, bytes: Uint8Array, mode: number): readonly Uint8Array[] {
  const header = encodeTarMember({ path, type: "file", mode, size: bytes.length });
  return [header, bytes, new Uint8Array(tarPadding(bytes.length))];
}

/** Throws "invalid" for an archive that is no context's: only these paths can be written. */
function unpackContext(archive: Uint8Array): {
  readonly meta: string;
  readonly keys: ReadonlyMap<string, Uint8Array>;
} {
  const reader = new TarReader();
  const keys = new Map<string, Uint8Array>();
  let meta: string | undefined;
  let path = "";
  let contents: Uint8Array[] = [];
  for (const event of reader.push(archive)) {
    if (event.kind === "entry") {
      path = event.entry.type === "file" ? event.entry.path : "";
      contents = [];
    } else if (event.kind === "data") contents.push(event.bytes);
    else if (path === metaName) meta = Buffer.concat(contents).toString();
    else if (path !== "") {
      const key = /^tls\/docker\/(ca\.pem|cert\.pem|key\.pem)$/.exec(path)?.[1];
      if (key === undefined) throw new Failure("invalid", `${JSON.stringify(path)}: invalid file in context`);
      keys.set(key, Buffer.concat(contents));
    }
  }
  reader.end();
  if (meta === undefined) throw new Failure("invalid", "invalid context: no metadata found");
  return { meta, keys };
}

async function readArchive(source: string, context: Parameters<typeof readInput>[0]): Promise<Uint8Array> {
  if (source !== "-") {
    try {
      return checkLength(readFileSync(resolve(context.cwd, source)));
    } catch (thrown) {
      if (thrown instanceof Failure) throw thrown;
      const detail = codeOf(thrown) === "ENOENT" ? "no such file or directory" : sentenceOf(thrown);
      throw new Failure("not-found", `open ${source}: ${detail}`, { cause: thrown });
    }
  }
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of readInput(context, "cannot read the archive of a context from a terminal")) {
    pieces.push(piece);
    length += piece.length;
    if (length > mostBytes) break;
  }
  return checkLength(Buffer.concat(pieces));
}

function checkLength(archive: Uint8Array): Uint8Array {
  if (archive.length <= mostBytes) return archive;
  throw new Failure("invalid", `the archive of a context has at most ${mostBytes} bytes`);
}
