import { Failure } from "../../base/failure.ts";
import { shortId } from "../../spec/image/id.ts";
import type { ContainerRecord, ImageRecord } from "../state/records.ts";
import { familiar } from "./find-image.ts";

export interface RemovalInput {
  readonly record: ImageRecord;
  /** By which it was named; absent: by id. */
  readonly reference: string | undefined;
  /** All whole references to it. */
  readonly references: readonly string[];
  /** Containers made of it. */
  readonly users: readonly ContainerRecord[];
  /** Whether another image was committed from it. */
  readonly isParent: boolean;
  readonly force: boolean;
}

export interface RemovalPlan {
  readonly untag: readonly string[];
  readonly deleteImage: boolean;
}

/** Docker's rules for `rmi`. Pure. Throws "conflict" in Docker's words, with details.conflict for programs. */
export function chooseRemovals(input: RemovalInput): RemovalPlan {
  const { record, reference, references, users, isParent, force } = input;
  const running = users.find(({ state }) => isRunning(state.status));
  const user = running ?? users[0];
  const shown = shortId(record.id);
  if (reference !== undefined) {
    if (references.some((other) => other !== reference)) return { untag: [reference], deleteImage: false };
    if (user !== undefined && !force) {
      throw refuse(
        `unable to remove repository reference "${familiar(reference)}" (must force) - container ${user.id.slice(0, 12)} is using its referenced image ${shown}`,
      );
    }
    return { untag: [reference], deleteImage: !isParent && running === undefined };
  }
  if (isParent) {
    throw refuse(`unable to delete ${shown} (cannot be forced) - image has dependent child images`);
  }
  if (running !== undefined) {
    throw refuse(
      `unable to delete ${shown} (cannot be forced) - image is being used by running container ${running.id.slice(0, 12)}`,
    );
  }
  if (references.length > 1 && !force) {
    throw refuse(`unable to delete ${shown} (must be forced) - image is referenced in multiple repositories`);
  }
  if (user !== undefined && !force) {
    throw refuse(
      `unable to delete ${shown} (must be forced) - image is being used by stopped container ${user.id.slice(0, 12)}`,
    );
  }
  return { untag: references, deleteImage: true };
}

function isRunning(status: ContainerRecord["state"]["status"]): boolean {
  return status === "running" || status === "paused" || status === "restarting";
}

function refuse(detail: string): Failure {
  return new Failure("conflict", `cannot remove the image: conflict: ${detail}`, {
    details: { conflict: detail },
  });
}
