import type { Definition, DefinitionAction, FileAction } from "../../model/definition.ts";
import type { Digest } from "../../spec/digest.ts";

/** How an operation is shown. SPEC: moby/buildkit, solver/llbsolver/vertex.go: llbOpName. Pure. */
export function nameOperation({ operations }: Definition, digest: Digest): string {
  const operation = operations.get(digest);
  if (operation === undefined) return digest;
  const { name, action, inputs } = operation;
  if (name !== undefined) return name;
  const inputName = (index: number | undefined): string => {
    const input = index === undefined ? undefined : inputs[index];
    const of = input === undefined ? undefined : operations.get(input.digest);
    return of === undefined ? "scratch" : (of.name ?? simpleName(of.action));
  };
  switch (action.kind) {
    case "merge":
      return `merge (${action.inputs.map(inputName).join(", ")})`;
    case "diff":
      return `diff (${inputName(action.lower)} -> ${inputName(action.upper)})`;
    default:
      return simpleName(action);
  }
}

function simpleName(action: DefinitionAction): string {
  switch (action.kind) {
    case "source":
      return action.identifier;
    case "exec":
      return action.args.join(" ");
    case "file":
      return action.actions.map(fileName).join(", ");
    case "merge":
    case "diff":
      return action.kind;
    default:
      return action satisfies never;
  }
}

function fileName(action: FileAction): string {
  switch (action.kind) {
    case "copy":
      return `copy ${action.source} ${action.target}`;
    case "write":
      return `mkfile ${action.path}`;
    case "directory":
      return `mkdir ${action.path}`;
    case "remove":
      return `rm ${action.path}`;
    case "link":
      return `symlink ${action.target} -> ${action.path}`;
    default:
      return action satisfies never;
  }
}
