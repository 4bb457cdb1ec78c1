import { parseTrustedJson } from "../../base/trusted-json.ts";
import { Failure } from "../../base/failure.ts";

interface Entry {
  readonly digest?: unknown;
  readonly annotations?: Readonly<Record<string, unknown>> | undefined;
}
interface Index {
  readonly manifests?: readonly Entry[] | undefined;
}

/**
 * An `index.json` of both: of the earlier one all but what the newer one names anew. Pure. Throws "invalid" for one
 * that is none.
 */
export function mergeIndexes(before: Uint8Array | undefined, added: Uint8Array): Uint8Array {
  if (before === undefined) return added;
  const fresh = read(added);
  const names = new Set((fresh.manifests ?? []).flatMap(namesOf));
  const kept = (read(before).manifests ?? []).filter((entry) =>
    namesOf(entry).every((name) => !names.has(name)),
  );
  return Buffer.from(JSON.stringify({ ...fresh, manifests: [...kept, ...(fresh.manifests ?? [])] }));
}

/** The names of an entry: its own name, or without one its digest. */
function namesOf({ digest, annotations = {} }: Entry): readonly unknown[] {
  const name = annotations["io.containerd.image.name"] ?? annotations["org.opencontainers.image.ref.name"];
  return [name ?? digest];
}

function read(bytes: Uint8Array): Index {
  try {
    const document = parseTrustedJson<Index>(new TextDecoder().decode(bytes));
    if (document.manifests === undefined || Array.isArray(document.manifests)) return document;
  } catch {
    // reported below
  }
  throw new Failure("invalid", "cannot save: the layout's index.json is none");
}
