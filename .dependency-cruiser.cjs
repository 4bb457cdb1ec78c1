// Import rules: which folder may import which. ARCHITECTURE.md has the same table for people.
const allowed = {
  base: [],
  spec: ["base"],
  model: ["base", "spec"],
  api: ["base", "spec", "model"],
  linux: ["base", "spec", "model"],
  image: ["base", "spec", "model", "linux"],
  storage: ["base", "spec", "model", "linux"],
  network: ["base", "spec", "model", "linux"],
  runtime: ["base", "spec", "model", "linux"],
  logs: ["base", "spec", "model", "linux"],
  build: ["base", "spec", "model", "linux", "image", "storage", "network", "runtime"],
  oci: ["base", "spec", "model", "linux", "runtime"],
  engine: ["base", "spec", "model", "linux", "image", "storage", "network", "runtime", "logs", "build"],
  grpc: ["base"],
  daemon: ["base", "spec", "model", "api", "grpc", "engine"],
  cri: ["base", "spec", "model", "api", "grpc", "engine"],
  client: ["base", "spec", "model", "api"],
  cli: ["base", "spec", "model", "api", "client"],
};

/** Subfolders whose own files are public, too; all other subfolders are private to their folder. */
const open = {
  spec: ["image", "log-driver", "registry", "template"],
  build: ["dockerfile", "exporters", "graph", "solver"],
  api: ["container", "http", "image", "network", "pod", "secret", "system", "types", "volume"],
  linux: [
    "bpf",
    "btrfs",
    "cgroup",
    "constants",
    "device-mapper",
    "erofs",
    "files",
    "kernel",
    "mount",
    "namespaces",
    "netlink",
    "nftables",
    "process",
    "seccomp",
    "sockets",
    "tree",
  ],
};

/** Subfolder → its siblings whose own files it may import. A folder's own files are for all its subfolders. */
const siblings = {
  linux: {
    bpf: ["kernel"],
    btrfs: ["files", "kernel", "tree"],
    cgroup: ["bpf", "constants", "files", "kernel", "mount"],
    constants: [],
    "device-mapper": ["constants", "files", "kernel", "mount"],
    erofs: ["constants", "files", "kernel", "mount", "tree"],
    files: ["constants", "kernel"],
    kernel: ["constants"],
    mount: ["constants", "files", "kernel"],
    namespaces: ["constants", "kernel", "process"],
    netlink: ["constants", "kernel", "namespaces"],
    nftables: ["constants", "kernel", "netlink"],
    process: ["constants", "kernel"],
    seccomp: ["constants", "kernel", "kernel/syscalls", "process"],
    sockets: ["constants", "kernel", "netlink"],
    tree: ["constants", "files", "kernel", "mount"],
  },
  api: {
    container: ["http", "network", "secret", "types"],
    http: ["types"],
    image: ["container", "http", "types"],
    network: ["http", "types"],
    pod: ["container", "http", "types"],
    secret: ["http", "types"],
    system: ["http", "types"],
    types: [],
    volume: ["http", "types"],
  },
  build: {
    dockerfile: [],
    graph: ["dockerfile"],
    exporters: [],
    solver: ["graph"],
  },
  engine: {
    containers: ["host", "images", "networks", "resolve", "prewarm", "state", "volumes"],
    host: [],
    "host-check": ["resolve"],
    images: ["state"],
    networks: ["resolve", "state"],
    resolve: [],
    pods: ["containers", "containers/lifecycle", "images", "resolve", "state"],
    prewarm: [],
    repair: ["images", "state", "volumes"],
    secrets: ["resolve", "state"],
    state: [],
    "build-files": [],
    builds: ["build-files", "containers", "containers/files", "containers/lifecycle", "containers/streams", "images", "resolve", "state"],
    "storage-bench": [],
    volumes: ["state"],
  },
  cli: {
    build: ["container/run", "copy", "flags", "format", "prune", "registry", "terminal"],
    completion: ["flags", "format"],
    container: ["copy", "flags", "format", "pod", "prune", "registry", "stats", "terminal"],
    copy: [],
    docker: ["flags", "format", "format/template", "registry"],
    flags: [],
    format: [],
    image: ["flags", "format", "format/image-tree", "layout", "prune", "registry", "terminal"],
    layout: [],
    manifest: ["flags", "format", "registry"],
    network: ["flags", "format", "prune", "system"],
    pod: ["container", "container/flags", "container/run", "flags", "format", "prune", "system", "terminal"],
    prune: ["registry"],
    registry: ["flags", "format"],
    secret: ["flags", "format", "system"],
    stats: [],
    install: ["flags"],
    system: ["completion", "docker", "flags", "format", "install", "prune", "registry"],
    terminal: [],
    volume: ["flags", "format", "prune", "system"],
  },
};

const publicOf = (name) => [
  `^src/${name}/[^/]+\\.ts$`,
  ...(open[name] === undefined ? [] : [`^src/${name}/(${open[name].join("|")})/[^/]+\\.ts$`]),
];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...Object.entries(allowed).map(([folder, below]) => ({
      name: `${folder}-imports-only-below`,
      severity: "error",
      from: { path: `^src/${folder}/` },
      to: { path: "^src/", pathNot: [`^src/${folder}/`, ...below.flatMap(publicOf)] },
    })),
    ...Object.entries(siblings).flatMap(([folder, subfolders]) =>
      Object.entries(subfolders).map(([name, others]) => ({
        name: `${folder}-${name}-imports-only-its-siblings`,
        severity: "error",
        from: { path: `^src/${folder}/${name}/` },
        to: {
          path: `^src/${folder}/[^/]+/`,
          pathNot: [`^src/${folder}/${name}/`, ...others.map((other) => `^src/${folder}/${other}/[^/]+\\.ts$`)],
        },
      })),
    ),
    {
      name: "every-subfolder-is-in-the-table",
      severity: "error",
      from: {},
      to: {
        path: `^src/(${Object.keys(siblings).join("|")})/[^/]+/`,
        pathNot: Object.entries(siblings).map(
          ([folder, subfolders]) => `^src/${folder}/(${Object.keys(subfolders).join("|")})/`,
        ),
      },
    },
    {
      name: "the-dockerfile-language-is-pure",
      severity: "error",
      from: { path: "^src/build/dockerfile/" },
      to: { path: "^src/", pathNot: ["^src/build/dockerfile/", ...["base", "spec"].flatMap(publicOf)] },
    },
    {
      name: "the-addon-only-in-linux",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(linux|bin)/" },
      to: { path: "^src/linux/kernel/addon\\.ts$" },
    },
    {
      name: "no-circles",
      severity: "error",
      from: {},
      to: { circular: true },
    },
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
      to: {
        dependencyTypes: ["npm", "npm-dev", "npm-no-pkg"],
        pathNot: "(^|/)node_modules/(smol-toml|yaml|prom-client|protobufjs|@grpc/grpc-js)/",
      },
    },
    {
      // Development packages: the library has nothing of src/bin/.
      name: "packages-of-the-executable",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/bin/metrics/" },
      to: { path: "(^|/)node_modules/prom-client/" },
    },
  ],
  options: {
    tsPreCompilationDeps: "specify",
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { extensions: [".ts"] },
  },
};
