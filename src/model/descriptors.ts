/**
 * Descriptors that a program receives besides its standard streams. A number is a descriptor of the caller's process;
 * the program receives them as 3, 4, … in this order. `as` sets the number in the program, 3 to 511. The program
 * receives copies; the caller keeps its own.
 */
export type PreserveFds = readonly (number | { readonly fd: number; readonly as: number })[];

/** Where descriptors are to be sent, once, within 30 seconds: one packet of the token with all of them. */
export interface DescriptorOffer {
  /** Path of a socket that only root reaches. */
  readonly socket: string;
  /** Names them to the start or exec that they are for. */
  readonly token: string;
}

/** The descriptors of a process for a start or an exec. */
export interface DescriptorOptions {
  readonly preserveFds?: PreserveFds | undefined;
  /** In place of that: the token of an offer to which they were sent. */
  readonly descriptors?: string | undefined;
}
