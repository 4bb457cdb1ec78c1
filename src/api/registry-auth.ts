import { Failure } from "../base/failure.ts";
import { readJson } from "../spec/json-reader.ts";
import type { RegistryCredentials } from "../spec/registry-credentials.ts";

const longest = 64 * 1024;

/**
 * The X-Registry-Auth header: base64url of a JSON object, as Docker's clients send it with pull and push. Undefined for
 * nobody in particular. Throws "invalid" for what can't be read.
 */
export function parseRegistryAuth(header: string | undefined): RegistryCredentials | undefined {
  if (header === undefined || header === "" || header === "null") return undefined;
  const refused = (cause?: unknown): Failure =>
    new Failure("invalid", "cannot read the X-Registry-Auth header: it must be base64url of a JSON object", {
      cause,
    });
  if (header.length > longest || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(header)) throw refused();
  const bytes = Buffer.from(header, "base64");
  if (bytes.toString("utf8").trim() === "null") return undefined;
  try {
    const document = readJson(bytes, { what: "the credentials", maxBytes: longest });
    const text = (name: string): string => document.at(name).optional((node) => node.text()) ?? "";
    if (text("registrytoken") !== "") return { kind: "registry-token", token: text("registrytoken") };
    if (text("identitytoken") !== "") return { kind: "identity-token", token: text("identitytoken") };
    if (text("username") !== "")
      return { kind: "password", username: text("username"), password: text("password") };
    const [username = "", ...password] = Buffer.from(text("auth"), "base64").toString("utf8").split(":");
    return username === "" ? undefined : { kind: "password", username, password: password.join(":") };
  } catch (thrown) {
    throw refused(thrown);
  }
}

/** The body of a login. */
export interface LoginRequest {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  /** `https://index.docker.io/v1/`, `localhost:5000`. */
  readonly serveraddress?: string;
}

/** Throws "invalid" for a login without a name. */
export function parseLoginRequest(body: unknown): {
  readonly registry: string;
  readonly credentials: RegistryCredentials;
} {
  const {
    username,
    password,
    identitytoken,
    serveraddress = "",
  } = (body ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof serveraddress !== "string")
    throw new Failure("invalid", "cannot log in: serveraddress must be a string");
  const [host = ""] = serveraddress.replace(/^https?:\/\//, "").split("/");
  const registry = host === "" || host === "index.docker.io" ? "docker.io" : host;
  if (typeof identitytoken === "string" && identitytoken !== "") {
    return { registry, credentials: { kind: "identity-token", token: identitytoken } };
  }
  if (typeof username !== "string" || typeof password !== "string" || username === "") {
    throw new Failure("invalid", "cannot log in: username and password are needed");
  }
  return { registry, credentials: { kind: "password", username, password } };
}

/** The header for these credentials; see parseRegistryAuth(). */
export function formatRegistryAuth(credentials: RegistryCredentials, serverAddress: string): string {
  const fields =
    credentials.kind === "password"
      ? { username: credentials.username, password: credentials.password }
      : credentials.kind === "identity-token"
        ? { identitytoken: credentials.token }
        : { registrytoken: credentials.token };
  return Buffer.from(JSON.stringify({ ...fields, serveraddress: serverAddress })).toString("base64url");
}
