// The bill of materials of a release. SPEC: SPDX 2.3, https://spdx.github.io/spdx-spec/v2.3/
import { createHash } from "node:crypto";

/** What an executable has inside or needs, besides npm packages. */
const parts = {
  bun: {
    SPDXID: "SPDXRef-Bun",
    name: "bun",
    licenseDeclared: "MIT",
    comment:
      "The runtime inside the executables. It contains JavaScriptCore (LGPL-2.0-or-later, BSD-2-Clause) and other libraries, " +
      "whose licenses https://bun.com/docs/project/license lists.",
    homepage: "https://bun.com",
  },
  glibc: {
    SPDXID: "SPDXRef-glibc",
    name: "glibc",
    licenseDeclared: "LGPL-2.1-or-later",
    comment:
      "Not contained: the runtime and the addon (native/syscall.c) link to the C library of the system, 2.17 or later. The keeper, " +
      "the launcher and the hello program have no C library.",
    homepage: "https://www.gnu.org/software/libc/",
  },
};

/** Packages that only the executable is built with: for the library, they are for development. */
const executableOnly = ["prom-client", "@grpc/grpc-js", "protobufjs"];

/** npm packages that programs of users need: those of package-lock.json that are not for development only. */
export function listBundled(lock) {
  return describe(
    Object.entries(lock.packages).filter(
      ([path, { dev, link }]) => path.startsWith("node_modules/") && dev !== true && link !== true,
    ),
  );
}

/** npm packages that are in the executables and not in the library, with those that they need. */
export function listInExecutable(lock) {
  const found = new Map();
  const add = (name) => {
    const path = `node_modules/${name}`;
    const each = lock.packages[path];
    if (each === undefined || found.has(path)) return;
    found.set(path, each);
    for (const needed of Object.keys(each.dependencies ?? {})) add(needed);
  };
  for (const name of executableOnly) add(name);
  return describe([...found].filter(([, { dev }]) => dev === true));
}

function describe(entries) {
  return entries
    .map(([path, { version, license, integrity }]) => ({
      name: path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length),
      version,
      license,
      integrity,
    }))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/**
 * The document: the same input gives the same text. `files` are those of the release: `{ name, sha256, contains }`,
 * where `contains` is "executable" or "library"; `runtimes` the packages of the Bun runtime by architecture; `seconds`
 * the time of the release.
 */
export function createSbom({ name, version, license, lock, files, runtimes, seconds }) {
  const bundled = listBundled(lock).map(describeBundled);
  const inExecutable = listInExecutable(lock).map(describeBundled);
  const releases = files.map((file) => describeFile(file, { version, license }));
  const packages = [
    ...releases,
    ...bundled,
    ...inExecutable,
    describePart(parts.bun, {
      versionInfo: runtimes[0].version,
      externalRefs: [...runtimes.map(purlOfNpm)],
    }),
    describePart(parts.glibc, {}),
  ];
  const relationships = files.flatMap(({ contains }, index) => {
    const spdxElementId = releases[index].SPDXID;
    const relate = (relationshipType) => (relatedSpdxElement) => ({
      spdxElementId,
      relationshipType,
      relatedSpdxElement,
    });
    const npm = [...bundled, ...(contains === "executable" ? inExecutable : [])].map(({ SPDXID }) => SPDXID);
    return [
      { spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: spdxElementId },
      // npm installs them beside the library; an executable has them inside.
      ...npm.map(relate(contains === "library" ? "DEPENDS_ON" : "CONTAINS")),
      ...(contains === "executable"
        ? [relate("CONTAINS")(parts.bun.SPDXID), relate("DEPENDS_ON")(parts.glibc.SPDXID)]
        : []),
    ];
  });
  const body = { packages, relationships };
  const hash = createHash("sha256").update(JSON.stringify(body)).digest("hex");
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `${name}-${version}`,
    documentNamespace: `https://spdx.org/spdxdocs/${name}-${version}-${hash}`,
    creationInfo: {
      created: `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`,
      creators: [`Organization: The Tare authors`, `Tool: ${name}-release`],
    },
    ...body,
  };
}

function describeFile({ name, sha256 }, { version, license }) {
  return {
    SPDXID: `SPDXRef-${idOf(name)}`,
    name,
    packageFileName: name,
    versionInfo: version,
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    checksums: [{ algorithm: "SHA256", checksumValue: sha256 }],
    licenseConcluded: license,
    licenseDeclared: license,
    copyrightText: "2026 The Tare authors",
  };
}

function describeBundled({ name, version, license, integrity }) {
  const [algorithm, value] = /^(sha\d+)-(.+)$/.exec(integrity).slice(1);
  return {
    SPDXID: `SPDXRef-npm-${idOf(name)}`,
    name,
    versionInfo: version,
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    checksums: [
      { algorithm: algorithm.toUpperCase(), checksumValue: Buffer.from(value, "base64").toString("hex") },
    ],
    licenseConcluded: license,
    licenseDeclared: license,
    copyrightText: "NOASSERTION",
    externalRefs: [purlOfNpm({ name, version })],
  };
}

function describePart({ comment, homepage, ...part }, more) {
  return {
    ...part,
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    homepage,
    licenseConcluded: "NOASSERTION",
    copyrightText: "NOASSERTION",
    comment,
    ...more,
  };
}

/** SPEC: https://github.com/package-url/purl-spec, type npm */
function purlOfNpm({ name, version }) {
  return {
    referenceCategory: "PACKAGE-MANAGER",
    referenceType: "purl",
    referenceLocator: `pkg:npm/${name.replace("@", "%40")}@${version}`,
  };
}

/** SPEC: letters, numbers, "." and "-" only. */
function idOf(name) {
  return name.replace(/[^A-Za-z0-9.]+/g, "-").replace(/^-/, "");
}
