/** Hex, 64 characters. */
export type ContainerId = string & { readonly brand?: "ContainerId" };

/** A name, an id, or an unambiguous prefix of an id: what a person types. */
export type ContainerReference = string;

/** Hex, 64 characters: the id of the container that holds the pod's namespaces. */
export type PodId = ContainerId;

/** A pod's name, its id, or an unambiguous prefix of that. */
export type PodReference = string;

/** A name, an id, or an unambiguous prefix of an id: what a person types. */
export type NetworkReference = string;
