import type { IpFamily } from "../../spec/ip-address.ts";

/** The first packet of a connection from an unknown sender. */
export interface TestPacket {
  readonly family: IpFamily;
  readonly protocol: number;
  readonly inInterface: { readonly name: string; readonly index: number };
  readonly outInterface?: { readonly name: string; readonly index: number } | undefined;
  readonly destination?: Uint8Array | undefined;
  readonly destinationPort: number;
  /** Its destination was changed on the way: it goes to a container. */
  readonly isTranslated: boolean;
}
