import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkIntegrity, findRuntime } from "../../../scripts/release/bun-runtime.mjs";
import { createSbom, listBundled, listInExecutable, type Lock } from "../../../scripts/release/sbom.mjs";

const lock = JSON.parse(readFileSync(join(import.meta.dir, "../../../package-lock.json"), "utf8")) as Lock;
const integrityOf = (text: string): string => `sha512-${createHash("sha512").update(text).digest("base64")}`;

test("listBundled() takes what users need, and neither tools nor links", () => {
  const packages = {
    "": { name: "own" },
    "node_modules/tool": { version: "1.0.0", dev: true },
    "node_modules/link": { resolved: "elsewhere", link: true },
    "node_modules/@scope/used": { version: "2.0.0", license: "MIT", integrity: "sha512-AAAA" },
    "node_modules/a/node_modules/nested": { version: "3.0.0", license: "ISC", integrity: "sha512-BBBB" },
  };
  expect(listBundled({ packages })).toEqual([
    { name: "@scope/used", version: "2.0.0", license: "MIT", integrity: "sha512-AAAA" },
    { name: "nested", version: "3.0.0", license: "ISC", integrity: "sha512-BBBB" },
  ]);
});

test("listInExecutable() takes the packages that only the executable has, with those that they need", () => {
  const names = listInExecutable(lock).map(({ name }) => name);
  for (const name of [
    "@opentelemetry/api",
    "bintrees",
    "prom-client",
    "tdigest",
    "@grpc/grpc-js",
    "protobufjs",
    "long",
  ])
    expect(names).toContain(name);
  expect(names).not.toContain("fast-check");
  expect(listBundled(lock).map(({ name }) => name)).toEqual(["smol-toml", "yaml"]);
});

test.each(["x64", "arm64"])("findRuntime() has the runtime for %s in the version of bun, pinned", (each) => {
  const bun = lock.packages["node_modules/bun"] as { readonly version: string };
  const { name, version, integrity } = findRuntime(lock, each);
  expect([name, version]).toEqual([`@oven/bun-linux-${each === "arm64" ? "aarch64" : each}`, bun.version]);
  expect(integrity).toMatch(/^sha512-[\w+/]{86}==$/);
});

test("findRuntime() refuses a runtime of another version than bun's", () => {
  const packages = {
    "node_modules/bun": { version: "2.0.0" },
    "node_modules/@oven/bun-linux-x64": { version: "1.0.0", integrity: "sha512-AAAA" },
  };
  expect(() => findRuntime({ packages }, "x64")).toThrow(
    "cannot use @oven/bun-linux-x64 1.0.0: package-lock.json has bun 2.0.0",
  );
});

test("checkIntegrity() accepts the pinned bytes and no others", () => {
  const runtime = { name: "runtime", version: "1.0.0", integrity: integrityOf("bytes") };
  checkIntegrity(Buffer.from("bytes"), runtime);
  expect(() => {
    checkIntegrity(Buffer.from("others"), runtime);
  }).toThrow(/^cannot use runtime 1\.0\.0: its sha512 is .*, package-lock\.json has /);
});

test("createSbom() gives the same document for the same release, and another for another", () => {
  const create = (sha256: string): object =>
    createSbom({
      name: "own",
      version: "1.0.0",
      license: "MIT",
      lock,
      files: [{ name: "own.tgz", sha256, contains: "executable" }],
      runtimes: [{ name: "@oven/bun-linux-x64", version: "1.0.0" }],
      seconds: 0,
    });
  const one = create("ab".repeat(32));
  expect(create("ab".repeat(32))).toEqual(one);
  expect(one).toMatchObject({ creationInfo: { created: "1970-01-01T00:00:00Z" } });
  const namespaceOf = (document: object): unknown => Reflect.get(document, "documentNamespace");
  expect(namespaceOf(create("cd".repeat(32)))).not.toBe(namespaceOf(one));
});
