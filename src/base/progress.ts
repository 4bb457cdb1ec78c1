/** The phases of one layer (or blob), in their usual order. */
export type LayerPhase =
  | "waiting"
  | "downloading"
  | "retrying"
  | "verifying"
  | "downloaded"
  | "unpacking"
  | "done" // in the store now
  | "exists" // was in the store before
  | "compressing"
  | "uploading"
  | "uploaded";

/**
 * The one union of progress: yielded by long use-cases (load, import, pull, push, build), mapped by the
 * daemon to Docker's JSON messages, drawn by the command line. Failures are thrown, never yielded.
 */
export type Progress =
  | {
      readonly kind: "layer";
      /** The displayed id, which later events refer to: twelve hex digits of the digest. */
      readonly id: string;
      readonly phase: LayerPhase;
      /** Of this phase; both absent where nothing is counted. */
      readonly currentBytes?: number | undefined;
      readonly totalBytes?: number | undefined;
    }
  /** An image is complete and named. `reference` is absent for one without a name. */
  | { readonly kind: "image"; readonly id: string; readonly reference?: string | undefined }
  /** One line for a person; `id` groups lines that replace each other. */
  | { readonly kind: "status"; readonly text: string; readonly id?: string | undefined }
  /** Output of a program that runs for the user, newlines included. */
  | { readonly kind: "output"; readonly text: string };
