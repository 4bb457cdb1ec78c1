import { Failure } from "../../base/failure.ts";
import { required } from "../../base/required.ts";
import type {
  Definition,
  DefinitionInput,
  ExecAction,
  ExecMount,
  FileAction,
  FileOwner,
} from "../../model/definition.ts";
import type { RunDevice } from "../../spec/cdi-name.ts";
import type { Digest } from "../../spec/digest.ts";
import type { Platform } from "../../spec/platform.ts";
import type { RunMountOperation, RunOperation, Vertex } from "./graph-types.ts";
import { absolutePath } from "./image-changes.ts";
import { nameOperation } from "./name-operation.ts";

/** What a definition asks of its build. */
export interface DefinitionOptions {
  /** Of operations without a platform. */
  readonly platform: Platform;
  /** What a program may ask for besides a plain step. */
  readonly entitlements: readonly string[];
  /** The CDI devices that a program asks for, by name; undefined: none. Throws what it is refused with. */
  findDevices(devices: readonly RunDevice[]): Promise<readonly string[] | undefined>;
  /** The vertex of a source; `undefined`: an empty file system. */
  resolveSource(
    source: {
      readonly digest: Digest;
      readonly identifier: string;
      readonly attributes: Readonly<Record<string, string>>;
    },
    about: { readonly platform: Platform; readonly name: string },
  ): Promise<Pick<Vertex, "operation"> | undefined>;
}

/** The graph of a definition whose inputs are known to exist. Throws what a source is refused with. */
export async function definitionToGraph(
  definition: Definition,
  options: DefinitionOptions,
): Promise<Vertex | undefined> {
  const { target } = definition;
  return target === undefined ? undefined : await new DefinitionGraph(definition, options).vertexOf(target);
}

/** The outputs of an operation. */
type Outputs = ReadonlyMap<number, Vertex | undefined>;

class DefinitionGraph {
  readonly #definition: Definition;
  readonly #options: DefinitionOptions;
  readonly #made = new Map<Digest, Promise<Outputs>>();

  constructor(definition: Definition, options: DefinitionOptions) {
    this.#definition = definition;
    this.#options = options;
  }

  async vertexOf({ digest, output }: DefinitionInput): Promise<Vertex | undefined> {
    const made = this.#made.get(digest) ?? this.#make(digest);
    this.#made.set(digest, made);
    return (await made).get(output);
  }

  async #make(digest: Digest): Promise<Outputs> {
    const operation = required(this.#definition.operations.get(digest));
    const inputs: (Vertex | undefined)[] = [];
    for (const input of operation.inputs) inputs.push(await this.vertexOf(input));
    const inputAt = (index: number | undefined): Vertex | undefined =>
      index === undefined ? undefined : inputs[index];
    const { action, ignoresCache, group } = operation;
    const name = nameOperation(this.#definition, digest);
    const about = { name, ignoresCache, group, id: digest };
    switch (action.kind) {
      case "source": {
        const { platform = this.#options.platform } = operation;
        const found = await this.#options.resolveSource({ digest, ...action }, { platform, name });
        return new Map([[0, found === undefined ? undefined : { ...about, ...found }]]);
      }
      case "exec":
        return await this.#exec(action, { about, inputAt });
      case "file":
        return fileOutputs(action.actions, { about, inputs });
      case "merge":
        return new Map([[0, { ...about, operation: { kind: "merge", inputs: action.inputs.map(inputAt) } }]]);
      case "diff": {
        const [lower, upper] = [inputAt(action.lower), inputAt(action.upper)];
        return new Map([[0, { ...about, operation: { kind: "diff", lower, upper } }]]);
      }
      default:
        return action satisfies never;
    }
  }

  async #exec(
    action: ExecAction,
    {
      about,
      inputAt,
    }: {
      readonly about: Omit<Vertex, "operation">;
      readonly inputAt: (index: number | undefined) => Vertex | undefined;
    },
  ): Promise<Outputs> {
    if (action.network === "host") this.#requireEntitlement("network.host");
    if (action.security === "insecure") this.#requireEntitlement("security.insecure");
    const root = required(action.mounts.find(({ target }) => target === "/"));
    if (root.type !== "bind" || absolutePath(root.source, "/") !== "/")
      throw new Failure(
        "unsupported",
        "cannot solve the definition: only a whole file system can be the root",
      );
    const others = action.mounts.filter((mount) => mount !== root);
    const mounts = others.map((mount) => mountOf(mount, inputAt));
    const secrets = action.secretVariables.map(
      ({ id, name, required: isRequired }): RunMountOperation => ({
        type: "secret",
        id,
        env: name,
        required: isRequired,
        mode: 0,
        uid: 0,
        gid: 0,
      }),
    );
    const { validExitCodes, extraHosts, ulimits, hostname, cgroupParent } = action;
    const operation: RunOperation = {
      kind: "run",
      base: inputAt(root.input),
      words: action.args,
      env: action.env,
      proxyEnv: action.proxyEnv,
      workingDirectory: action.workingDirectory || "/",
      user: action.user,
      network: action.network,
      security: action.security,
      devices: await this.#options.findDevices(action.devices),
      mounts: [...mounts, ...secrets],
      scripts: new Map(),
      isReadOnly: root.readOnly ? true : undefined,
      settings: {
        extraHosts,
        hostname,
        cgroupParent,
        ulimits: ulimits.length === 0 ? undefined : ulimits,
      },
      validExitCodes: validExitCodes.length === 0 ? undefined : validExitCodes,
    };
    const vertex: Vertex = { ...about, operation };
    const outputs = new Map<number, Vertex>();
    if (root.output !== undefined) outputs.set(root.output, vertex);
    for (const [index, mount] of others.entries()) {
      if (!("output" in mount) || mount.output === undefined) continue;
      const isKept = mount.type === "bind" && !mount.readOnly;
      const kept: Vertex = { ...about, operation: { kind: "output", of: vertex, mount: index } };
      const input = "input" in mount ? inputAt(mount.input) : undefined;
      // Nothing changes a mount that can't be written, and a cache is no result.
      if (isKept || input !== undefined) outputs.set(mount.output, isKept ? kept : required(input));
    }
    return outputs;
  }

  /** SAFETY: a definition alone must not give a step more than a container has. */
  #requireEntitlement(name: string): void {
    if (!this.#options.entitlements.includes(name))
      throw new Failure("not-permitted", `${name} is not allowed`);
  }
}

function mountOf(
  mount: ExecMount,
  inputAt: (index: number | undefined) => Vertex | undefined,
): RunMountOperation {
  const target = absolutePath(mount.target, "/");
  switch (mount.type) {
    case "bind": {
      const { type, input, readOnly, output } = mount;
      const keepsChanges = !readOnly && output !== undefined ? true : undefined;
      return {
        type,
        target,
        from: inputAt(input),
        source: absolutePath(mount.source, "/"),
        readOnly,
        keepsChanges,
      };
    }
    case "cache": {
      const { type, id, sharing, input, readOnly } = mount;
      const source = absolutePath(mount.source, "/");
      return {
        type,
        target,
        id,
        sharing,
        from: inputAt(input),
        source,
        readOnly,
        mode: 0o755,
        uid: 0,
        gid: 0,
      };
    }
    case "tmpfs":
      return { ...mount, target };
    case "secret":
      return { ...mount, target };
    case "ssh":
      return { ...mount, id: mount.id || "default", target };
    default:
      return mount satisfies never;
  }
}

function fileOutputs(
  actions: readonly FileAction[],
  {
    about,
    inputs,
  }: { readonly about: Omit<Vertex, "operation">; readonly inputs: readonly (Vertex | undefined)[] },
): Outputs {
  const known = [...inputs];
  const outputs = new Map<number, Vertex>();
  for (const [index, action] of actions.entries()) {
    const at = (position: number | undefined): Vertex | undefined =>
      position === undefined ? undefined : known[position];
    const isLast = index === actions.length - 1;
    const vertex: Vertex = {
      ...about,
      // One operation is one vertex of the client's.
      id: isLast ? about.id : undefined,
      operation: fileOperation(action, at),
    };
    known.push(vertex);
    if (action.output !== undefined) outputs.set(action.output, vertex);
  }
  return outputs;
}

function fileOperation(
  action: FileAction,
  at: (position: number | undefined) => Vertex | undefined,
): Vertex["operation"] {
  const base = at(action.input);
  switch (action.kind) {
    case "copy": {
      const target = absolutePath(action.target, "/");
      const isDirectory = /(?:^|\/)\.?$/.test(action.target) && target !== "/";
      return {
        kind: "copy",
        base,
        sources: [
          {
            kind: "path",
            from: at(action.from),
            path: absolutePath(action.source, "/"),
            unpacks: action.unpacks,
            isPlain: action.isPattern ? undefined : true,
            isRequired: action.isPattern && !action.isOptional ? true : undefined,
            keepsLink: action.followsLink ? undefined : true,
          },
        ],
        target: isDirectory ? `${target}/` : target,
        owner: ownerText(action.owner),
        mode: action.mode,
        exclude: action.exclude,
        parents: false,
        link: false,
        rules: {
          include: action.include.length === 0 ? undefined : action.include,
          keepsDirectories: action.copiesContents ? undefined : true,
          needsParent: action.makesParents ? undefined : true,
          timeNs: action.timeNs,
        },
      };
    }
    case "write": {
      const path = absolutePath(action.path, "/");
      const slash = path.lastIndexOf("/");
      const { mode, content, timeNs } = action;
      return {
        kind: "copy",
        base,
        sources: [{ kind: "file", name: path.slice(slash + 1), content, mode }],
        target: slash === 0 ? "/" : `${path.slice(0, slash)}/`,
        owner: ownerText(action.owner),
        exclude: [],
        parents: false,
        link: false,
        rules: { needsParent: true, timeNs },
      };
    }
    case "directory": {
      const { mode, timeNs } = action;
      const needsParent = action.makesParents ? undefined : true;
      const path = absolutePath(action.path, "/");
      return { kind: "directory", base, path, owner: ownerText(action.owner), mode, needsParent, timeNs };
    }
    case "remove":
      return {
        kind: "remove",
        base,
        path: absolutePath(action.path, "/"),
        isPattern: action.isPattern,
        isRequired: !action.isOptional,
      };
    case "link": {
      const { target, timeNs } = action;
      return {
        kind: "link",
        base,
        path: absolutePath(action.path, "/"),
        target,
        owner: ownerText(action.owner),
        timeNs,
      };
    }
    default:
      return action satisfies never;
  }
}

function ownerText(owner: FileOwner | undefined): string | undefined {
  if (owner?.user === undefined) return owner?.group === undefined ? undefined : `0:${owner.group}`;
  return owner.group === undefined ? owner.user : `${owner.user}:${owner.group}`;
}
