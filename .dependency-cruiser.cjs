// The borders of the house: which folder may import which. ARCHITECTURE.md has the same table for people.
const allowed = {
  base: [],
  spec: ["base"],
  api: ["base", "spec"],
  linux: ["base", "spec"],
  image: ["base", "spec", "linux"],
  storage: ["base", "spec", "linux"],
  network: ["base", "spec", "linux"],
  runtime: ["base", "spec", "linux"],
  logs: ["base", "spec", "linux"],
  build: ["base", "spec", "linux", "image", "storage", "network", "runtime"],
  oci: ["base", "spec", "linux", "runtime"],
  engine: ["base", "spec", "linux", "image", "storage", "network", "runtime", "logs", "build", "oci"],
  daemon: ["base", "spec", "api", "engine"],
  cri: ["base", "spec", "api", "engine"],
  client: ["base", "spec", "api"],
  cli: ["base", "spec", "api", "client"],
};

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...Object.entries(allowed).map(([folder, below]) => ({
      name: `${folder}-imports-only-below`,
      severity: "error",
      from: { path: `^src/${folder}/` },
      to: { path: "^src/", pathNot: [`^src/${folder}/`, ...below.map((name) => `^src/${name}/[^/]+\\.ts$`), ...(below.includes("api") ? ["^src/api/types/"] : []), ...(below.includes("linux") ? ["^src/linux/constants/"] : [])] },
    })),
    {
      name: "the-addon-only-in-linux",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(linux|bin)/" },
      to: { path: "^src/linux/addon\\.ts$" },
    },
    { name: "no-circles", severity: "error", from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } } },
    {
      name: "nothing-unknown",
      severity: "error",
      from: { path: "^src/" },
      to: { couldNotResolve: true, pathNot: "^(bun|node):" },
    },
    {
      name: "no-packages",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm", "npm-dev", "npm-no-pkg"], pathNot: "^node_modules/smol-toml/" },
    },
  ],
  options: {
    tsPreCompilationDeps: "specify",
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { extensions: [".ts"] },
  },
};
