import type { ClientTls } from "../host.ts";

/**
 * The part of a connected socket that the client needs: node:net implements it; bin has an implementation that loads
 * faster.
 */
export interface ClientSocket extends AsyncIterable<Uint8Array> {
  readonly destroyed: boolean;
  readonly writable: boolean;
  on(event: "data", listener: (piece: Buffer) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "newListener", listener: (event: string | symbol) => void): unknown;
  on(event: "end" | "close" | "drain", listener: (nothing: undefined) => void): unknown;
  once(event: "data", listener: (piece: Buffer) => void): unknown;
  once(event: "error", listener: (error: Error) => void): unknown;
  once(event: "newListener", listener: (event: string | symbol) => void): unknown;
  once(event: "end" | "close" | "drain", listener: (nothing: undefined) => void): unknown;
  off(event: "data", listener: (piece: Buffer) => void): unknown;
  off(event: "error", listener: (error: Error) => void): unknown;
  off(event: "newListener", listener: (event: string | symbol) => void): unknown;
  off(event: "end" | "close" | "drain", listener: (nothing: undefined) => void): unknown;
  pause(): unknown;
  resume(): unknown;
  /** Puts back what was read too much: it is the next piece. */
  unshift(piece: Buffer): void;
  /** False: wait for "drain". */
  write(data: string | Uint8Array, done?: () => void): boolean;
  /** Half-closes it: the peer sees the end, and may go on. */
  end(last?: string | Uint8Array): unknown;
  destroy(error?: Error): unknown;
  ref(): unknown;
  unref(): unknown;
}

export type Address =
  | { readonly path: string }
  | { readonly host: string; readonly port: number; readonly tls?: ClientTls | undefined }
  /** Words of a command whose standard streams are the connection. */
  | { readonly command: readonly string[] };

/** A connected socket, half-open allowed. Rejects with the system's code. */
export type Connector = (address: Address) => Promise<ClientSocket>;
