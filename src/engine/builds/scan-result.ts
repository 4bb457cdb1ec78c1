import type { StatementText } from "../../build/exporters/encode-export.ts";
import type { BaseImage, Vertex } from "../../build/graph/graph-types.ts";
import type { Layers, Solver } from "../../build/solver/solver.ts";
import { Failure } from "../../base/failure.ts";
import { O_DIRECTORY } from "../../linux/constants/open.ts";
import { listDirectory } from "../../linux/files/directory.ts";
import { openInRoot, readFileInRoot } from "../../linux/files/open.ts";
import type { OwnedFd } from "../../linux/kernel/fd.ts";
import { parseJson, readJson } from "../../spec/json-reader.ts";
import { hostPlatform } from "../../spec/platform.ts";

const sourcePath = "/run/src/core/sbom";
const targetPath = "/run/out";
/** SPEC: BuildKit reads so much of one. */
const mostStatementBytes = 40 * 1024 * 1024;
const mostStatements = 64;
const suffix = ".spdx.json";

/**
 * What a scanner lists in the file system of a result. SPEC: BuildKit, docs/attestations/sbom-protocol.md. Throws
 * "invalid" for a scanner that fails, or writes something else.
 */
export async function scanResult(
  vertex: Vertex | undefined,
  {
    scanner,
    solver,
    view,
  }: {
    readonly scanner: BaseImage;
    readonly solver: Pick<Solver, "solve">;
    readonly view: (layers: Layers) => Promise<OwnedFd>;
  },
): Promise<readonly StatementText[]> {
  const output = scanOf(vertex, scanner);
  using tree = await view(await solver.solve(output));
  using directory = openInRoot(tree.fd, ".", O_DIRECTORY);
  const names = listDirectory(directory.fd)
    .map(({ name }) => name)
    .filter((name) => name.endsWith(suffix))
    .sort();
  if (names.length > mostStatements)
    throw new Failure("invalid", `the scanner has written more than ${mostStatements} documents`);
  return names.map((name) => {
    const bytes = readFileInRoot(tree.fd, name, { limit: mostStatementBytes });
    return parseStatement(name, bytes ?? new Uint8Array());
  });
}

function scanOf(vertex: Vertex | undefined, scanner: BaseImage): Vertex {
  const { defaults } = scanner.config;
  const image: Vertex = {
    operation: { kind: "image", image: scanner, platform: hostPlatform() },
    name: `[sbom] ${scanner.reference}`,
  };
  const run: Vertex = {
    operation: {
      kind: "run",
      base: image,
      words: [...(defaults.entrypoint ?? []), ...(defaults.cmd ?? [])],
      env: [...defaults.env, `BUILDKIT_SCAN_DESTINATION=${targetPath}`, `BUILDKIT_SCAN_SOURCE=${sourcePath}`],
      proxyEnv: [],
      workingDirectory: defaults.workingDirectory || "/",
      user: defaults.user,
      network: "none",
      security: "sandbox",
      mounts: [
        { type: "bind", target: sourcePath, from: vertex, source: "/", readOnly: true },
        {
          type: "bind",
          target: targetPath,
          from: undefined,
          source: "/",
          readOnly: false,
          keepsChanges: true,
        },
      ],
      scripts: new Map(),
    },
    name: `[sbom] generating sbom using ${scanner.reference}`,
  };
  return { operation: { kind: "output", of: run, mount: 1 }, name: "[sbom] documents" };
}

/** An in-toto statement without its subject, or a document alone. */
function parseStatement(name: string, bytes: Uint8Array): StatementText {
  const limits = { what: `SBOM ${name}`, maxBytes: mostStatementBytes };
  const document = readJson(bytes, limits);
  const predicateType = document.at("predicateType").optional((node) => node.text());
  const value = parseJson(bytes, limits);
  if (predicateType === undefined) return { predicateType: "https://spdx.dev/Document", predicate: value };
  const isStatement = typeof value === "object" && value !== null && "predicate" in value;
  if (!isStatement) throw document.refused("has no predicate");
  return { predicateType, predicate: value.predicate };
}
