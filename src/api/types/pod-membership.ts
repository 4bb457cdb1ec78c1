/** The pod of a container, where containers are described. */
export interface PodMembership {
  readonly Id: string;
  readonly Name: string;
  readonly IsInfra: boolean;
}
