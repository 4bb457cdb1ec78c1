import { isKeyOf } from "../../base/keys.ts";
import type { FailureDetails, FailureKind } from "../../base/failure.ts";

/** Details of one process: how its command line reports a failure, what its daemon or registry replied. */
type LocalDetail =
  | "exitStatus"
  | "see"
  | "prefix"
  | "silent"
  | "status"
  | "codes"
  | "fromDaemon"
  | "host"
  | "holderPid";
type KeysOf<Details> = Details extends unknown ? keyof Details : never;
type SentDetail = Exclude<KeysOf<FailureDetails>, LocalDetail>;

type Form = "text" | "texts" | "number" | "flag";

/** Details that an error reply carries, with their types. */
const forms: Readonly<Record<SentDetail, Form>> = {
  alreadyRunning: "flag",
  ambiguous: "text",
  authorizationPlugin: "text",
  bindSource: "text",
  call: "text",
  code: "text",
  command: "text",
  conflict: "text",
  container: "text",
  detail: "text",
  deviceRequest: "flag",
  driver: "text",
  endLine: "number",
  endpoints: "texts",
  errno: "number",
  excerpt: "text",
  exec: "text",
  exitCode: "number",
  fields: "texts",
  hostPort: "number",
  id: "text",
  image: "text",
  interface: "text",
  isUnknown: "flag",
  line: "number",
  manifestList: "text",
  name: "text",
  network: "text",
  path: "text",
  platform: "text",
  pod: "text",
  predefined: "flag",
  secret: "text",
  state: "text",
  subnet: "text",
  users: "texts",
  vertex: "text",
  volume: "text",
};

const longestDetail = 4096;
const longestHeader = 8192;

/** A header's value: JSON in ASCII. Details that are too long for a header are omitted; undefined when none is left. */
export function encodeFailureDetails(details: FailureDetails): string | undefined {
  const sent: string[] = [];
  let length = 2;
  for (const [name, value] of Object.entries(details)) {
    if (!Object.hasOwn(forms, name) || value === undefined) continue;
    const member = `${JSON.stringify(name)}:${toAscii(JSON.stringify(value))}`;
    if (member.length > longestDetail || length + member.length > longestHeader) continue;
    length += member.length + 1;
    sent.push(member);
  }
  return sent.length === 0 ? undefined : `{${sent.join(",")}}`;
}

/** Members of another type and unknown ones are ignored, as is text that is not JSON. */
export function parseFailureDetails<Kind extends FailureKind>(text: string): FailureDetails<Kind> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const members = typeof value === "object" && value !== null ? Object.entries(value) : [];
  const known = members.filter(([name, member]) => isKeyOf(forms, name) && hasForm(member, forms[name]));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each member is optional, and has its type of the table
  return Object.fromEntries(known) as FailureDetails<Kind>;
}

function hasForm(value: unknown, form: Form): boolean {
  switch (form) {
    case "text":
      return typeof value === "string";
    case "texts":
      return Array.isArray(value) && value.every((item) => typeof item === "string");
    case "number":
      return typeof value === "number";
    case "flag":
      return typeof value === "boolean";
    default:
      return form satisfies never;
  }
}

function toAscii(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
