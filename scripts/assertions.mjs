// Counts the type assertions of src/ (`x as T`, `<T>x`, `x!`; not `as const`) and refuses more than the limit. Lower the
// limit with the count. Cures: a type guard, required(), codeOf(), a parser at the border, an annotation.
import { readdirSync, readFileSync } from "node:fs";
import ts from "typescript";

const limit = 53;

function isAssertion(node) {
  if (ts.isTypeAssertionExpression(node) || ts.isNonNullExpression(node)) return true;
  return ts.isAsExpression(node) && node.type.getText() !== "const";
}

const found = [];
const files = readdirSync("src", { recursive: true })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => `src/${name}`);
for (const file of files.sort()) {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  const visit = (node) => {
    if (isAssertion(node)) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      found.push(`${file}:${line + 1}: ${node.getText().replace(/\s+/g, " ").slice(0, 80)}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
}
if (process.argv.includes("--list")) console.log(found.join("\n"));
if (found.length !== limit) {
  const advice = found.length > limit ? "remove some (--list shows them)" : "lower the limit in this script";
  console.error(`src/ has ${found.length} type assertions, and the limit is ${limit}: ${advice}`);
  process.exit(1);
}
