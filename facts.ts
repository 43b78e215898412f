import { CLOSED } from "./backlog.ts";
import { formatDistance, formatInstant, toCalendarDay } from "./dates.ts";
import type { Comment, Issue, IssueRow } from "./responses.ts";
import {
  ANSWER_SIZE,
  Cleaner,
  cutText,
  formatCut,
  type Person,
  type Size,
  share,
  sizeOf,
  smaller,
  subtract,
  takeWhileFitting,
  toQuote,
} from "./text.ts";

/** How one answer tells the same thing in the same words everywhere. */
export interface Wording {
  timeZone: string;
  /** The space's own, where a day is written in it. */
  spaceTimeZone: string | undefined;
  /** Statuses by ID, as far as the answer knows them. */
  statuses: ReadonlyMap<number, string>;
  /** A person's name, told apart from others who bear it. */
  toPerson: (person: Person) => string;
  /** A line with the people it mentions by name. */
  toLine: (line: string) => string;
}

/** One issue and what else was read of it. */
export interface IssueFacts {
  issue: Issue;
  address: string;
  parent: IssueRow | undefined;
  children: Children | undefined;
  related: readonly IssueRow[];
}

export interface Children {
  issues: IssueRow[];
  total: number;
  closed?: number;
  /** Counted by Backlog, yet in no list: deeper ones, or not to be read. */
  unlisted: number;
}

/** Everything of an issue but its long texts, as it stands in the answer. */
export interface FactsText {
  /** One fact a line, and the lists that are short. */
  short: string[];
  /** The lists that are long; they stand below the description. */
  long: string[];
  removed: number;
  /** How many custom fields are cut. */
  cutFields: number;
}

// A longer list stands below the description, which is read first.
const SHORT_LIST = 10;
const MOST_INLINE = 30;
const FIELD_SHARE = share(ANSWER_SIZE, 0.05);

/** The facts, one a line; `today` is a day in the time zone asked for. */
export function formatFacts(
  facts: IssueFacts,
  wording: Wording,
  today: string,
): FactsText {
  const clean = new Cleaner();
  const lists = new FactLists(`at ${facts.address}`);
  const { issue } = facts;
  const day = (value: string | Nothing) =>
    value ? toCalendarDay(value, wording.spaceTimeZone) : undefined;
  const fact = (name: string, value: string | number | Nothing) =>
    (value ?? "") === "" ? [] : [`- ${name}: ${value}`];
  const named = (name: string, value: { name: string } | Nothing) =>
    fact(name, value && clean.name(value.name));
  const names = (name: string, values: Nothing | { name: string }[]) =>
    fact(name, lists.inline((values ?? []).map((one) => clean.name(one.name))));
  const happened = (
    name: string,
    instant: string | Nothing,
    person: Person | Nothing,
  ) => {
    const at = instant ? [formatInstant(instant, wording.timeZone)] : [];
    const by = person ? [`by ${wording.toPerson(person)}`] : [];
    return fact(name, [...at, ...by].join(" "));
  };
  const toOther = (row: IssueRow) =>
    formatOther(row, { wording, clean, today, day: day(row.dueDate) });
  const fields = formatCustomFields(issue, day, { wording, clean });
  const own = [
    ...named("Status", issue.status),
    ...named("Type", issue.issueType),
    ...named("Priority", issue.priority),
    ...named("Resolution", issue.resolution),
    ...fact("Assignee", formatAssignee(issue, wording)),
    ...fact("Due", formatDue(issue, day(issue.dueDate), today)),
    ...fact("Start", day(issue.startDate)),
    ...fact("Estimated hours", issue.estimatedHours),
    ...fact("Actual hours", issue.actualHours),
    ...names("Milestones", issue.milestone),
    ...names("Versions", issue.versions),
    ...names("Categories", issue.category),
    ...happened("Created", issue.created, issue.createdUser),
    ...happened("Updated", issue.updated, issue.updatedUser),
    ...(facts.parent ? fact("Parent", toOther(facts.parent)) : []),
  ];
  const sections = [
    lists.section("Custom fields", fields.lines, { part: 0.15 }),
    formatChildren(facts, toOther, lists),
    lists.section("Related issues", facts.related.map(toOther)),
    lists.section(
      "Attachments",
      (issue.attachments ?? []).map((file) =>
        formatAttachment(file, issue.issueKey, { wording, clean }),
      ),
    ),
    lists.section(
      "Shared files (named only; they open in Backlog)",
      (issue.sharedFiles ?? []).map((file) =>
        formatFile(file, { wording, clean }),
      ),
    ),
    lists.section(
      "Links",
      (issue.externalFileLinks ?? []).map((link) => formatLink(link, clean)),
    ),
  ];
  const isShort = (lines: readonly string[]) => lines.length <= SHORT_LIST + 1;
  return {
    short: [...own, ...sections.filter(isShort).flat()],
    long: sections.filter((lines) => !isShort(lines)).flat(),
    removed: clean.removed,
    cutFields: fields.cut,
  };
}

type Nothing = null | undefined;

/** What everything that names people and texts needs. */
interface Pen {
  wording: Wording;
  clean: Cleaner;
}

/** Null is nobody; what could not be read is not known. */
function formatAssignee(
  { assignee }: Pick<IssueRow, "assignee">,
  { toPerson }: Wording,
): string {
  if (assignee === undefined) return "?";
  return assignee === null ? "nobody" : toPerson(assignee);
}

/** `2026-11-25 (in 3 days)`; the distance only while there is still time. */
function formatDue(
  { dueDate, status }: Pick<IssueRow, "dueDate" | "status">,
  day: string | undefined,
  today: string,
): string {
  if (dueDate === undefined) return "?";
  if (day === undefined) return "none";
  return status.id === CLOSED ? day : `${day} (${formatDistance(day, today)})`;
}

/** `WEB-2 [Open] Hana Mori, due 2026-11-25 (in 3 days): Title`. */
function formatOther(
  row: IssueRow,
  {
    wording,
    clean,
    today,
    day,
  }: Pen & { today: string; day: string | undefined },
): string {
  const status = clean.name(row.status.name);
  const who = formatAssignee(row, wording);
  const due = formatDue(row, day, today);
  return `${row.issueKey} [${status}] ${who}, due ${due}: ${clean.line(row.summary)}`;
}

/** Lists of facts: each has a share, and all together leave room for text. */
class FactLists {
  #left = share(ANSWER_SIZE, 0.55);

  /** `elsewhere`: where all of every list can be read. */
  constructor(private readonly elsewhere: string) {}

  /** Names in one line while they fit, then a count. */
  inline(names: readonly string[]): string {
    const shown = this.#take(names.slice(0, MOST_INLINE), 0.03);
    const more = names.length - shown.length;
    return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
  }

  /** Whole lines while they fit, then a count and the way to the rest. */
  section(
    title: string,
    entries: readonly string[],
    { rest = this.elsewhere, part = 0.08, total = entries.length } = {},
  ): string[] {
    if (total === 0) return [];
    const lines = entries.map((entry) => `  - ${entry}`);
    const shown = this.#take(lines, part);
    const more = total - shown.length;
    const others = more > 0 ? [`  - … and ${more} more: ${rest}`] : [];
    return [`- ${title}:`, ...shown, ...others];
  }

  #take(lines: readonly string[], part: number): string[] {
    const room: Size = smaller(share(ANSWER_SIZE, part), this.#left);
    const shown = takeWhileFitting(lines, room);
    this.#left = subtract(this.#left, sizeOf(`${shown.join("\n")}\n`));
    return shown;
  }
}

function formatChildren(
  { issue: { issueKey }, children }: IssueFacts,
  toOther: (row: IssueRow) => string,
  lists: FactLists,
): string[] {
  if (children === undefined) return [];
  const { issues, total, closed, unlisted } = children;
  const title = `Children (${total}${closed === undefined ? "" : `, ${closed} closed`})`;
  const all = {
    parent_issue_keys: [issueKey],
    assignee_names: ["anyone"],
    status_names: ["any"],
  };
  const listed = lists.section(title, issues.map(toOther), {
    total: total - unlisted,
    rest: `get_user_issue_list ${JSON.stringify(all)}`,
  });
  if (unlisted === 0) return listed;
  const more = `  - … and ${unlisted} that Backlog counts but lists to nobody with this key`;
  return listed.length > 0 ? [...listed, more] : [`- ${title}:`, more];
}

type CustomField = NonNullable<Issue["customFields"]>[number];
const DATE_FIELD = 4;

/** The day of a date field, as Backlog writes it. */
export function toFieldDay({
  fieldTypeId,
  value,
}: CustomField): string | undefined {
  if (fieldTypeId !== DATE_FIELD || typeof value !== "string") return undefined;
  const isDay = /^\d{4}-\d\d-\d\d(T[\d:.]+Z)?$/.test(value);
  return isDay && !Number.isNaN(Date.parse(value)) ? value : undefined;
}

/** A custom field's text: what was written, or chosen, or is behind "other". */
export function toFieldText(
  { value, otherValue }: CustomField,
  clean: Cleaner,
): string {
  if (typeof value === "string" && !otherValue) {
    return clean.text(value);
  }
  const chosen = (Array.isArray(value) ? value : [value]).map((item) =>
    typeof item === "object" && item !== null ? item.name : `${item ?? ""}`,
  );
  return [...chosen, otherValue ?? ""]
    .filter((text) => text !== "")
    .map((text) => clean.name(text))
    .join(", ");
}

function formatCustomFields(
  { issueKey, customFields }: Issue,
  toDay: (value: string | Nothing) => string | undefined,
  pen: Pen,
): { lines: string[]; cut: number } {
  const lines: string[] = [];
  let cut = 0;
  for (const field of customFields ?? []) {
    const text = toDay(toFieldDay(field)) ?? toFieldText(field, pen.clean);
    if (text === "") continue;
    const label = `${pen.clean.name(field.name)}:`;
    if (text.length <= 300 && !text.includes("\n")) {
      lines.push(`${label} ${pen.wording.toLine(text)}`);
      continue;
    }
    const part = cutText(
      text,
      { from: 0, room: FIELD_SHARE },
      pen.wording.toLine,
    );
    const more = (place: number) =>
      `issue_key ${issueKey}#field-${field.id}-${place}`;
    const notice = formatCut(part, field.id ? more : () => "only in Backlog");
    if (notice !== "") cut += 1;
    lines.push(
      [label, toQuote(part.lines), ...(notice ? [notice] : [])].join("\n"),
    );
  }
  return { lines, cut };
}

type FileFact = NonNullable<Issue["attachments"]>[number];

/** `trace.txt (8.1 kB, by Hana Mori)`. */
function formatFile(
  { dir, name, size, createdUser }: FileFact,
  { wording, clean }: Pen,
): string {
  const facts = [
    ...(typeof size === "number" ? [formatBytes(size)] : []),
    ...(createdUser ? [`by ${wording.toPerson(createdUser)}`] : []),
  ];
  const suffix = facts.length > 0 ? ` (${facts.join(", ")})` : "";
  return `${clean.name(`${dir ?? ""}${name}`, 500)}${suffix}`;
}

function formatAttachment(file: FileFact, key: string, pen: Pen): string {
  const way = file.id ? `: issue_key ${key}#attachment-${file.id}` : "";
  return `${formatFile(file, pen)}${way}`;
}

/** `8.1 kB`, in powers of ten. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${Number((bytes / 1_000).toFixed(1))} kB`;
  return `${Number((bytes / 1_000_000).toFixed(1))} MB`;
}

function formatLink(
  { title, url }: NonNullable<Issue["externalFileLinks"]>[number],
  clean: Cleaner,
): string {
  const address = clean.line(url, 500);
  return title ? `${address} ${clean.line(title)}` : address;
}

// Backlog's inner names, in the words of its pages.
const FIELDS: Record<string, string> = {
  actualHours: "actual hours",
  assigner: "assignee",
  component: "category",
  estimatedHours: "estimated hours",
  issueType: "type",
  limitDate: "due date",
  parentIssue: "parent issue",
  startDate: "start date",
  summary: "title",
};
const DATE_FIELDS = ["limitDate", "startDate"];
const DATE_ATTRIBUTE = "4";

export type Change = NonNullable<Comment["changeLog"]>[number];

/** `- status: Open → In Progress`, a line each, as many as fit. */
export function formatChanges(
  changes: readonly Change[],
  wording: Pick<Wording, "statuses" | "spaceTimeZone">,
  { clean, room }: { clean: Cleaner; room: Size },
): string[] {
  const shown: string[] = [];
  let left = room;
  for (const change of changes) {
    const line = `- ${formatChange(change, wording, clean)}`;
    const [fitting] = takeWhileFitting([line], left);
    if (fitting === undefined) break;
    left = subtract(left, sizeOf(`${line}\n`));
    shown.push(line);
  }
  const more = changes.length - shown.length;
  return more > 0 ? [...shown, `- … and ${more} more changes`] : shown;
}

/** `status: Open → In Progress`; what had or has no value is none. */
function formatChange(
  change: Change,
  wording: Pick<Wording, "statuses" | "spaceTimeZone">,
  clean: Cleaner,
): string {
  const { field, attributeInfo, originalValue, newValue } = change;
  // Both texts may be long, and the new one stands above already.
  if (field === "description" && !attributeInfo) return "description changed";
  const name = attributeInfo
    ? `custom field ${clean.name(field)}`
    : clean.name(FIELDS[field] ?? field);
  const added = originalValue ? undefined : change.attachmentInfo?.name;
  const [from, to] = [originalValue, newValue || added];
  if (!from && !to) return name;
  const none = field === "assigner" && !attributeInfo ? "nobody" : "none";
  const [old, now] = [from, to].map((value) => {
    if (!value) return none;
    const line = clean.line(toValue(change, value, wording), 300);
    return line.includes("→") ? JSON.stringify(line) : line;
  });
  return `${name}: ${old} → ${now}`;
}

/** A day in one form, a status by its name: as the facts have them. */
function toValue(
  { field, attributeInfo }: Change,
  value: string,
  { statuses, spaceTimeZone }: Pick<Wording, "statuses" | "spaceTimeZone">,
): string {
  const isDate = attributeInfo
    ? String(attributeInfo.typeId) === DATE_ATTRIBUTE
    : DATE_FIELDS.includes(field);
  if (isDate) return toOneDateForm(value, spaceTimeZone);
  const id = toStatusId({ field, attributeInfo }, value);
  return (id === undefined ? undefined : statuses.get(id)) ?? value;
}

/** The status that a change names by its ID; both forms occur. */
export function toStatusId(
  { field, attributeInfo }: Pick<Change, "field" | "attributeInfo">,
  value: string | null | undefined,
): number | undefined {
  if (field !== "status" || attributeInfo) return undefined;
  return /^[1-9]\d{0,9}$/.test(value ?? "") ? Number(value) : undefined;
}

const INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

/** The days of a change that are written as instants. */
export function listInstants({ originalValue, newValue }: Change): string[] {
  return [originalValue, newValue].flatMap((value) =>
    value && INSTANT.test(value) && !Number.isNaN(Date.parse(value))
      ? [value]
      : [],
  );
}

function toOneDateForm(text: string, spaceTimeZone: string | undefined) {
  const [, year, month, day] =
    /^(\d{4})[/-](\d\d?)[/-](\d\d?)$/.exec(text) ?? [];
  if (year && month && day) {
    return `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  }
  const isInstant = INSTANT.test(text) && !Number.isNaN(Date.parse(text));
  return isInstant ? toCalendarDay(text, spaceTimeZone) : text;
}
