import type { Issue, SpaceData } from "./shapes.ts";

/** A refusal in Backlog's own form. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** What Backlog says of what it does not have, or does not show. */
export function missing(what: string): Refusal {
  return new Refusal(404, 6, `No ${what}.`);
}

/** What Backlog says of a parameter it does not take. */
export function invalid(parameter: string): Refusal {
  return new Refusal(400, 7, `Invalid parameter: ${parameter}`);
}

type Form = RegExp | ((value: string) => boolean);
/** The form of each parameter that an endpoint takes, by name. */
export type Forms = Record<string, Form>;

const INTEGER = /^\d{1,15}$/;

const LIST = { count: /^([1-9]|[1-9]\d|100)$/, order: /^(asc|desc)$/ };

/** What a list of comments takes. */
export const COMMENT_FORMS: Forms = { ...LIST, minId: INTEGER, maxId: INTEGER };

/** What a list of activities takes. */
export const ACTIVITY_FORMS: Forms = {
  ...COMMENT_FORMS,
  "activityTypeId[]": INTEGER,
};

/** The values sent, by name. */
export type Query = Map<string, string[]>;

/** The query by name; whatever the endpoint does not know is refused. */
export function parseQuery(sent: URLSearchParams, forms: Forms): Query {
  const query: Query = new Map();
  for (const [name, value] of sent) {
    const isCustom = "keyword" in forms && CUSTOM_FIELD.test(name);
    const form = isCustom ? toCustomForm(name) : toOwn(forms, name);
    const fits = form instanceof RegExp ? form.test(value) : form?.(value);
    const values = query.get(name) ?? [];
    const isRepeated = values.length > 0 && !name.endsWith("[]");
    if (!fits || isRepeated) throw invalid(name);
    query.set(name, [...values, value]);
  }
  return query;
}

function toOwn<T>(record: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** The first value of a parameter. */
export function first(query: Query, name: string): string | undefined {
  return query.get(name)?.[0];
}

/** The first value of a parameter, as a number. */
export function toNumber(query: Query, name: string): number | undefined {
  const value = first(query, name);
  return value === undefined ? undefined : Number(value);
}

/** The day of an instant, in the zone whose days count. */
type ToDay = (instant: string) => string;
/** Whether an issue has the value asked for. */
type Test = (issue: Issue, value: string, toDay: ToDay) => boolean;

/** What stands for "nobody" in place of an ID. */
export const NOBODY = "-1";

type Id = number | null | undefined;

function hasId(toIds: (issue: Issue) => Id[], form = INTEGER): [Form, Test] {
  return [form, (issue, value) => toIds(issue).includes(Number(value))];
}

const FILTERS: Record<string, [Form, Test]> = {
  keyword: [
    /^/,
    ({ summary, description }, word) =>
      [summary, description].some((text) => holds(text, word)),
  ],
  "id[]": hasId(({ id }) => [id]),
  "projectId[]": hasId(({ projectId }) => [projectId]),
  "parentIssueId[]": hasId(({ parentIssueId }) => [parentIssueId]),
  "issueTypeId[]": hasId(({ issueType }) => [issueType.id]),
  "categoryId[]": hasId(({ category }) => category.map(({ id }) => id)),
  "milestoneId[]": hasId(({ milestone }) => milestone.map(({ id }) => id)),
  "statusId[]": hasId(({ status }) => [status.id]),
  "priorityId[]": hasId(({ priority }) => [priority?.id]),
  "createdUserId[]": hasId(({ createdUser }) => [createdUser.id]),
  "assigneeId[]": hasId(
    ({ assignee }) => [assignee?.id ?? Number(NOBODY)],
    /^(-1|\d{1,15})$/,
  ),
  ...isWithin("created"),
  ...isWithin("updated"),
  ...isWithin("startDate"),
  ...isWithin("dueDate"),
  attachment: [/^true$/, ({ attachments }) => attachments.length > 0],
  // The reference: true is answered with an error.
  hasDueDate: [/^false$/, ({ dueDate }) => dueDate === null],
};

function holds(text: string, word: string): boolean {
  return text.toLowerCase().includes(word.toLowerCase());
}

/** Both ends count; instants are compared by their day. */
function isWithin(field: "created" | "updated" | "startDate" | "dueDate") {
  const dayOf = (issue: Issue, toDay: ToDay) => {
    const stored = issue[field];
    // Older records have midnight of the space's zone instead of UTC.
    return field.endsWith("Date") && stored?.endsWith("T00:00:00Z")
      ? stored.slice(0, 10)
      : stored && toDay(stored);
  };
  const since: Test = (issue, day, toDay) => (dayOf(issue, toDay) ?? "") >= day;
  const until: Test = (issue, day, toDay) =>
    (dayOf(issue, toDay) ?? "~") <= day;
  return {
    [`${field}Since`]: [isDay, since],
    [`${field}Until`]: [isDay, until],
  } satisfies Record<string, [Form, Test]>;
}

function isDay(value: string): boolean {
  const instant = Date.parse(`${value}T00:00:00Z`);
  return (
    /^\d{4}-\d\d-\d\d$/.test(value) &&
    !Number.isNaN(instant) &&
    new Date(instant).toISOString().startsWith(value)
  );
}

const CUSTOM_FIELD = /^customField_(\d+)(_min|_max|\[\]|)$/;

function toCustomForm(name: string): Form {
  if (name.endsWith("[]")) return INTEGER;
  if (!/_m(in|ax)$/.test(name)) return /./;
  return (value) => isDay(value) || /^-?\d+(\.\d+)?$/.test(value);
}

/** The test behind a parameter; none where it filters nothing. */
export function toTest(data: SpaceData, name: string): Test | undefined {
  const [, id, suffix] = CUSTOM_FIELD.exec(name) ?? [];
  if (id === undefined) return toOwn(FILTERS, name)?.[1];
  requireCustomField(data, Number(id), name);
  return (issue, wanted) =>
    customValues(issue, Number(id)).some((stored) => {
      const value = isDay(wanted) ? `${stored}`.slice(0, 10) : stored;
      const limit = isDay(wanted) ? wanted : Number(wanted);
      if (suffix === "_min") return value >= limit;
      if (suffix === "_max") return value <= limit;
      return typeof stored === "string" && suffix === ""
        ? holds(stored, wanted)
        : `${stored}` === wanted;
    });
}

function requireCustomField(data: SpaceData, id: number, name: string): void {
  const isKnown = data.projects.some(({ customFields }) =>
    customFields?.some((field) => field.id === id),
  );
  if (!isKnown) throw invalid(name);
}

/** A custom field's text, number and item IDs. */
function customValues(issue: Issue, id: number): (string | number)[] {
  const value = issue.customFields.find((field) => field.id === id)?.value;
  const values = Array.isArray(value) ? value : [value ?? []].flat();
  return values.map((one) => (typeof one === "object" ? one.id : one));
}

type Value = string | number | null | undefined;

const SORTS: Record<string, (issue: Issue) => Value> = {
  status: (issue) => issue.status.displayOrder,
  priority: (issue) => issue.priority?.id,
  created: (issue) => issue.created,
  updated: (issue) => issue.updated,
  dueDate: (issue) => issue.dueDate,
};

/** What a count of issues takes. */
export const FILTER_FORMS: Forms = Object.fromEntries(
  Object.entries(FILTERS).map(([name, [form]]) => [name, form]),
);

/** What a search of issues takes. */
export const SEARCH_FORMS: Forms = {
  ...FILTER_FORMS,
  ...LIST,
  offset: INTEGER,
  sort: (name) => Object.hasOwn(SORTS, name) || /^customField_\d+$/.test(name),
};

/** The issues in the order of a field; the empty ones are last either way. */
export function sortIssues(
  data: SpaceData,
  issues: Issue[],
  { by, sign }: { by: string; sign: 1 | -1 },
): Issue[] {
  const id = Number(by.slice("customField_".length));
  if (!Object.hasOwn(SORTS, by)) requireCustomField(data, id, "sort");
  const toValue = SORTS[by] ?? ((issue) => customValues(issue, id)[0]);
  const rows = issues.map((issue) => ({ issue, value: toValue(issue) }));
  rows.sort(
    (a, b) =>
      compare(a.value, b.value, sign) || (a.issue.id - b.issue.id) * sign,
  );
  return rows.map(({ issue }) => issue);
}

/** Where Backlog puts the empty ones is not documented. */
function compare(a: Value, b: Value, sign: number): number {
  if (a === b) return 0;
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  return a < b ? -sign : sign;
}
