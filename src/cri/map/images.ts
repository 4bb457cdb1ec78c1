import type { ImageSummary } from "../../model/images.ts";
import type { RegistryCredentials } from "../../spec/registry/registry-credentials.ts";
import { findReference, formatReference } from "../../spec/reference.ts";
import { Failure } from "../../base/failure.ts";
import type { Message, Reply } from "../codings.ts";

/** `user`: of the image's configuration, `user[:group]`. */
export function encodeImage(
  { id, references, digests, sizeBytes }: ImageSummary,
  user: string,
): Reply<"Image"> {
  const [name = ""] = user.split(":");
  const isNumber = /^\d{1,15}$/.test(name);
  return {
    id,
    repo_tags: references.filter((text) => !text.includes("@")).map(wholeName),
    repo_digests: digests.map(wholeName),
    size: sizeBytes,
    // SPEC: one of them is set; none for root.
    uid: isNumber ? { value: Number(name) } : undefined,
    username: isNumber ? "" : name,
    spec: { image: id },
    pinned: false,
  };
}

/** `docker.io/library/busybox:latest` for `busybox:latest`, as kubelets compare names. */
function wholeName(text: string): string {
  const reference = findReference(text);
  return reference === undefined ? text : formatReference(reference);
}

/** Credentials of a kubelet; undefined without any. Throws "invalid". */
export function credentialsOf(auth: Message<"AuthConfig"> | null): RegistryCredentials | undefined {
  if (auth === null) return undefined;
  if (auth.identity_token !== "") return { kind: "identity-token", token: auth.identity_token };
  if (auth.registry_token !== "") return { kind: "registry-token", token: auth.registry_token };
  if (auth.username !== "") return { kind: "password", username: auth.username, password: auth.password };
  if (auth.auth === "") return undefined;
  const text = Buffer.from(auth.auth, "base64").toString();
  const colon = text.indexOf(":");
  if (colon < 0)
    throw new Failure(
      "invalid",
      "cannot pull the image: the field auth of the credentials is no user:password",
    );
  return {
    kind: "password",
    username: text.slice(0, colon),
    password: text.slice(colon + 1).replace(/\0+$/, ""),
  };
}
