import { Failure } from "../base/failure.ts";

declare const brand: unique symbol;

/** Text of one kind: only the functions of this file create one. */
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** 64 hexadecimal digits. */
export type ContainerId = Branded<"ContainerId">;

/** A name, an id, or an unambiguous prefix of an id. */
export type ContainerReference = string;

/** The id of the container that holds the pod's namespaces. */
export type PodId = ContainerId;

/** A pod's name, its id, or an unambiguous prefix of the id. */
export type PodReference = string;

/** 64 hexadecimal digits. */
export type ExecId = Branded<"ExecId">;

/** 64 hexadecimal digits. */
export type NetworkId = Branded<"NetworkId">;

/** A name, an id, or an unambiguous prefix of an id. */
export type NetworkReference = string;

/** 64 hexadecimal digits: one end of one container's run in one network. */
export type EndpointId = Branded<"EndpointId">;

/** One component of a path that does not begin with a dot. */
export type VolumeName = Branded<"VolumeName">;

/** 25 hexadecimal digits. */
export type SecretId = Branded<"SecretId">;

/** Throws "invalid". */
export function parseContainerId(text: string): ContainerId {
  return findContainerId(text) ?? refuse("container", text);
}

/** Undefined for text that is not an id. */
export function findContainerId(text: string): ContainerId | undefined {
  return find<ContainerId>(text, hex64);
}

/** Throws "invalid". */
export function parseExecId(text: string): ExecId {
  return find<ExecId>(text, hex64) ?? refuse("exec session", text);
}

/** Throws "invalid". */
export function parseNetworkId(text: string): NetworkId {
  return find<NetworkId>(text, hex64) ?? refuse("network", text);
}

/** Throws "invalid". */
export function parseEndpointId(text: string): EndpointId {
  return findEndpointId(text) ?? refuse("endpoint", text);
}

/** Undefined for text that is not an id. */
export function findEndpointId(text: string): EndpointId | undefined {
  return find<EndpointId>(text, hex64);
}

/** Throws "invalid". The engine accepts fewer names. */
export function parseVolumeName(text: string): VolumeName {
  return findVolumeName(text) ?? refuse("volume", text);
}

/** Undefined for text that cannot be the name of a volume's directory. */
export function findVolumeName(text: string): VolumeName | undefined {
  return find<VolumeName>(text, component);
}

/** Throws "invalid". */
export function parseSecretId(text: string): SecretId {
  return findSecretId(text) ?? refuse("secret", text);
}

/** Undefined for text that is not an id. */
export function findSecretId(text: string): SecretId | undefined {
  return find<SecretId>(text, secretForm);
}

const hex64 = /^[0-9a-f]{64}$/;
const secretForm = /^[0-9a-f]{25}$/;
const component = /^[^./\0][^/\0]*$/;

/** SAFETY: the only place where text gets a brand. */
function find<Id extends string>(text: string, form: RegExp): Id | undefined {
  const hasForm = (id: string): id is Id => form.test(id);
  return hasForm(text) ? text : undefined;
}

function refuse(what: string, text: string): never {
  const shown = JSON.stringify(text.slice(0, 100));
  throw new Failure("invalid", `cannot use ${shown} as the id or name of a ${what}: it is malformed`);
}
