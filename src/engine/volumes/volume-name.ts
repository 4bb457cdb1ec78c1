import { randomBytes } from "node:crypto";
import { Failure } from "../../base/failure.ts";
import { parseVolumeName, type VolumeName } from "../../model/ids.ts";

const pattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** A directory of this name has to be possible. */
const MOST_BYTES = 255;

/** Docker's label of a volume without a name from the user. */
export const anonymousLabel = "com.docker.volume.anonymous";

/** The name, proven to be one. Throws "invalid" in Docker's words. */
export function parseNewVolumeName(text: string): VolumeName {
  if (text.length === 1) {
    throw refuseVolume(
      text,
      "volume name is too short, names should be at least two alphanumeric characters",
    );
  }
  if (!pattern.test(text)) {
    throw refuseVolume(
      text,
      `${JSON.stringify(text.slice(0, 300))} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
  if (text.length > MOST_BYTES) {
    throw refuseVolume(text, `volume name is too long, names should be at most ${MOST_BYTES} characters`);
  }
  return parseVolumeName(text);
}

/** The Failure for a volume that can never be made as asked. */
export function refuseVolume(name: string, detail: string): Failure {
  const volume = name.slice(0, 300);
  return new Failure("invalid", `cannot create volume ${JSON.stringify(volume)}: ${detail}`, {
    details: { volume, detail },
  });
}

/** Of an anonymous volume. */
export function randomVolumeName(): VolumeName {
  return parseVolumeName(randomBytes(32).toString("hex"));
}
