import { Failure } from "../../base/failure.ts";
import type { RunDevice } from "../../spec/cdi-name.ts";
import { isCdiKind } from "../../spec/cdi-name.ts";

/** SPEC: Dockerfile reference, RUN --device: annotations of CDI specifications and devices. */
const classAnnotation = "org.mobyproject.buildkit.device.class";
const allowAnnotation = "org.mobyproject.buildkit.device.autoallow";

/** CDI devices by their names, in order, with their annotations. */
export type AnnotatedDevices = ReadonlyMap<string, Readonly<Record<string, string>>>;

/**
 * The names of the CDI devices that a step gets, each once. `entitlements` allow all devices (`device`) or some
 * (`device=NAME`). Throws, in BuildKit's words, Failure("not-found") for a required device that is in no specification,
 * and Failure("not-permitted") for devices that are not allowed.
 */
export function resolveStepDevices(
  devices: readonly RunDevice[],
  { known, entitlements }: { readonly known: AnnotatedDevices; readonly entitlements: readonly string[] },
): readonly string[] {
  const wanted = new Set(devices.flatMap(({ name, required }) => namesOf(name, { known, required })));
  if (entitlements.includes("device")) return [...wanted];
  const granted = new Set(
    entitlements
      .filter((each) => each.startsWith("device="))
      .flatMap((each) => namesOf(each.slice("device=".length), { known, required: false })),
  );
  const refused = [...wanted].filter(
    (name) => !granted.has(name) && !isTrue(known.get(name)?.[allowAnnotation]),
  );
  if (refused.length === 0) return [...wanted];
  const [first] = refused;
  const shown = refused.length === 1 ? `device ${first} is` : `devices ${refused.join(", ")} are`;
  throw new Failure(
    "not-permitted",
    `${shown.slice(0, 500)} requested by the build but not allowed: allow it with --allow device`,
  );
}

function namesOf(
  name: string,
  { known, required }: { readonly known: AnnotatedDevices; readonly required: boolean },
): readonly string[] {
  const equals = name.indexOf("=");
  const kind = equals === -1 ? name : name.slice(0, equals);
  const device = equals === -1 ? "" : name.slice(equals + 1);
  const all = [...known.keys()];
  const ofKind = isCdiKind(kind) ? all.filter((each) => each.startsWith(`${kind}=`)) : [];
  const found =
    device === "" ? ofKind.slice(0, 1) : device === "*" ? ofKind : ofKind.filter((each) => each === name);
  if (found.length > 0) return found;
  const ofClass = all.filter((each) => known.get(each)?.[classAnnotation] === name);
  if (ofClass.length > 0 || !required) return ofClass;
  throw new Failure("not-found", `required device ${JSON.stringify(name.slice(0, 200))} is not registered`);
}

/** As Go's strconv.ParseBool() reads it. */
function isTrue(text: string | undefined): boolean {
  return text !== undefined && ["1", "t", "T", "TRUE", "true", "True"].includes(text);
}
