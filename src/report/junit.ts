/** JUnit XML for CI systems: a test case a law. A known failure passes, and says so. */

import { create } from "xmlbuilder2";
import { isNew, type RunReport } from "./summary.ts";
import { headline, knownText, reproduction } from "./wording.ts";

/** What an element of XML holds: attributes by `@name`, text by `#`, elements by their name. */
type Xml = { readonly [name: string]: string | number | Xml | readonly Xml[] };

/** Of a character that XML 1.0 cannot hold, such as a terminal's escape in a server's log. */
const OPTIONS = { version: "1.0", encoding: "UTF-8", invalidCharReplacement: "" } as const;

export function formatJunit(report: RunReport): string {
  const { error, target, verdict } = report.summary;
  const engine = target?.engine ?? "no-target";
  const cases = caseNames(report).map(
    (law): Xml => ({ "@classname": `crosstalk.${engine}`, "@name": law, ...outcome(report, law) }),
  );
  if (error !== null) {
    const text = {
      "@type": error.code,
      "@message": error.message.split("\n")[0]!,
      "#": `${error.message}\n${error.hint}`,
    };
    cases.push({ "@classname": `crosstalk.${engine}`, "@name": "could test", error: text });
  }
  const having = (element: string) => cases.filter((one) => element in one).length;
  const counts = {
    "@tests": cases.length,
    "@failures": having("failure"),
    "@errors": having("error"),
    "@skipped": having("skipped"),
  };
  const suite = { "@name": "crosstalk", ...counts, properties: properties(report), testcase: cases };
  const root = { testsuites: { "@name": `crosstalk: ${verdict}`, ...counts, testsuite: suite } };
  return `${create(OPTIONS, root).end({ prettyPrint: true })}\n`;
}

/** The laws in their order. An error ends a run without them: then those that were broken until then. */
function caseNames({ summary }: RunReport): readonly string[] {
  return [...new Set([...summary.laws.map(({ id }) => id), ...summary.findings.map(({ law }) => law)])];
}

function properties({ summary: { counts, out, seed, target } }: RunReport): Xml {
  const values = {
    ...(target === null ? {} : { engine: target.engine, version: target.version, target: target.kind }),
    ...(seed === null ? {} : { seed }),
    traces: counts.traces,
    requests: counts.requests,
    ...(out === null ? {} : { out }),
  };
  return { property: Object.entries(values).map(([name, value]) => ({ "@name": name, "@value": value })) };
}

function outcome({ findings, summary }: RunReport, law: string): Xml {
  const tally = summary.laws.find(({ id }) => id === law);
  const ofLaw = summary.findings
    .map((found, i) => ({ ...found, ...findings[i]! }))
    .filter((found) => found.law === law);
  const broken = ofLaw.find(isNew);
  if (broken !== undefined) {
    const { explanation, finding, folder } = broken;
    const text = [explanation, "", "Reproduce with:", ...reproduction(finding, folder)].join("\n");
    return { failure: { "@type": broken.class, "@message": headline(finding.anomaly), "#": text } };
  }
  if (tally?.status === "fail") return { failure: { "@type": "unexplained", "@message": tally.reason } };
  if (tally?.status === "inconclusive") return { skipped: { "@message": tally.reason } };
  const known = ofLaw.map((found) => knownText(found)).join("\n");
  return known === "" ? {} : { "system-out": known };
}
