import { Failure } from "../../base/failure.ts";
import type { DefinitionAction, ExecMount, FileAction, FileOwner } from "../../model/definition.ts";
import type { Messages } from "./messages.ts";

type Op = Messages["pb.Op"];
type Mount = Messages["pb.Mount"];

const mostMounts = 128;
const mostFileActions = 1000;
const mostArguments = 10_000;

/** SPEC: moby/buildkit, solver/pb/ops.proto: the values of the enumerations. */
const networks = ["default", "host", "none"] as const;
const securities = ["sandbox", "insecure"] as const;
const sharings = ["shared", "private", "locked"] as const;
const mountTypes = ["bind", "secret", "ssh", "cache", "tmpfs"] as const;

/** What an operation does. Throws "invalid" for what is no operation, "unsupported" for one that Tare does not have. Pure. */
export function decodeAction(op: Op): DefinitionAction {
  const count = op.inputs.length;
  if (op.source != null) {
    const { identifier, attrs } = op.source;
    return { kind: "source", identifier, attributes: attrs };
  }
  if (op.exec != null) return decodeExec(op.exec, count);
  if (op.file != null) return { kind: "file", actions: decodeFileActions(op.file.actions, count) };
  if (op.merge != null) {
    const inputs = op.merge.inputs.map(({ input }) => inputOf(input, count, "merge"));
    return { kind: "merge", inputs };
  }
  if (op.diff != null) {
    const { lower, upper } = op.diff;
    return {
      kind: "diff",
      lower: inputOf(lower?.input ?? -1, count, "diff"),
      upper: inputOf(upper?.input ?? -1, count, "diff"),
    };
  }
  if (op.build != null)
    throw new Failure(
      "unsupported",
      "cannot solve the definition: operations of type build are not supported",
    );
  if (op.passthrough != null)
    throw new Failure(
      "unsupported",
      "cannot solve the definition: operations of type passthrough are not supported",
    );
  throw new Failure("invalid", "invalid LLB: an operation has no type, or one that is not known");
}

function decodeExec(exec: Messages["pb.ExecOp"], count: number): DefinitionAction {
  const { meta, mounts, secretenv, cdiDevices } = exec;
  if (meta === null || meta.args.length === 0)
    throw new Failure("invalid", "invalid LLB: exec has no arguments");
  if (mounts.length > mostMounts)
    throw new Failure("invalid", `invalid LLB: exec has more than ${mostMounts} mounts`);
  for (const list of [meta.args, meta.env, meta.extraHosts, secretenv, meta.ulimit, cdiDevices]) {
    if (list.length > mostArguments)
      throw new Failure(
        "invalid",
        `invalid LLB: exec has more than ${mostArguments} arguments, variables or devices`,
      );
  }
  const decoded = mounts.map((mount) => decodeMount(mount, count));
  const outputs = decoded.flatMap((mount) => ("output" in mount ? (mount.output ?? []) : []));
  if (new Set(outputs).size !== outputs.length)
    throw new Failure("invalid", "invalid LLB: two mounts of exec have the same output");
  if (decoded.filter(({ target }) => target === "/").length !== 1)
    throw new Failure("invalid", "invalid LLB: exec needs one mount for /");
  const { proxy_env: proxy } = meta;
  return {
    kind: "exec",
    args: meta.args,
    env: meta.env,
    workingDirectory: meta.cwd,
    user: meta.user,
    proxyEnv: proxy === null ? [] : proxyVariables(proxy),
    extraHosts: meta.extraHosts.map(({ Host, IP }) => `${Host}:${IP}`),
    hostname: meta.hostname || undefined,
    ulimits: meta.ulimit.map(({ Name, Soft, Hard }) => ({ name: Name, soft: Soft, hard: Hard })),
    cgroupParent: meta.cgroupParent || undefined,
    validExitCodes: meta.validExitCodes,
    network: valueOf(networks, exec.network, "network mode"),
    security: valueOf(securities, exec.security, "security mode"),
    devices: cdiDevices.map(({ name, optional }) => ({ name, required: !optional })),
    mounts: decoded,
    secretVariables: secretenv.map(({ ID, name, optional }) => ({ id: ID, name, required: !optional })),
  };
}

function decodeMount(mount: Mount, count: number): ExecMount {
  const { dest, selector, readonly: readOnly, TmpfsOpt, cacheOpt, secretOpt, SSHOpt } = mount;
  if (dest === "" || dest.includes("\0"))
    throw new Failure("invalid", "invalid LLB: a mount of exec has no target");
  const target = dest.startsWith("/") ? dest : `/${dest}`;
  const mounted = {
    target,
    input: inputOf(mount.input, count, "exec"),
    source: selector === "" ? "/" : selector,
    readOnly,
    output: mount.output < 0 ? undefined : mount.output,
  };
  const type = valueOf(mountTypes, mount.mountType, "type of mount");
  switch (type) {
    case "bind":
      return { type, ...mounted };
    case "cache": {
      if (cacheOpt === null) throw new Failure("invalid", "invalid LLB: missing cache mount options");
      return {
        type,
        ...mounted,
        id: cacheOpt.ID || target,
        sharing: valueOf(sharings, cacheOpt.sharing, "sharing of a cache"),
      };
    }
    case "tmpfs":
      return { type, target, sizeBytes: Math.max(0, TmpfsOpt?.size ?? 0) };
    case "secret":
    case "ssh": {
      const options = type === "secret" ? secretOpt : SSHOpt;
      if (options === null) throw new Failure("invalid", `invalid LLB: missing ${type} mount options`);
      const { ID, uid, gid, mode, optional } = options;
      return { type, target, id: ID, uid, gid, mode: mode & 0o7777, required: !optional };
    }
    default:
      return type satisfies never;
  }
}

function decodeFileActions(
  actions: readonly Messages["pb.FileAction"][],
  count: number,
): readonly FileAction[] {
  if (actions.length === 0 || actions.length > mostFileActions)
    throw new Failure("invalid", `invalid LLB: file has no actions, or more than ${mostFileActions}`);
  const outputs = actions.map(({ output }) => output).filter((output) => output >= 0);
  if (new Set(outputs).size !== outputs.length)
    throw new Failure("invalid", "invalid LLB: two actions of file have the same output");
  return actions.map((action, index) => {
    // An action may use the results of those before it.
    const known = count + index;
    const input = inputOf(action.input, known, "file");
    const common = { input, output: action.output < 0 ? undefined : action.output };
    const ownerOf = (owner: Messages["pb.ChownOpt"] | null): FileOwner | undefined =>
      owner === null ? undefined : decodeOwner(owner, action.input);
    if (action.copy != null) {
      const { copy } = action;
      if (copy.alwaysReplaceExistingDestPaths)
        throw new Failure(
          "unsupported",
          "cannot solve the definition: alwaysReplaceExistingDestPaths of copy is not supported",
        );
      const mode = copy.mode < 0 ? undefined : (copy.mode & 0o7777).toString(8);
      return {
        ...common,
        kind: "copy",
        from: inputOf(action.secondaryInput, known, "file"),
        source: pathOf(copy.src),
        target: pathOf(copy.dest),
        owner: ownerOf(copy.owner),
        mode: copy.modeStr || mode,
        followsLink: copy.followSymlink,
        copiesContents: copy.dirCopyContents,
        unpacks: copy.attemptUnpackDockerCompatibility,
        makesParents: copy.createDestPath,
        isPattern: copy.allowWildcard,
        isOptional: copy.allowEmptyWildcard,
        timeNs: timeOf(copy.timestamp),
        include: copy.include_patterns,
        exclude: copy.exclude_patterns,
      };
    }
    if (action.mkfile != null) {
      const { path, mode, data, owner, timestamp } = action.mkfile;
      return {
        ...common,
        kind: "write",
        path: pathOf(path),
        mode: mode & 0o7777,
        content: data,
        owner: ownerOf(owner),
        timeNs: timeOf(timestamp),
      };
    }
    if (action.mkdir != null) {
      const { path, mode, makeParents, owner, timestamp } = action.mkdir;
      return {
        ...common,
        kind: "directory",
        path: pathOf(path),
        mode: mode & 0o7777,
        makesParents: makeParents,
        owner: ownerOf(owner),
        timeNs: timeOf(timestamp),
      };
    }
    if (action.rm != null) {
      const { path, allowNotFound, allowWildcard } = action.rm;
      return {
        ...common,
        kind: "remove",
        path: pathOf(path),
        isPattern: allowWildcard,
        isOptional: allowNotFound,
      };
    }
    if (action.symlink != null) {
      const { oldpath, newpath, owner, timestamp } = action.symlink;
      return {
        ...common,
        kind: "link",
        path: pathOf(newpath),
        target: pathOf(oldpath),
        owner: ownerOf(owner),
        timeNs: timeOf(timestamp),
      };
    }
    throw new Failure("invalid", "invalid LLB: an action of file has no type, or one that is not known");
  });
}

/** Names are those of the file system that is changed. */
function decodeOwner({ user, group }: Messages["pb.ChownOpt"], input: number): FileOwner {
  const text = (option: Messages["pb.UserOpt"] | null): string | undefined => {
    if (option === null) return undefined;
    if (option.byName == null) return String(option.byID ?? 0);
    const { name, input: named } = option.byName;
    if (named !== input)
      throw new Failure(
        "unsupported",
        `cannot solve the definition: the owner "${name.slice(0, 100)}" is of another file system`,
      );
    if (name.includes(":"))
      throw new Failure("invalid", `invalid LLB: the name "${name.slice(0, 100)}" has a colon`);
    return name;
  };
  return { user: text(user), group: text(group) };
}

function inputOf(index: number, count: number, kind: string): number | undefined {
  if (index === -1) return undefined;
  if (Number.isInteger(index) && index >= 0 && index < count) return index;
  throw new Failure("invalid", `invalid LLB: ${kind} has no input ${index}`);
}

function pathOf(path: string): string {
  if (path.includes("\0")) throw new Failure("invalid", "invalid LLB: a path has a zero byte");
  return path;
}

/** Nanoseconds, of which a number of 64 bits may have lost the last. */
function timeOf(timestamp: number): bigint | undefined {
  return timestamp < 0 ? undefined : BigInt(timestamp);
}

function proxyVariables(proxy: Messages["pb.ProxyEnv"]): readonly string[] {
  return Object.entries(proxy).flatMap(([name, value]) =>
    value === "" ? [] : [`${name.toUpperCase()}=${String(value)}`, `${name}=${String(value)}`],
  );
}

function valueOf<T>(values: readonly T[], index: number, what: string): T {
  const value = values[index];
  if (value === undefined) throw new Failure("invalid", `invalid LLB: unknown ${what} ${index}`);
  return value;
}
