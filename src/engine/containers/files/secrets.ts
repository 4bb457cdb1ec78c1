import { Failure } from "../../../base/failure.ts";
import type { OwnedFd } from "../../../linux/kernel/fd.ts";
import { createMemoryFiles } from "../../../linux/mount/memory-files.ts";
import { findHostId } from "../../../spec/id-map.ts";
import type { ResolvedContainer } from "../../resolve/container.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerContext } from "../../context.ts";
import { parseSecretId } from "../../../model/ids.ts";

/**
 * A file system in memory with the secrets that are files, named by their place in the plan; undefined without any. The
 * caller disposes of it.
 */
export function openSecretFiles(
  { secrets }: ContainerContext,
  { idMaps }: Pick<ContainerRecord, "idMaps">,
  { secrets: { files } }: Pick<ResolvedContainer, "secrets">,
): OwnedFd | undefined {
  if (files.length === 0) return undefined;
  return createMemoryFiles(
    files.map(({ secret, id = "", uid, gid, mode }, at) => {
      const owner =
        idMaps === undefined
          ? { uid, gid }
          : { uid: findHostId(idMaps.uids, uid), gid: findHostId(idMaps.gids, gid) };
      if (owner.uid === undefined || owner.gid === undefined) {
        throw new Failure(
          "invalid",
          `cannot give secret "${secret}" to user ${uid}:${gid}: the container's user namespace has no such id`,
        );
      }
      return {
        name: String(at),
        bytes: secrets.read({ id: parseSecretId(id) }),
        uid: owner.uid,
        gid: owner.gid,
        mode,
      };
    }),
  );
}

const mostVariableBytes = 131_072;

/** `NAME=value` of the secrets that are variables. SAFETY: for the process alone, never for a record. */
export function readSecretVariables(
  { secrets }: ContainerContext,
  { secrets: { variables } }: Pick<ResolvedContainer, "secrets">,
): readonly string[] {
  return variables.map(({ secret, id = "", name }) =>
    secretVariable(secret, name, secrets.read({ id: parseSecretId(id) })),
  );
}

/** `NAME=value`. Throws "invalid" for a value that no variable can have. */
export function secretVariable(secret: string, name: string, bytes: Uint8Array): string {
  const value = Buffer.from(bytes);
  if (value.includes(0)) {
    throw new Failure(
      "invalid",
      `cannot give secret "${secret}" as the variable ${name}: its value has a NUL byte; give it as a file`,
    );
  }
  // KERNEL: MAX_ARG_STRLEN of execve(2).
  if (name.length + value.length + 2 > mostVariableBytes) {
    throw new Failure(
      "invalid",
      `cannot give secret "${secret}" as the variable ${name}: a variable has at most ${mostVariableBytes} bytes; give it as a file`,
    );
  }
  return `${name}=${value.toString("utf8")}`;
}
