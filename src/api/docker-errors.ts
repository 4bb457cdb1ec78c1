import { Failure } from "../base/failure.ts";
import type { Operation } from "./http/routes.ts";

/** What a request was about, as far as its path says it. */
export interface RequestSubject {
  readonly operation: Operation;
  readonly params: Readonly<Record<string, string>>;
}

interface Rule {
  readonly operations: RegExp;
  readonly kind: Failure["kind"];
  /** Undefined: this rule does not fit after all. */
  readonly say: (failure: Failure, params: Readonly<Record<string, string>>) => string | undefined;
}

/** The first that fits wins. Clients compare these texts. */
const rules: readonly Rule[] = [
  {
    operations: /^containers\.(statPath|copyFrom|copyInto)$/,
    kind: "not-found",
    say: ({ details }, { id = "" }) => {
      const path = textIn(details, "path");
      return path === undefined ? undefined : `Could not find the file ${path} in container ${id}`;
    },
  },
  {
    operations: /^containers\.(?!create$)|^exec\.create$/,
    kind: "not-found",
    say: ({ details, message }, { id = "" }) => {
      const network = textIn(details, "network");
      if (network !== undefined) return message;
      // What a start did not find is something inside.
      if (message.startsWith("cannot start container ")) return undefined;
      const image = textIn(details, "image");
      return image === undefined ? noSuchContainer(textIn(details, "container") ?? id) : noSuchImage(image);
    },
  },
  { operations: /^exec\./, kind: "not-found", say: (_, { id = "" }) => `No such exec instance: ${id}` },
  {
    // A pull and a push say themselves what is missing, and where.
    operations: /^images\.(?!create$|push$|lookUp$)/,
    kind: "not-found",
    say: ({ details }, { name }) => {
      if (textIn(details, "platform") !== undefined) return undefined; // it is there, but for another one
      const image = textIn(details, "image") ?? name;
      return image === undefined ? undefined : noSuchImage(image);
    },
  },
  {
    operations: /^networks\.(?!create$)/,
    kind: "not-found",
    say: ({ details }, { id = "" }) => {
      const container = textIn(details, "container");
      return container === undefined
        ? `network ${textIn(details, "network") ?? id} not found`
        : noSuchContainer(container);
    },
  },
  {
    operations: /^networks\.create$/,
    kind: "not-found",
    say: ({ details }) => {
      const driver = textIn(details, "driver");
      return driver === undefined
        ? undefined
        : `could not find a network driver: plugin ${JSON.stringify(driver)} not found`;
    },
  },
  {
    operations: /^networks\.remove$/,
    kind: "not-permitted",
    say: ({ details }) => {
      const network = textIn(details, "network");
      return network === undefined ? undefined : `${network} is a pre-defined network and cannot be removed`;
    },
  },
  {
    operations: /^networks\.remove$/,
    kind: "conflict",
    say: ({ details }) => {
      const [network, id] = [textIn(details, "network"), textIn(details, "id")];
      const { endpoints } = details;
      return network === undefined || id === undefined
        ? undefined
        : `error while removing network: network ${network} has active endpoints (name:${JSON.stringify(Array.isArray(endpoints) ? endpoints.join(", ") : "")} id:${JSON.stringify(id.slice(0, 12))})`;
    },
  },
  {
    operations: /^networks\.connect$/,
    kind: "not-permitted",
    say: ({ details }) => {
      const [network, container] = [textIn(details, "network"), textIn(details, "container")];
      return network === undefined || container === undefined
        ? undefined
        : `endpoint with name ${container} already exists in network ${network}`;
    },
  },
  {
    operations: /^networks\.disconnect$/,
    kind: "not-permitted",
    say: ({ details }) => {
      const [network, container] = [textIn(details, "network"), textIn(details, "container")];
      return network === undefined || container === undefined
        ? undefined
        : `container ${container} is not connected to network ${network}`;
    },
  },
  {
    operations: /^(?:volumes\.create|containers\.create)$/,
    kind: "not-found",
    say: ({ details }) => {
      const driver = textIn(details, "driver");
      return driver === undefined
        ? undefined
        : `create ${textIn(details, "volume") ?? ""}: error looking up volume plugin ${driver}: plugin "${driver}" not found`;
    },
  },
  { operations: /^volumes\./, kind: "not-found", say: (_, { name = "" }) => `get ${name}: no such volume` },
  {
    operations: /^(?:volumes\.create|containers\.create)$/,
    kind: "conflict",
    say: ({ details }) => {
      const volume = textIn(details, "volume");
      return volume === undefined ? undefined : `create ${volume}: volume name must be unique`;
    },
  },
  {
    operations: /^volumes\.remove$/,
    kind: "conflict",
    say: ({ details }, { name = "" }) => {
      const users = details["users"];
      return Array.isArray(users) ? `remove ${name}: volume is in use - [${users.join(", ")}]` : undefined;
    },
  },
  {
    operations: /^(?:volumes\.create|containers\.create)$/,
    kind: "invalid",
    say: ({ details }) => {
      const detail = textIn(details, "detail");
      return detail === undefined ? undefined : `create ${textIn(details, "volume") ?? ""}: ${detail}`;
    },
  },
  {
    operations: /^containers\.create$/,
    kind: "invalid",
    say: ({ details }) => {
      const source = textIn(details, "bindSource");
      return source === undefined
        ? undefined
        : `invalid mount config for type "bind": bind source path does not exist: ${source}`;
    },
  },
  {
    operations: /^images\./,
    kind: "conflict",
    say: ({ details }) => {
      const detail = textIn(details, "conflict");
      return detail === undefined ? undefined : `conflict: ${detail}`;
    },
  },
  {
    operations: /^containers\.(create|rename)$/,
    kind: "conflict",
    say: ({ details }) => {
      const name = textIn(details, "name");
      const id = textIn(details, "containerId") ?? textIn(details, "id");
      return name === undefined || id === undefined ? undefined : nameConflict(name, id);
    },
  },
  {
    operations: /^containers\.remove$/,
    kind: "conflict",
    say: ({ details }, { id = "" }) => {
      if (textIn(details, "pod") !== undefined) return undefined; // Docker has none
      const state = textIn(details, "state") ?? "running";
      if (state === "removing") return `removal of container ${id} is already in progress`;
      const advice = "Stop the container before attempting removal or force remove";
      const first =
        state === "paused"
          ? "Unpause and then stop the container before attempting removal or force remove"
          : advice;
      return `You cannot remove a ${state} container ${textIn(details, "id") ?? id}. ${first}`;
    },
  },
  {
    operations: /^containers\.kill$/,
    kind: "conflict",
    say: (_, { id = "" }) => `Cannot kill container: ${id}: Container ${id} is not running`,
  },
  {
    operations: /^containers\.pause$/,
    kind: "conflict",
    say: ({ details }, { id = "" }) => {
      const whole = textIn(details, "id") ?? id;
      return textIn(details, "state") === "paused"
        ? `Container ${whole} is already paused`
        : `container ${whole} is not running`;
    },
  },
  {
    operations: /^containers\.top$/,
    kind: "conflict",
    say: ({ details }, { id = "" }) => `container ${textIn(details, "id") ?? id} is not running`,
  },
  {
    operations: /^containers\.unpause$/,
    kind: "conflict",
    say: ({ details }, { id = "" }) => `Container ${textIn(details, "id") ?? id} is not paused`,
  },
  {
    operations: /^(exec\.create|containers\.resize)$/,
    kind: "conflict",
    say: ({ details }, { id = "" }) => noExec(textIn(details, "state"), id),
  },
  {
    operations: /^exec\.start$/,
    kind: "conflict",
    say: ({ details }) => {
      const [state, id] = [textIn(details, "state"), textIn(details, "id")];
      return state === undefined || id === undefined ? undefined : noExec(state, id);
    },
  },
];

function noExec(state: string | undefined, id: string): string {
  return state === "paused"
    ? `Container ${id} is paused, unpause the container before exec`
    : state === "restarting"
      ? `Container ${id} is restarting, wait until the container is running`
      : `container ${id} is not running`;
}

export function noSuchContainer(reference: string): string {
  return `No such container: ${reference}`;
}

/** With the tag that was meant. Docker's client pulls when it reads this. */
export function noSuchImage(reference: string): string {
  const hasTag = /:[^/]+$/.test(reference) || reference.includes("@") || /^[0-9a-f]{12,64}$/.test(reference);
  return `No such image: ${hasTag ? reference : `${reference}:latest`}`;
}

export function nameConflict(name: string, id: string): string {
  const slashed = name.startsWith("/") ? name : `/${name}`;
  return `Conflict. The container name "${slashed}" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`;
}

/** The same failure in the words that Docker's clients match on; its own where they match on none. */
export function wordFailure(failure: Failure, { operation, params }: RequestSubject): Failure {
  for (const rule of rules) {
    if (rule.kind !== failure.kind || !rule.operations.test(operation)) continue;
    const sentence = rule.say(failure, params);
    if (sentence !== undefined)
      return new Failure(failure.kind, sentence, { cause: failure, details: failure.details });
  }
  return withExecWords(failure, operation);
}

/** Docker's client takes the exit code 126 or 127 from these words when a start fails. */
function withExecWords(failure: Failure, operation: Operation): Failure {
  if (operation !== "containers.start") return failure;
  const code = failure.details["exitCode"];
  const words = code === 127 ? "executable file not found in $PATH" : code === 126 ? "permission denied" : "";
  const isSaid = code === 127 && failure.message.includes("no such file or directory");
  if (words === "" || isSaid || failure.message.includes(words)) return failure;
  return new Failure(failure.kind, `${failure.message}: ${words}`, {
    cause: failure,
    details: failure.details,
  });
}

function textIn(details: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = details[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}
