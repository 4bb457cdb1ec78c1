// Writes dist/lib/index.js, the module that programs import: older versions of Node get one sentence there. They could
// not parse the library itself. Run by `make lib` with Bun, after the library has been compiled.
import { writeFileSync } from "node:fs";

const names = Object.keys(await import("../dist/lib/mod.js")).toSorted();
writeFileSync(
  "dist/lib/index.js",
  `import { createRequire } from "node:module";

if (process.versions.bun === undefined && Number.parseInt(process.versions.node, 10) < 24) {
  throw new Error(\`the library tare needs Node 24 or later; this is Node \${process.versions.node}\`);
}
const library = createRequire(import.meta.url)("./mod.js");
export const { ${names.join(", ")} } = library;
`,
);
