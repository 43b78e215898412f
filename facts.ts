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
  /** Such as `https://your-space.backlog.com`. */
  origin: string;
  timeZone: string;
  /** The space's own, where a day is written in it. */
  spaceTimeZone?: string | undefined;
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
  origin: string;
  parent?: IssueRow | undefined;
  children?: Children | undefined;
  related: readonly IssueRow[];
}

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
  removed: number;
  /** How many custom fields are cut. */
  cutFields: number;
}

// A longer list stands below the description, which is read first.
const SHORT_LIST = 10;
const MOST_INLINE = 30;
const LONG_VALUE = 300;
const FIELD_SHARE = share(ANSWER_SIZE, 0.05);

/** The facts, one a line; `today` is a day in the time zone asked for. */
export function formatFacts(
  facts: IssueFacts,
  wording: Wording,
  today: string,
): FactsText {
  const clean = new Cleaner();
  const pen = { wording, clean };
  const { issue, origin } = facts;
  const lists = new FactLists(`at ${origin}/view/${issue.issueKey}`);
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
  const toOther = (row: IssueRow) => formatOther(row, pen, today);
  const fields = formatCustomFields(issue, pen);
  const own = [
    ...named("Status", issue.status),
    ...named("Type", issue.issueType),
    ...named("Priority", issue.priority),
    ...named("Resolution", issue.resolution),
    ...fact("Assignee", formatAssignee(issue, wording)),
    ...fact("Due", formatDue(issue, wording, today)),
    ...fact("Start", toDay(issue.startDate, wording)),
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
      (issue.attachments ?? []).map((file) => {
        const way = `: issue_key ${issue.issueKey}#attachment-${file.id}`;
        return `${formatFile(file, pen)}${file.id ? way : ""}`;
      }),
    ),
    lists.section(
      "Shared files (named only; they open in Backlog)",
      (issue.sharedFiles ?? []).map((file) => formatFile(file, pen)),
    ),
    lists.section(
      "Links",
      (issue.externalFileLinks ?? []).map(({ title, url }) => {
        const address = clean.line(url, 500);
        return title ? `${address} ${clean.line(title)}` : address;
      }),
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
export interface Pen {
  wording: Wording;
  clean: Cleaner;
}

function toDay(value: string | Nothing, { spaceTimeZone }: Wording) {
  return value ? toCalendarDay(value, spaceTimeZone) : undefined;
}

/** Null is nobody; what could not be read is not known. */
function formatAssignee({ assignee }: IssueRow, { toPerson }: Wording): string {
  if (assignee === undefined) return "?";
  return assignee === null ? "nobody" : toPerson(assignee);
}

/** `2026-11-25 (in 3 days)`; the distance only while there is still time. */
function formatDue(
  { dueDate, status }: IssueRow,
  wording: Wording,
  today: string,
): string {
  if (dueDate === undefined) return "?";
  const day = toDay(dueDate, wording);
  if (day === undefined) return "none";
  return status.id === CLOSED ? day : `${day} (${formatDistance(day, today)})`;
}

/** `WEB-2 [Open] Hana Mori, due 2026-11-25 (in 3 days): Title`. */
function formatOther(
  row: IssueRow,
  { wording, clean }: Pen,
  today: string,
): string {
  const status = clean.name(row.status.name);
  const who = formatAssignee(row, wording);
  const due = formatDue(row, wording, today);
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
  { wording, clean }: Pen,
): { lines: string[]; cut: number } {
  const lines: string[] = [];
  let cut = 0;
  for (const field of customFields ?? []) {
    const day = toDay(toFieldDay(field), wording);
    const text = day ?? toFieldText(field, clean);
    if (text === "") continue;
    const label = `${clean.name(field.name)}:`;
    if (text.length <= LONG_VALUE && !text.includes("\n")) {
      lines.push(`${label} ${wording.toLine(text)}`);
      continue;
    }
    const span = { from: 0, room: FIELD_SHARE };
    const part = cutText(text, span, wording.toLine);
    const notice = formatCut(part, (place) =>
      field.id
        ? `issue_key ${issueKey}#field-${field.id}-${place}`
        : "only in Backlog",
    );
    if (notice !== "") cut += 1;
    const quoted = [label, toQuote(part.lines), notice];
    lines.push(quoted.filter((line) => line !== "").join("\n"));
  }
  return { lines, cut };
}

/** `trace.txt (8.1 kB, by Hana Mori)`. */
function formatFile(file: FileFact, { wording, clean }: Pen): string {
  const facts = listFileFacts(file, wording.toPerson).join(", ");
  const name = clean.name(`${file.dir ?? ""}${file.name}`, 500);
  return facts === "" ? name : `${name} (${facts})`;
}

type FileFact = NonNullable<Issue["attachments"]>[number];

/** What is known of a file's size, and of who brought it. */
export function listFileFacts(
  { size, createdUser }: FileFact,
  toPerson: Wording["toPerson"],
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

type Change = NonNullable<Comment["changeLog"]>[number];

/** `- status: Open → In Progress`, a line each, as many as fit. */
export function formatChanges(
  { changeLog }: Comment,
  { place, room }: { place: string; room: Size },
  { wording, clean }: Pen,
): string[] {
  const changes = changeLog ?? [];
  const lines = changes.map((one) => `- ${formatChange(one, wording, clean)}`);
  const shown = takeWhileFitting(lines, room);
  const more = lines.length - shown.length;
  const isLong = (change: Change) =>
    !isDescription(change) &&
    [change.originalValue, change.newValue].some(
      (value) => value && value.length > LONG_VALUE,
    );
  if (more === 0 && !changes.some(isLong)) return shown;
  const others = more > 0 ? `… and ${more} more changes; ` : "";
  return [
    ...shown,
    `- ${others}in full in Backlog: ${wording.origin}/view/${place}`,
  ];
}

/** Both texts may be long, and the new one stands above already. */
function isDescription({ field, attributeInfo }: Change): boolean {
  return field === "description" && !attributeInfo;
}

/** `status: Open → In Progress`; what had or has no value is none. */
function formatChange(
  change: Change,
  wording: Pick<Wording, "statuses" | "spaceTimeZone">,
  clean: Cleaner,
): string {
  if (isDescription(change)) return "description changed";
  const { field, attributeInfo, originalValue, newValue } = change;
  const name = attributeInfo
    ? `custom field ${clean.name(field)}`
    : clean.name(FIELDS[field] ?? field);
  const added = originalValue ? undefined : change.attachmentInfo?.name;
  const [from, to] = [originalValue, newValue || added];
  if (!from && !to) return name;
  const none = field === "assigner" && !attributeInfo ? "nobody" : "none";
  const [old, now] = [from, to].map((value) => {
    if (!value) return none;
    const line = clean.line(toValue(change, value, wording), LONG_VALUE);
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
    ? Number(attributeInfo.typeId) === DATE_FIELD
    : DATE_FIELDS.includes(field);
  if (isDate) return toOneDateForm(value, spaceTimeZone);
  const isStatus = field === "status" && !attributeInfo && ID.test(value);
  return (isStatus ? statuses.get(Number(value)) : undefined) ?? value;
}

const ID = /^[1-9]\d{0,9}$/;
const INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

/** The statuses that changes name by their IDs; both forms occur. */
export function listStatusIds(comments: readonly Comment[]): number[] {
  const changes = listChanges(comments).filter(
    ({ field, attributeInfo }) => field === "status" && !attributeInfo,
  );
  return listValues(changes)
    .filter((value) => ID.test(value))
    .map(Number);
}

/** The days in the changes of comments that are written as instants. */
export function listInstants(comments: readonly Comment[]): string[] {
  return listValues(listChanges(comments)).filter(isInstant);
}

function listChanges(comments: readonly Comment[]): Change[] {
  return comments.flatMap(({ changeLog }) => changeLog ?? []);
}

function listValues(changes: readonly Change[]): string[] {
  return changes
    .flatMap(({ originalValue, newValue }) => [originalValue, newValue])
    .filter((value) => value != null);
}

function isInstant(text: string): boolean {
  return INSTANT.test(text) && !Number.isNaN(Date.parse(text));
}

function toOneDateForm(text: string, spaceTimeZone: string | undefined) {
  if (isInstant(text)) return toCalendarDay(text, spaceTimeZone);
  return /^\d{4}\/\d\d\/\d\d$/.test(text) ? text.replaceAll("/", "-") : text;
}
