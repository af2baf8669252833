import { CELLS, cachesWithHost, defineFault, instead } from "./fault.ts";

export const loadSourceNotHeld = defineFault({
  name: "load-source-not-held",
  mistake: "The host blocks of a load may be given away as soon as it has begun, not when it is done.",
  class: "C1",
  resembles: {
    title: "SGLang HiCache: the host's blocks are not protected until a load is acknowledged",
    url: "https://github.com/sgl-project/sglang/pull/31427",
  },
  trigger: "a full host tier that stores evicted blocks while it loads others",
  symptom: "the load brings cells of the prompt that is stored in its place",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: CELLS,
  heals: ["no-cache"],
  plant(lab) {
    for (const { host } of cachesWithHost(lab)) {
      const loading = new Set<readonly number[]>();
      instead(host, "load", (load) => (clock, places, device, blocks, micros, done) => {
        host.unpin(places);
        loading.add(places);
        return load(clock, places, device, blocks, micros, done);
      });
      instead(host, "unpin", (unpin) => (places) => {
        if (!loading.delete(places)) unpin(places);
      });
    }
  },
});
