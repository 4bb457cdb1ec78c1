import { Failure } from "../../base/failure.ts";
import { type JsonNode, readJson } from "../../spec/json-reader.ts";
import { type FieldSchemas, readFields } from "../http/field-schemas.ts";
import type { RegistryCredentials } from "../../spec/registry/registry-credentials.ts";

const longest = 64 * 1024;

/**
 * The X-Registry-Auth header: base64url of a JSON object, as Docker's clients send it with pull and push. Undefined for
 * anonymous access. Throws "invalid" for a value that cannot be parsed.
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
    return credentialsIn(readJson(bytes, { what: "the credentials", maxBytes: longest }));
  } catch (thrown) {
    throw refused(thrown);
  }
}

function credentialsIn(document: JsonNode): RegistryCredentials | undefined {
  const text = (name: string): string => document.at(name).optional((node) => node.text()) ?? "";
  if (text("registrytoken") !== "") return { kind: "registry-token", token: text("registrytoken") };
  if (text("identitytoken") !== "") return { kind: "identity-token", token: text("identitytoken") };
  if (text("username") !== "")
    return { kind: "password", username: text("username"), password: text("password") };
  const [username = "", ...password] = Buffer.from(text("auth"), "base64").toString("utf8").split(":");
  return username === "" ? undefined : { kind: "password", username, password: password.join(":") };
}

/**
 * The X-Registry-Config header: base64url of a JSON object, credentials by server, for what may ask several registries.
 * Keys of the result are registries as in references. Throws "invalid" for what can't be read.
 */
export function parseRegistryConfig(
  header: string | undefined,
): Readonly<Record<string, RegistryCredentials>> {
  if (header === undefined || header === "") return {};
  const refused = (cause?: unknown): Failure =>
    new Failure(
      "invalid",
      "cannot read the X-Registry-Config header: it must be base64url of a JSON object of objects",
      { cause },
    );
  if (header.length > longest || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(header)) throw refused();
  try {
    const document = readJson(Buffer.from(header, "base64"), { what: "the credentials", maxBytes: longest });
    const known = Object.entries(document.map(credentialsIn)).flatMap(([server, credentials]) =>
      credentials === undefined ? [] : [[registryOf(server), credentials] as const],
    );
    return Object.fromEntries(known);
  } catch (thrown) {
    throw refused(thrown);
  }
}

/** The header for these credentials by registry; see parseRegistryConfig(). Undefined when there are none. */
export function formatRegistryConfig(
  credentials: Readonly<Record<string, RegistryCredentials>>,
): string | undefined {
  const fields = Object.entries(credentials).map(([registry, each]) => [registry, fieldsOf(each)]);
  if (fields.length === 0) return undefined;
  return Buffer.from(JSON.stringify(Object.fromEntries(fields))).toString("base64url");
}

/** `https://index.docker.io/v1/` → `docker.io`. */
function registryOf(server: string): string {
  const [host = ""] = server.replace(/^https?:\/\//, "").split("/");
  return host === "" || host === "index.docker.io" ? "docker.io" : host;
}

/** The body of a login. */
export interface LoginRequest {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly identitytoken?: string | undefined;
  /** `https://index.docker.io/v1/`, `localhost:5000`. */
  readonly serveraddress?: string | undefined;
}

const loginSchemas = {
  username: "text",
  password: "text",
  identitytoken: "text",
  serveraddress: "text",
} as const satisfies FieldSchemas;

/** Throws "invalid" for a login without a name. */
export function parseLoginRequest(body: unknown): {
  readonly registry: string;
  readonly credentials: RegistryCredentials;
} {
  const request: LoginRequest = readFields(body ?? {}, loginSchemas, "");
  const { username = "", password, identitytoken = "", serveraddress = "" } = request;
  const registry = registryOf(serveraddress);
  if (identitytoken !== "") {
    return { registry, credentials: { kind: "identity-token", token: identitytoken } };
  }
  if (username === "" || password === undefined) {
    throw new Failure("invalid", "cannot log in: username and password are needed");
  }
  return { registry, credentials: { kind: "password", username, password } };
}

/** The header for these credentials; see parseRegistryAuth(). */
export function formatRegistryAuth(credentials: RegistryCredentials, serverAddress: string): string {
  const fields = { ...fieldsOf(credentials), serveraddress: serverAddress };
  return Buffer.from(JSON.stringify(fields)).toString("base64url");
}

function fieldsOf(credentials: RegistryCredentials): Readonly<Record<string, string>> {
  switch (credentials.kind) {
    case "password":
      return { username: credentials.username, password: credentials.password };
    case "identity-token":
      return { identitytoken: credentials.token };
    case "registry-token":
      return { registrytoken: credentials.token };
    default:
      return credentials satisfies never;
  }
}
