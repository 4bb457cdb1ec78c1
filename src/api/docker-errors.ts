import { Failure, type FailureKind, isFailure } from "../base/failure.ts";
import type { Operation } from "./http/routes.ts";

/** The subject of a request, as far as its path contains it. */
export interface RequestSubject {
  readonly operation: Operation;
  readonly params: Readonly<Record<string, string>>;
}

interface Rule {
  readonly kind: FailureKind;
  readonly operations: RegExp;
  /** Undefined if the rule does not apply. */
  readonly findSentence: (failure: Failure, subject: RequestSubject) => string | undefined;
}

function rule<Kind extends FailureKind>(
  kind: Kind,
  operations: RegExp,
  say: (failure: Failure<Kind>, params: RequestSubject["params"], operation: Operation) => string | undefined,
): Rule {
  return {
    kind,
    operations,
    findSentence: (failure, { params, operation }) =>
      isFailure(failure, kind) ? say(failure, params, operation) : undefined,
  };
}

/** What the engine and its layers put before a sentence of Docker's. */
const beforeDockerWords =
  /^cannot (?:(?:create|start) the container|execute in the container|set the [\w/ -]+|use cpuset (?:cpus|mems) "[^"]*"|parse reference "[^"]*"): (?=(?:invalid|conflicting|range|minimum|CPU cfs|requested|the working directory|hostname|kernel does|cpu real-time|bad format|privileged mode|unable to find|no command|logger:) )/i;

/** Sentences of the engine that Docker begins, or says, in another way. */
const otherWords: readonly (readonly [ours: RegExp, dockers: string])[] = [
  [/^range of CPUs/, "Range of CPUs"],
  [/^invalid isolation:/, "Invalid isolation:"],
  [
    /^logger: no log driver named '(.*)' is registered$/s,
    'error looking up logging plugin $1: plugin "$1" not found',
  ],
];

/** The first that fits wins. Clients compare these texts. */
const rules: readonly Rule[] = [
  rule(
    "invalid",
    /^containers\.kill$/,
    ({ message }, { id = "" }) => `cannot kill container: ${id}: ${message}`,
  ),
  rule(
    "not-found",
    /^containers\.kill$/,
    (_, { id = "" }) => `cannot kill container: ${id}: ${noSuchContainer(id)}`,
  ),
  rule("not-found", /^images\.save/, ({ details }, { name }) => {
    const image = given(details.image) ?? name;
    return image === undefined || given(details.platform) !== undefined
      ? undefined
      : `No such image: ${image}`;
  }),
  rule("invalid", /^(?:containers|exec|images)\./, ({ message }) => {
    const plain = message.replace(beforeDockerWords, "");
    const words = otherWords.reduce((text, [ours, dockers]) => text.replace(ours, dockers), plain);
    return words === message ? undefined : words;
  }),
  rule("not-found", /^containers\.(statPath|copyFrom|copyInto)$/, ({ details }, { id = "" }) => {
    const path = given(details.path);
    return path === undefined ? undefined : `Could not find the file ${path} in container ${id}`;
  }),
  rule(
    "not-found",
    /^containers\.(?!create$)|^exec\.create$/,
    ({ details, message }, { id = "" }, operation) => {
      const network = given(details.network);
      if (network !== undefined) return message.replace(/^cannot start the container: /, "");
      // "Not found" by a system call of a start means a file, not the container.
      if (details.code !== undefined && /^containers\.(?:re)?start$/.test(operation)) return undefined;
      const image = given(details.image);
      return image === undefined ? noSuchContainer(given(details.container) ?? id) : noSuchImage(image);
    },
  ),
  rule("not-found", /^exec\./, (_, { id = "" }) => `No such exec instance: ${id}`),
  // Failures of pull and push name the missing object and the registry.
  rule("not-found", /^images\.(?!create$|push$|lookUp$)/, ({ details }, { name }) => {
    if (given(details.platform) !== undefined) return undefined; // it is there, but for another one
    const image = given(details.image) ?? name;
    return image === undefined ? undefined : noSuchImage(image);
  }),
  rule("not-found", /^networks\.(?!create$)/, ({ details }, { id = "" }) => {
    const container = given(details.container);
    return container === undefined
      ? `network ${given(details.network) ?? id} not found`
      : noSuchContainer(container);
  }),
  rule("not-found", /^networks\.create$/, ({ details }) => {
    const driver = given(details.driver);
    return driver === undefined ? undefined : `plugin ${JSON.stringify(driver)} not found`;
  }),
  rule("not-permitted", /^networks\.remove$/, ({ details }) => {
    const network = given(details.network);
    return network === undefined ? undefined : `${network} is a pre-defined network and cannot be removed`;
  }),
  rule("conflict", /^networks\.remove$/, ({ details }) => {
    const [network, id] = [given(details.network), given(details.id)];
    const { endpoints = [] } = details;
    return network === undefined || id === undefined
      ? undefined
      : `error while removing network: network ${network} has active endpoints (name:${JSON.stringify(endpoints.join(", "))} id:${JSON.stringify(id.slice(0, 12))})`;
  }),
  rule("not-permitted", /^networks\.connect$/, ({ details }) => {
    const [network, container] = [given(details.network), given(details.container)];
    return network === undefined || container === undefined
      ? undefined
      : `endpoint with name ${container} already exists in network ${network}`;
  }),
  rule("not-permitted", /^networks\.disconnect$/, ({ details }) => {
    const [network, container] = [given(details.network), given(details.container)];
    return network === undefined || container === undefined
      ? undefined
      : `container ${container} is not connected to network ${network}`;
  }),
  rule("not-found", /^(?:volumes\.create|containers\.create)$/, ({ details }) => {
    const driver = given(details.driver);
    return driver === undefined
      ? undefined
      : `create ${given(details.volume) ?? ""}: error looking up volume plugin ${driver}: plugin "${driver}" not found`;
  }),
  rule("not-found", /^volumes\./, (_, { name = "" }) => `get ${name}: no such volume`),
  rule("conflict", /^(?:volumes\.create|containers\.create)$/, ({ details }) => {
    const volume = given(details.volume);
    return volume === undefined ? undefined : `create ${volume}: volume name must be unique`;
  }),
  rule("conflict", /^volumes\.remove$/, ({ details }, { name = "" }) => {
    const users = details.users;
    return users !== undefined ? `remove ${name}: volume is in use - [${users.join(", ")}]` : undefined;
  }),
  rule("invalid", /^(?:volumes\.create|containers\.create)$/, ({ details }) => {
    const detail = given(details.detail);
    return detail === undefined ? undefined : `create ${given(details.volume) ?? ""}: ${detail}`;
  }),
  rule("invalid", /^containers\.create$/, ({ details }) => {
    const source = given(details.bindSource);
    return source === undefined
      ? undefined
      : `invalid mount config for type "bind": bind source path does not exist: ${source}`;
  }),
  rule("conflict", /^images\./, ({ details }) => {
    const detail = given(details.conflict);
    return detail === undefined ? undefined : `conflict: ${detail}`;
  }),
  rule("conflict", /^containers\.(create|rename)$/, ({ details }, _, operation) => {
    const name = given(details.name);
    const id = given(details.id);
    if (name === undefined || id === undefined) return undefined;
    const before = operation === "containers.rename" ? "Error when allocating new name: " : "";
    return `${before}${nameConflict(name, id)}`;
  }),
  rule("conflict", /^containers\.remove$/, ({ details }, { id = "" }) => {
    if (given(details.pod) !== undefined) return undefined; // Docker has none
    const state = given(details.state) ?? "running";
    if (state === "removing") return `removal of container ${id} is already in progress`;
    const first =
      state === "paused"
        ? "container is paused and must be unpaused first"
        : `container is ${state}: stop the container before removing or force remove`;
    return `cannot remove container ${JSON.stringify(`/${given(details.name) ?? id}`)}: ${first}`;
  }),
  rule(
    "conflict",
    /^containers\.kill$/,
    ({ details }, { id = "" }) =>
      `cannot kill container: ${id}: container ${given(details.id) ?? id} is not running`,
  ),
  rule("conflict", /^containers\.pause$/, ({ details }, { id = "" }) => {
    const whole = given(details.id) ?? id;
    return given(details.state) === "paused"
      ? `Container ${whole} is already paused`
      : `container ${whole} is not running`;
  }),
  rule(
    "conflict",
    /^containers\.top$/,
    ({ details }, { id = "" }) => `container ${given(details.id) ?? id} is not running`,
  ),
  rule(
    "conflict",
    /^containers\.unpause$/,
    ({ details }, { id = "" }) => `Container ${given(details.id) ?? id} is not paused`,
  ),
  rule("conflict", /^(exec\.create|containers\.resize)$/, ({ details }, { id = "" }) =>
    noExec(given(details.state), { whole: given(details.id) ?? id, asked: id }),
  ),
  rule("conflict", /^exec\.start$/, ({ details }) => {
    const [state, id] = [given(details.state), given(details.id)];
    return state === undefined || id === undefined ? undefined : noExec(state, { whole: id, asked: id });
  }),
];

function noExec(
  state: string | undefined,
  { whole, asked }: { readonly whole: string; readonly asked: string },
): string {
  return state === "paused"
    ? `Container ${asked} is paused, unpause the container before exec`
    : state === "restarting"
      ? `Container ${whole} is restarting, wait until the container is running`
      : `container ${whole} is not running`;
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
export function toDockerFailure(failure: Failure, subject: RequestSubject): Failure {
  const { operation } = subject;
  for (const rule of rules) {
    if (rule.kind !== failure.kind || !rule.operations.test(operation)) continue;
    const sentence = rule.findSentence(failure, subject);
    if (sentence !== undefined)
      return new Failure(failure.kind, sentence, { cause: failure, details: failure.details });
  }
  return withExecWords(failure, operation);
}

/** Docker's client takes the exit code 126 or 127 from these words when a start fails. */
function withExecWords(failure: Failure, operation: Operation): Failure {
  if (operation !== "containers.start") return failure;
  const code = failure.details.exitCode;
  const words = code === 127 ? "executable file not found in $PATH" : code === 126 ? "permission denied" : "";
  const isSaid = code === 127 && failure.message.includes("no such file or directory");
  if (words === "" || isSaid || failure.message.includes(words)) return failure;
  return new Failure(failure.kind, `${failure.message}: ${words}`, {
    cause: failure,
    details: failure.details,
  });
}

function given(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
