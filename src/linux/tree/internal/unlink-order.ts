import type { FailureKind } from "../../../base/failure.ts";
import type { Fd } from "../../kernel/fd.ts";

export type UnlinkOrder =
  /** Removes what of these is no directory; what can't be removed stays. */
  | { readonly kind: "files"; readonly directory: Fd; readonly names: readonly string[] }
  | { readonly kind: "tree"; readonly parent: Fd; readonly name: string }
  | { readonly kind: "leave" };

/** One for each order but the last. */
export type UnlinkAnswer =
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly failure: { readonly kind: FailureKind; readonly sentence: string } };
