// Writes the gRPC messages that Tare uses, with their types, from the descriptors of all services:
// `TARE_REFERENCE=… node scripts/grpc-messages.mjs`. With `--check` it compares, and fails where the file is not current.
import { readFileSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";

const reference = process.env.TARE_REFERENCE;

/** Services of BuildKit with the methods that are used; of these, and of further messages, all fields are kept. */
const buildKitServices = {
  "moby.buildkit.v1.Control": [
    "DiskUsage",
    "Prune",
    "Solve",
    "Status",
    "Session",
    "ListWorkers",
    "Info",
    "ListenBuildHistory",
    "UpdateBuildHistory",
  ],
  "moby.buildkit.v1.frontend.LLBBridge": [
    "ResolveImageConfig",
    "ResolveSourceMeta",
    "Solve",
    "ReadFile",
    "ReadDir",
    "StatFile",
    "Evaluate",
    "Ping",
    "Return",
    "Inputs",
    "Warn",
  ],
  "moby.buildkit.secrets.v1.Secrets": ["GetSecret"],
  "moby.filesync.v1.Auth": ["Credentials", "FetchToken"],
  "moby.filesync.v1.FileSync": ["DiffCopy"],
  "moby.filesync.v1.FileSend": ["DiffCopy"],
  "moby.sshforward.v1.SSH": ["CheckAgent", "ForwardAgent"],
  "moby.upload.v1.Upload": ["Pull"],
};
const buildKitMessages = [
  "google.rpc.Status",
  "google.protobuf.Any",
  "errdefs.Source",
  "errdefs.Vertex",
  "pb.Op",
];

/** Services of which all methods are kept. */
const criServices = ["runtime.v1.RuntimeService", "runtime.v1.ImageService"];

const scalars = {
  bool: "boolean",
  string: "string",
  bytes: "Uint8Array",
  int32: "number",
  uint32: "number",
  int64: "number",
  uint64: "number",
  double: "number",
};

if (reference === undefined) throw new Error("TARE_REFERENCE does not name the directory of the descriptors");
const buildKit = readDescriptors("buildkit");
const cri = readDescriptors("cri-v1");
keepCurrent(
  "src/daemon/buildkit/messages.ts",
  write(buildKit, {
    target: "src/daemon/buildkit/messages.ts",
    of: "BuildKit's services",
    codec: "../../grpc/codec.ts",
    services: buildKitServices,
    messages: buildKitMessages,
  }),
);
keepCurrent(
  "src/cri/messages.ts",
  write(cri, {
    target: "src/cri/messages.ts",
    of: "Kubernetes' Container Runtime Interface",
    codec: "../grpc/codec.ts",
    services: Object.fromEntries(criServices.map((name) => [name, Object.keys(find(cri, name).methods)])),
    messages: [],
  }),
);

function readDescriptors(name) {
  return JSON.parse(readFileSync(`${reference}/grpc/${name}.json`, "utf8"));
}

function keepCurrent(target, written) {
  if (!process.argv.includes("--check")) return writeFileSync(target, written);
  if (readFileSync(target, "utf8") !== written)
    throw new Error(`${target} is not current: run ${process.argv[1]}`);
}

function write(all, { target, of, codec, services, messages }) {
  const used = new Map();
  const visit = (name, scope) => {
    const path = resolve(all, name, scope);
    if (used.has(path)) return;
    const found = find(all, path);
    used.set(path, found);
    for (const field of Object.values(found.fields ?? {})) {
      if (!(field.type in scalars)) visit(field.type, path);
    }
  };
  const methods = [];
  for (const [service, names] of Object.entries(services)) {
    for (const name of names) {
      const method = find(all, service).methods[name];
      visit(method.requestType, service);
      visit(method.responseType, service);
      methods.push({ service, name, method });
    }
  }
  for (const name of messages) visit(name, "");
  const sorted = [...used].sort(([left], [right]) => (left < right ? -1 : 1));
  const kept = { nested: {} };
  for (const [path, found] of sorted) put(kept, path, found);
  const isMessage = ([, found]) => found.fields !== undefined;
  const types = sorted.filter(isMessage).map(([path, found]) => {
    const oneofs = new Set(Object.values(found.oneofs ?? {}).flatMap(({ oneof }) => oneof));
    const fields = Object.entries(found.fields).map(
      ([name, field]) => `  readonly ${name}${oneofs.has(name) ? "?" : ""}: ${typeOf(all, field, path)};`,
    );
    return fields.length === 0
      ? `type ${typeName(path)} = Readonly<Record<string, never>>;\n`
      : `interface ${typeName(path)} {\n${fields.join("\n")}\n}\n`;
  });
  const listed = sorted.filter(isMessage).map(([path]) => `  readonly "${path}": ${typeName(path)};`);
  const table = methods.map(({ service, name, method }) => {
    const request = resolve(all, method.requestType, service);
    const response = resolve(all, method.responseType, service);
    return `  "${service}/${name}": ["${request}", "${response}"],`;
  });
  const text = [
    `// Written by scripts/grpc-messages.mjs from the descriptors of ${of}.`,
    "",
    `import type { DescriptorJson } from "${codec}";`,
    "",
    "/** Messages in the form of protobufjs' JSON. */",
    "export const messageDescriptors = (): DescriptorJson => descriptors;",
    "",
    `const descriptors = ${JSON.stringify(kept)};`,
    "",
    "/** Of each method: the types of its requests and of its responses. */",
    `export const methodTypes = {\n${table.join("\n")}\n} as const;`,
    "",
    ...types,
    "/** Types of messages by their names. */",
    `export interface Messages {\n${listed.join("\n")}\n}`,
    "",
  ].join("\n");
  const { status, stdout, stderr } = spawnSync(
    "node_modules/.bin/biome",
    ["format", `--stdin-file-path=${target}`],
    {
      input: text,
      encoding: "utf8",
      maxBuffer: 2 ** 24,
    },
  );
  if (status !== 0) throw new Error(`cannot format ${target}: ${stderr}`);
  return stdout;
}

function typeOf(all, field, scope) {
  const element =
    field.type in scalars ? scalars[field.type] : referenceType(all, resolve(all, field.type, scope));
  if (field.keyType !== undefined) return `Readonly<Record<string, ${element}>>`;
  if (field.rule === "repeated") return `readonly ${element.includes(" ") ? `(${element})` : element}[]`;
  return field.type in scalars || find(all, resolve(all, field.type, scope)).values !== undefined
    ? element
    : `${element} | null`;
}

function referenceType(all, path) {
  return find(all, path).values === undefined ? typeName(path) : "number";
}

function typeName(path) {
  const parts = path.split(".");
  const last = parts.slice(parts.findIndex((part) => /^[A-Z]/.test(part))).join("");
  if (path.startsWith("moby.buildkit.v1.frontend.")) return `Frontend${last}`;
  if (path.startsWith("moby.buildkit.v1.sourcepolicy.")) return `Policy${last}`;
  if (path.startsWith("errdefs.")) return `Error${last}`;
  if (path.startsWith("google.rpc.")) return `Rpc${last}`;
  if (path.startsWith("moby.filesync.")) return `FileSync${last}`;
  if (path.startsWith("moby.sshforward.")) return `Ssh${last}`;
  if (path.startsWith("moby.upload.")) return `Upload${last}`;
  if (path.startsWith("pb.")) return `Pb${last}`;
  if (path.startsWith("fsutil.")) return `File${last}`;
  return last;
}

/** As protobuf does: from the innermost scope outwards. */
function resolve(all, name, scope) {
  const parts = scope.split(".").filter((part) => part !== "");
  for (let depth = parts.length; depth >= 0; depth--) {
    const path = [...parts.slice(0, depth), name].join(".");
    const found = find(all, path);
    if (found?.fields !== undefined || found?.values !== undefined) return path;
  }
  throw new Error(`there is no message ${name} for ${scope}`);
}

function find(all, path) {
  let at = all;
  for (const part of path.split(".")) at = at?.nested?.[part];
  return at;
}

function put(kept, path, found) {
  let at = kept;
  for (const part of path.split(".")) {
    at.nested ??= {};
    at.nested[part] ??= {};
    at = at.nested[part];
  }
  for (const [key, value] of Object.entries(found)) if (key !== "nested") at[key] = value;
}
