import { join } from "node:path";
import {
  addComment,
  attach,
  byKey,
  byLogin,
  COMPANY,
  type Company,
  find,
  type SpaceData,
  toIssue,
  toSpace,
} from "./space.ts";

export type { Issue, SpaceData } from "./space.ts";
export { addComment, attach, byKey, byLogin } from "./space.ts";

/** The day on which the story of the sample company is told, a Sunday. */
const TODAY = new Date("2026-11-22T00:00:00Z");

/**
 * The believable space: three live projects, one archived. Its dates are moved
 * by whole weeks, so that its story is told within a week before `now`.
 */
export function sampleData({ japanese = false, now = TODAY } = {}): SpaceData {
  const company = moveDates(COMPANY, now);
  const names = company[japanese ? "japanese" : "english"];
  const data = toSpace(company.projects, names);
  for (const [key, facts] of Object.entries(company.issues)) {
    const created = `${facts.created}:00Z`;
    const updated = `${facts.updated}:00Z`;
    const text = facts.text ?? company.texts[key];
    data.issues.push(toIssue(data, key, { ...facts, text, created, updated }));
  }
  addCustomFields(data, company.fields);
  for (const { on, ...file } of company.files) {
    const text = company.texts[file.name];
    const path = join(import.meta.dir, file.name);
    attach(data, on, text ? new Blob([text]) : Bun.file(path), file);
  }
  const createdUser = byLogin(data, "hana");
  byKey(data, "WEB-5").sharedFiles.push({ ...company.shared, createdUser });
  for (const [key, others] of Object.entries(company.related)) {
    const ids = others.map((other) => byKey(data, other).id);
    data.related.set(byKey(data, key).id, ids);
  }
  for (const { on, ...remark } of company.comments) {
    addComment(data, on, remark);
  }
  const { created } = byKey(data, "WEB-12");
  for (let n = 1; n <= 48; n += 1) {
    addComment(data, "WEB-12", {
      by: ["ken", "hana", "hanako"][n % 3] ?? "",
      at: plus(created, 300 + n * 84_540),
      ...(company.thread[n] ?? { text: `${toRemark(n)} (run ${n})` }),
    });
  }
  return data;
}

function moveDates(company: Company, now: Date): Company {
  const days = Math.floor((+now - +TODAY) / 86_400_000);
  const seconds = (days - (days % 7)) * 86_400;
  const text = JSON.stringify(company).replace(/\b20\d\d-\d\d-\d\d/g, (day) =>
    plus(day, seconds).slice(0, 10),
  );
  return JSON.parse(text);
}

type Size = Record<"projects" | "issues", number> & {
  customStatuses?: boolean;
  closedShare?: number;
  assignedToMe?: number;
};

/** A space of the asked size for tests of scale; `updated` falls by index. */
export function largeData(size: Size): SpaceData {
  const { projects, issues, customStatuses = false } = size;
  const { closedShare = 0.3, assignedToMe = issues } = size;
  const layouts = Array.from({ length: projects }, (_, index) => ({
    ...{ id: 1073900001 + index, name: `Project ${index + 1}` },
    ...{ projectKey: `P${index + 1}`, versions: { "v1.0": [] } },
    customs: customStatuses ? { 検収待ち: 2001 } : undefined,
  }));
  const data = toSpace(layouts, COMPANY.english);
  const custom = customStatuses ? Math.round(issues * 0.05) : 0;
  const closed = Math.round(issues * closedShare);
  const [me, ...others] = COMPANY.users.map((one) => one.userId ?? "legacy");
  for (let index = 0; index < issues; index += 1) {
    // Multiplying by a prime scatters each share over the order of updates.
    const rank = (index * 7919 + 13) % issues;
    const isMine = (index * 104729 + 7) % issues < assignedToMe;
    const standard = rank < custom + closed ? 4 : 1 + (rank % 3);
    const due = plus("2026-10-01", ((index * 11) % 90) * 86_400).slice(0, 10);
    const key = `P${(index % projects) + 1}-${Math.floor(index / projects) + 1}`;
    const issue = toIssue(data, key, {
      id: 1080000000 + index,
      type: "Task",
      title: `${toRemark(index)} #${index + 1}`.replace(/\s+/g, " "),
      text: `Entry ${index + 1} of ${issues}.`,
      status: rank < custom ? "検収待ち" : standard,
      priority: 2 + (index % 3),
      assignee: isMine ? me : others[index % others.length],
      due: index % 4 === 0 ? "" : due,
      created: plus("2026-09-01", -index * 420),
      updated: plus("2026-11-21T14:00:00Z", -index * 420),
    });
    data.issues.push(issue);
  }
  return data;
}

/**
 * Replaces an issue's comments by `count` new ones, a minute apart; those
 * without a text are mere changes.
 */
export function addThread(
  data: SpaceData,
  issueKey: string,
  count: number,
  toText = (n: number): string | undefined => `${toRemark(n)} (${n})`,
): void {
  const { id, created } = byKey(data, issueKey);
  data.comments.delete(id);
  for (let n = 1; n <= count; n += 1) {
    const text = toText(n);
    addComment(data, issueKey, {
      by: ["hana", "ken", "hanako"][n % 3] ?? "",
      at: plus(created, n * 60),
      ...(text === undefined
        ? { changes: [["actualHours", `${n - 1}`, `${n}`]] }
        : { text }),
    });
  }
}

/** An instant, or a day's midnight, some seconds later. */
export function plus(instant: string, seconds: number): string {
  const moved = new Date(Date.parse(instant) + seconds * 1000);
  return moved.toISOString().replace(".000Z", "Z");
}

/** WEB defines one of each type; its bugs have them, most of them empty. */
function addCustomFields(
  { projects, issues }: SpaceData,
  fields: Company["fields"],
): void {
  const web = find(projects, { project: { projectKey: "WEB" } });
  const bug = find(web.issueTypes, { name: "Bug" });
  web.customFields = fields.map(({ id, fieldTypeId: typeId, name, items }) => {
    const { id: projectId } = web.project;
    return { ...COMPANY.alike.field, id, projectId, typeId, name, items };
  });
  for (const issue of issues.filter(({ issueType }) => issueType === bug)) {
    issue.customFields = fields.map(({ items, ...filled }) => ({
      ...filled,
      ...(issue.issueKey !== "WEB-5" && {
        value: Array.isArray(filled.value) ? [] : null,
        ...("otherValue" in filled && { otherValue: null }),
      }),
    }));
  }
}

function toRemark(n: number): string | undefined {
  return COMPANY.remarks[n % COMPANY.remarks.length];
}
