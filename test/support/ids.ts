/** Text as an id of this type, whatever its form: ids of tests are short and readable. */
export function asId<Id extends string>(text: string): Id {
  return text as Id;
}
