// Modules of the runtime that a command needs only for some flags. Each takes 0.3 to 1 ms to load, so it is loaded on
// first use.

/** node:fs */
export const fileSystem = (): typeof import("node:fs") => process.getBuiltinModule("node:fs");

/** node:path */
export const paths = (): typeof import("node:path") => process.getBuiltinModule("node:path");

/** node:os */
export const system = (): typeof import("node:os") => process.getBuiltinModule("node:os");

/** node:net */
export const network = (): typeof import("node:net") => process.getBuiltinModule("node:net");
