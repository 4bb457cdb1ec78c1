/**
 * Descriptors that a program gets besides its standard streams. In the caller's process: each is a descriptor's number there,
 * and the program finds them as 3, 4, … in this order; or `as` says which number it has in the program, 3 to 511. The
 * program gets copies; the caller's stay its own.
 */
export type PreserveFds = readonly (number | { readonly fd: number; readonly as: number })[];

/** Where descriptors are to be sent, once, within 30 seconds: one packet of the token with all of them. */
export interface DescriptorOffer {
  /** Path of a socket that only root reaches. */
  readonly socket: string;
  /** Names them to the start or exec that they are for. */
  readonly token: string;
}

/** What a start or an exec is given of a process. */
export interface DescriptorOptions {
  readonly preserveFds?: PreserveFds | undefined;
  /** In place of that: the token of an offer to which they were sent. */
  readonly descriptors?: string | undefined;
}
