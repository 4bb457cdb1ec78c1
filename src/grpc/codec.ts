import protobuf from "protobufjs/light.js";
import { Failure } from "../base/failure.ts";

/** Descriptors of messages in the form of protobufjs' JSON: names, fields with their numbers and types, enums. */
export type DescriptorJson = protobuf.INamespace;

/** A message with any of its fields, at any depth: absent ones have their default. */
export type Sendable<T> = { readonly [Key in keyof T]?: SendableField<T[Key]> | undefined };

type SendableField<T> = T extends Uint8Array
  ? Uint8Array
  : T extends readonly (infer Element)[]
    ? readonly SendableField<Element>[]
    : T extends object
      ? Sendable<T>
      : T;

/** Messages of one type ⇄ bytes. `Sent`: what can be encoded. */
export interface Codec<T, Sent = Sendable<T>> {
  encode(message: Sent): Buffer;
  /**
   * All fields have a value: absent messages are null, absent members of a choice undefined; 64-bit numbers above 2⁵³
   * lose digits. Throws "invalid" for bytes that are no such message.
   */
  decode(bytes: Uint8Array): T;
}

/** The codecs of a set of messages by their names: `{ "pb.Platform": Platform }`. */
export class Codecs<Messages extends Readonly<Record<keyof Messages, object>>> {
  readonly #root: protobuf.NamespaceBase;

  constructor(descriptors: DescriptorJson) {
    this.#root = protobuf.Root.fromJSON(descriptors);
    this.#root.resolveAll();
  }

  of<Name extends keyof Messages & string>(name: Name): Codec<Messages[Name]> {
    const type = this.#root.lookupType(name);
    return {
      encode: (message) => Buffer.from(type.encode(Object.fromEntries(Object.entries(message))).finish()),
      decode: (bytes) => {
        let object: unknown;
        try {
          object = type.toObject(type.decode(bytes), decoding);
        } catch (cause) {
          throw new Failure("invalid", `cannot read a message of type ${name}: it is malformed`, { cause });
        }
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the interface is written from the descriptor
        return object as Messages[Name];
      },
    };
  }
}

const decoding = { longs: Number, bytes: Buffer, defaults: true, arrays: true, objects: true };
