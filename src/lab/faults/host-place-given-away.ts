import { CELLS, cachesWithHost, defineFault, instead } from "./fault.ts";

export const hostPlaceGivenAway = defineFault({
  name: "host-place-given-away",
  mistake: "A full host tier gives a block away that is still being written, and both stores count as complete.",
  class: "C3",
  resembles: {
    title: "SGLang HiCache: host blocks are evicted in the middle of the copy that writes them",
    url: "https://github.com/sgl-project/sglang/pull/28468",
  },
  trigger: "more blocks evicted at once than the host holds, and the first of them asked for again",
  symptom: "a load brings cells of the prompt that was stored in its place",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: CELLS,
  heals: ["no-cache"],
  plant(lab) {
    for (const { host } of cachesWithHost(lab)) {
      instead(host, "giveAway", (giveAway) => () => {
        const [oldest] = host.storing;
        return oldest?.place ?? giveAway();
      });
    }
  },
});
