/** The faults that a zoo hunts for: the lab's, and those of a folder. */

import { CrosstalkError } from "../errors.ts";
import { LAB_FAULTS, type LabFault } from "../lab/faults/index.ts";
import { faultsOf } from "./lab-faults.ts";

/** By name, in the order of the zoo. @throws CrosstalkError INVALID_OPTION */
export async function zooFaults(folder: string | undefined): Promise<ReadonlyMap<string, LabFault>> {
  const all = folder === undefined ? LAB_FAULTS : [...LAB_FAULTS, ...(await faultsOf(folder))];
  const names = all.map((fault) => fault.name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined)
    throw new CrosstalkError("INVALID_OPTION", `two faults are called ${twice}`, "Give each a name of its own.");
  return new Map(all.map((fault) => [fault.name, fault]));
}
