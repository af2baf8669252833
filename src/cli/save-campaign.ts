/** What a campaign's folder gets when it has ended: the summary, and the page. */

import { campaignPage, PAGE_FILE, SUMMARY_FILE } from "./saved-campaign.ts";
import type { Session } from "./session.ts";
import type { Store } from "./store.ts";

/** Nothing where the folder could not be written before. @throws CrosstalkError OUTPUT_NOT_WRITABLE */
export function saveCampaign(store: Store, session: Session): void {
  if (session.summary.error?.code === "OUTPUT_NOT_WRITABLE") return;
  store.write(SUMMARY_FILE, `${JSON.stringify(session.summary, null, 2)}\n`);
  store.write(PAGE_FILE, campaignPage(store.folder, session));
}
