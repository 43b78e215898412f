import { formatDistance, formatInstant, toCalendarDay } from "./dates.ts";
import {
  CLOSED,
  type Comment,
  type Issue,
  type IssueRow,
} from "./responses.ts";
import {
  ANSWER_SIZE,
  type Cleaner,
  cutText,
  formatSome,
  type Person,
  quoteCut,
  type Size,
  share,
  sizeOf,
  smaller,
  subtract,
  takeWhileFitting,
} from "./text.ts";

/** Where and when an answer is read. */
export interface View {
  /** Such as `https://your-space.backlog.com`. */
  origin: string;
  timeZone: string;
  /** The day it is there, `2026-11-22`. */
  today: string;
}

/** How one answer tells the same thing in the same words everywhere. */
export interface Pen extends View {
  /** The space's own, where a day is written in it. */
  spaceTimeZone?: string | undefined;
  /** Statuses by ID, as far as the answer knows them. */
  statuses: ReadonlyMap<number, string>;
  /** A person's name, told apart from others who bear it. */
  toPerson: (person: Person) => string;
  /** A line with the people it mentions by name. */
  toLine: (line: string) => string;
  clean: Cleaner;
}

/** One issue and what else was read of it. */
export interface IssueFacts {
  issue: Issue;
  parent?: IssueRow | undefined;
  children?: Children | undefined;
  related: readonly IssueRow[];
}

/** The child issues that are listed, and how many there are in all. */
export interface Children {
  issues: IssueRow[];
  total: number;
  closed: number | null | undefined;
  /** Counted by Backlog, yet in no list: deeper ones, or not to be read. */
  unlisted: number;
}

/** Everything of an issue but its long texts, as it stands in the answer. */
export interface FactsText {
  /** One fact a line, and the lists that are short. */
  short: string[];
  /** The lists that are long; they stand below the description. */
  long: string[];
  /** How many custom fields are cut. */
  cutFields: number;
}

// A longer list stands below the description, which is read first.
const SHORT_LIST = 10;
const MOST_INLINE = 30;
const LONG_VALUE = 300;
const FIELD_SHARE = share(ANSWER_SIZE, 0.05);

/** The facts, one a line. */
export function formatFacts(facts: IssueFacts, pen: Pen): FactsText {
  const lists = new FactLists(`at ${pen.origin}/view/${facts.issue.issueKey}`);
  const fields = formatCustomFields(facts.issue, pen);
  // What stands first takes its room first.
  const own = formatOwn(facts, pen, lists);
  const sections = [
    lists.section("Custom fields", fields.lines, { part: 0.15 }),
    ...formatLists(facts, pen, lists),
  ];
  const isShort = (lines: readonly string[]) => lines.length <= SHORT_LIST + 1;
  return {
    short: [...own, ...sections.filter(isShort).flat()],
    long: sections.filter((lines) => !isShort(lines)).flat(),
    cutFields: fields.cut,
  };
}

function formatOwn({ issue, parent }: IssueFacts, pen: Pen, lists: FactLists) {
  const { clean } = pen;
  const named = (thing: { name: string } | Nothing) =>
    thing && clean.name(thing.name);
  const names = (things: { name: string }[] | Nothing) =>
    lists.inline((things ?? []).map(({ name }) => clean.name(name)));
  const happened = (instant: string | Nothing, person: Person | Nothing) => {
    const at = instant ? [formatInstant(instant, pen.timeZone)] : [];
    const by = person ? [`by ${pen.toPerson(person)}`] : [];
    return [...at, ...by].join(" ");
  };
  const { startDate: start } = issue;
  const own: [name: string, value: string | number | Nothing][] = [
    ["Status", named(issue.status)],
    ["Type", named(issue.issueType)],
    ["Priority", named(issue.priority)],
    ["Resolution", named(issue.resolution)],
    ["Assignee", formatAssignee(issue, pen)],
    ["Due", formatDue(issue, pen)],
    ["Start", start && toCalendarDay(start, pen.spaceTimeZone)],
    ["Estimated hours", issue.estimatedHours],
    ["Actual hours", issue.actualHours],
    ["Milestones", names(issue.milestone)],
    ["Versions", names(issue.versions)],
    ["Categories", names(issue.category)],
    ["Created", happened(issue.created, issue.createdUser)],
    ["Updated", happened(issue.updated, issue.updatedUser)],
    ["Parent", parent && formatOther(parent, pen)],
  ];
  const known = own.filter(([, value]) => (value ?? "") !== "");
  return known.map(([name, value]) => `- ${name}: ${value}`);
}

function formatLists(facts: IssueFacts, pen: Pen, lists: FactLists) {
  const { issueKey, attachments, sharedFiles, externalFileLinks } = facts.issue;
  const toOther = (row: IssueRow) => formatOther(row, pen);
  return [
    formatChildren(facts, toOther, lists),
    lists.section("Related issues", facts.related.map(toOther)),
    lists.section(
      "Attachments",
      (attachments ?? []).map((file) => {
        const way = `: issue_key ${issueKey}#attachment-${file.id}`;
        return `${formatFile(file, pen)}${file.id ? way : ""}`;
      }),
    ),
    lists.section(
      "Shared files (named only; they open in Backlog)",
      (sharedFiles ?? []).map((file) => formatFile(file, pen)),
    ),
    lists.section(
      "Links",
      (externalFileLinks ?? []).map(({ title, url }) => {
        const address = pen.clean.line(url, 500);
        return title ? `${address} ${pen.clean.line(title)}` : address;
      }),
    ),
  ];
}

type Nothing = null | undefined;

/** Null is none; missing or of a wrong form is unknown. */
export function orNone<Value>(
  value: Value | Nothing,
  write: (value: Value) => string,
  none = "none",
): string {
  return value ? write(value) : value === null ? none : "?";
}

function formatAssignee({ assignee }: IssueRow, { toPerson }: Pen): string {
  return orNone(assignee, toPerson, "nobody");
}

/** `2026-11-25 (in 3 days)`; the distance only while there is still time. */
function formatDue({ dueDate, status }: IssueRow, pen: Pen): string {
  return orNone(dueDate, (due) => {
    const day = toCalendarDay(due, pen.spaceTimeZone);
    if (status.id === CLOSED) return day;
    return `${day} (${formatDistance(day, pen.today)})`;
  });
}

/** `WEB-2 [Open] Hana Mori, due 2026-11-25 (in 3 days): Title`. */
function formatOther(row: IssueRow, pen: Pen): string {
  const status = pen.clean.name(row.status.name);
  const who = formatAssignee(row, pen);
  const due = formatDue(row, pen);
  return `${row.issueKey} [${status}] ${who}, due ${due}: ${pen.clean.line(row.summary)}`;
}

/** Lists of facts: each has a share, and all together leave room for text. */
class FactLists {
  #left = share(ANSWER_SIZE, 0.55);

  /** `elsewhere`: where all of every list can be read. */
  constructor(private readonly elsewhere: string) {}

  /** Names in one line while they fit, then a count. */
  inline(names: readonly string[]): string {
    const shown = this.#take(names.slice(0, MOST_INLINE), 0.03);
    return formatSome(names, shown.length);
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
  const title = `Children (${total}${closed == null ? "" : `, ${closed} closed`})`;
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
  return isDay(value) ? value : undefined;
}

/** Alone, or as an instant within it. */
function isDay(text: string): boolean {
  const isWritten = /^\d{4}-\d\d-\d\d(T[\d:.]+Z)?$/.test(text);
  return isWritten && !Number.isNaN(Date.parse(text));
}

/** A custom field's day, or what was written, or chosen, or is behind "other". */
export function toFieldText(
  field: CustomField,
  { clean, spaceTimeZone }: Pick<Pen, "clean" | "spaceTimeZone">,
): string {
  const day = toFieldDay(field);
  if (day !== undefined) return toCalendarDay(day, spaceTimeZone);
  const { value, otherValue } = field;
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
  pen: Pen,
): { lines: string[]; cut: number } {
  const { clean, toLine } = pen;
  const lines: string[] = [];
  let cut = 0;
  for (const field of customFields ?? []) {
    const text = toFieldText(field, pen);
    if (text === "") continue;
    const label = `${clean.name(field.name)}:`;
    if (text.length <= LONG_VALUE && !text.includes("\n")) {
      lines.push(`${label} ${toLine(text)}`);
      continue;
    }
    const part = cutText(text, { from: 0, room: FIELD_SHARE }, toLine);
    const { quoted, notice } = quoteCut(part, (place) =>
      field.id
        ? `issue_key ${issueKey}#field-${field.id}-${place}`
        : "only in Backlog",
    );
    if (notice) cut += 1;
    lines.push([label, ...quoted].join("\n"));
  }
  return { lines, cut };
}

/** `trace.txt (8.1 kB, by Hana Mori)`. */
function formatFile(file: FileFact, { toPerson, clean }: Pen): string {
  const facts = listFileFacts(file, toPerson).join(", ");
  const name = clean.name(`${file.dir ?? ""}${file.name}`, 500);
  return facts === "" ? name : `${name} (${facts})`;
}

type FileFact = NonNullable<Issue["attachments"]>[number];

/** What is known of a file's size, and of who brought it. */
export function listFileFacts(
  { size, createdUser }: FileFact,
  toPerson: Pen["toPerson"],
): string[] {
  return [
    ...(typeof size === "number" ? [formatBytes(size)] : []),
    ...(createdUser ? [`by ${toPerson(createdUser)}`] : []),
  ];
}

/** `8.1 kB`, in powers of ten. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${Number((bytes / 1_000).toFixed(1))} kB`;
  return `${Number((bytes / 1_000_000).toFixed(1))} MB`;
}

// Backlog's inner names, in the words of its pages.
const FIELDS = new Map([
  ["actualHours", "actual hours"],
  ["assigner", "assignee"],
  ["component", "category"],
  ["estimatedHours", "estimated hours"],
  ["issueType", "type"],
  ["limitDate", "due date"],
  ["parentIssue", "parent issue"],
  ["startDate", "start date"],
  ["summary", "title"],
]);
const DATE_FIELDS = ["limitDate", "startDate"];

type Change = NonNullable<Comment["changeLog"]>[number];

/** `- status: Open → In Progress`, a line each, as many as fit. */
export function formatChanges(
  { changeLog }: Comment,
  { place, room }: { place: string; room: Size },
  pen: Pen,
): string[] {
  const changes = changeLog ?? [];
  const lines = changes.map((one) => `- ${formatChange(one, pen)}`);
  const shown = takeWhileFitting(lines, room);
  const more = lines.length - shown.length;
  const isLong = (change: Change) =>
    !isDescription(change) &&
    [change.originalValue, change.newValue].some(
      (value) => value && value.length > LONG_VALUE,
    );
  if (more === 0 && !changes.some(isLong)) return shown;
  const others = more > 0 ? `… and ${more} more; ` : "";
  return [
    ...shown,
    `- ${others}in full in Backlog: ${pen.origin}/view/${place}`,
  ];
}

/** The field of Backlog's own; a custom one may be called the same. */
function toOwnField({ field, attributeInfo }: Change): string | undefined {
  return attributeInfo ? undefined : field;
}

/** Both texts may be long, and the new one stands above already. */
function isDescription(change: Change): boolean {
  return toOwnField(change) === "description";
}

/** `status: Open → In Progress`; what had or has no value is none. */
function formatChange(change: Change, pen: Pen): string {
  if (isDescription(change)) return "description changed";
  const { field, originalValue, newValue } = change;
  const { clean } = pen;
  const own = toOwnField(change);
  const name =
    own === undefined
      ? `custom field ${clean.name(field)}`
      : clean.name(FIELDS.get(own) ?? own);
  const added = originalValue ? undefined : change.attachmentInfo?.name;
  const [from, to] = [originalValue, newValue || added];
  if (!from && !to) return name;
  const [old, now] = [from, to].map((value) => {
    if (!value) return own === "assigner" ? "nobody" : "none";
    const line = clean.line(toValue(change, value, pen), LONG_VALUE);
    return line.includes("→") ? JSON.stringify(line) : line;
  });
  return `${name}: ${old} → ${now}`;
}

/** A day in one form, a status by its name: as the facts have them. */
function toValue(
  change: Change,
  value: string,
  { statuses, spaceTimeZone }: Pen,
): string {
  const own = toOwnField(change) ?? "";
  const isDate =
    DATE_FIELDS.includes(own) ||
    Number(change.attributeInfo?.typeId) === DATE_FIELD;
  if (isDate && isDay(value)) return toCalendarDay(value, spaceTimeZone);
  if (isDate) return value.replace(/^(\d{4})\/(\d\d)\/(\d\d)$/, "$1-$2-$3");
  const isStatus = own === "status" && ID.test(value);
  return (isStatus ? statuses.get(Number(value)) : undefined) ?? value;
}

const ID = /^[1-9]\d{0,9}$/;

/** The statuses that changes name by their IDs; both forms occur. */
export function listStatusIds(comments: readonly Comment[]): number[] {
  return listValues(comments, (change) => toOwnField(change) === "status")
    .filter((value) => ID.test(value))
    .map(Number);
}

/** The days in the changes of comments, as Backlog writes them elsewhere. */
export function listDays(comments: readonly Comment[]): string[] {
  return listValues(comments, () => true).filter(isDay);
}

function listValues(
  comments: readonly Comment[],
  isMeant: (change: Change) => boolean,
): string[] {
  return comments
    .flatMap(({ changeLog }) => changeLog ?? [])
    .filter(isMeant)
    .flatMap(({ originalValue, newValue }) => [originalValue, newValue])
    .filter((value) => value != null);
}
