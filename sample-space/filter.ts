import type { Issue, ProjectData, SpaceData } from "./shapes.ts";

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

type Kind = RegExp | ((value: string) => boolean);

/** What an endpoint takes, by name. */
export type Parameters = Record<string, Kind>;

const INTEGER = /^\d{1,15}$/;
const COUNT = /^([1-9]|[1-9]\d|100)$/;
const ORDER = /^(asc|desc)$/;

/** A switch in a query. */
export const BOOLEAN = /^(true|false)$/;

/** What asks for the summary of child issues. */
export const EXPAND = { "expand[]": /^childIssueSummary$/ };

/** What a search of issues takes. */
export const ISSUE_PARAMETERS: Parameters = {
  ...each(/^/, "keyword"),
  ...each(INTEGER, "projectId[] issueTypeId[] categoryId[]"),
  ...each(INTEGER, "milestoneId[] statusId[] priorityId[] createdUserId[]"),
  ...each(INTEGER, "id[] parentIssueId[] offset"),
  "assigneeId[]": /^(-1|\d{1,15})$/,
  ...each(isDay, "createdSince createdUntil updatedSince updatedUntil"),
  ...each(isDay, "startDateSince startDateUntil dueDateSince dueDateUntil"),
  attachment: /^true$/,
  // The reference: true is answered with an error.
  hasDueDate: /^false$/,
  count: COUNT,
  order: ORDER,
  sort: (name) => Object.hasOwn(SORTS, name) || /^customField_\d+$/.test(name),
};

/** What a list of comments takes. */
export const COMMENT_PARAMETERS: Parameters = {
  minId: INTEGER,
  maxId: INTEGER,
  count: COUNT,
  order: ORDER,
};

/** What a list of activities takes. */
export const ACTIVITY_PARAMETERS: Parameters = {
  ...COMMENT_PARAMETERS,
  "activityTypeId[]": INTEGER,
};

/** The same kind for each of the names. */
export function each(kind: Kind, names: string): Parameters {
  return Object.fromEntries(names.split(" ").map((name) => [name, kind]));
}

function isDay(value: string): boolean {
  const instant = Date.parse(`${value}T00:00:00Z`);
  return (
    /^\d{4}-\d\d-\d\d$/.test(value) &&
    !Number.isNaN(instant) &&
    new Date(instant).toISOString().startsWith(value)
  );
}

/** The values sent, by name. */
export type Query = Map<string, string[]>;

/** The query by name; whatever the endpoint does not know is refused. */
export function parseQuery(
  sent: URLSearchParams,
  parameters: Parameters,
): Query {
  const query: Query = new Map();
  for (const [name, value] of sent) {
    const kind = Object.hasOwn(parameters, name)
      ? parameters[name]
      : toCustomKind(name, parameters);
    const fits =
      kind instanceof RegExp ? kind.test(value) : (kind?.(value) ?? false);
    const values = query.get(name) ?? [];
    if (!fits || (values.length > 0 && !name.endsWith("[]"))) {
      throw invalid(name);
    }
    query.set(name, [...values, value]);
  }
  return query;
}

function toCustomKind(name: string, parameters: Parameters): Kind | undefined {
  const [, suffix] = CUSTOM_FIELD.exec(name)?.slice(1) ?? [];
  if (suffix === undefined || !("keyword" in parameters)) return undefined;
  if (suffix === "") return /./;
  if (suffix === "[]") return INTEGER;
  return (value) => isDay(value) || /^-?\d+(\.\d+)?$/.test(value);
}

const CUSTOM_FIELD = /^customField_(\d+)(_min|_max|\[\]|)$/;

/** The first value of a parameter. */
export function first(query: Query, name: string): string | undefined {
  return query.get(name)?.[0];
}

/** The first value of a parameter, as a number. */
export function toNumber(query: Query, name: string): number | undefined {
  const value = first(query, name);
  return value === undefined ? undefined : Number(value);
}

type Test = (issue: Issue) => boolean;

/** The issues of the given projects that pass every filter of the query. */
export function filterIssues(
  data: SpaceData,
  query: Query,
  { projects, zone }: { projects: ProjectData[]; zone: string },
): Issue[] {
  const owners = new Set(projects.map(({ project }) => project.id));
  const tests: Test[] = [({ projectId }) => owners.has(projectId)];
  for (const [name, values] of query) {
    const test =
      toIdTest(name, values) ??
      toDayTest(zone, name, values[0] ?? "") ??
      toKeywordTest(name, values[0] ?? "") ??
      toPresenceTest(name) ??
      toCustomTest(data, name, values);
    if (test) tests.push(test);
  }
  return data.issues.filter((issue) => tests.every((test) => test(issue)));
}

/** What stands for "nobody" in place of an ID. */
export const NOBODY = -1;

const IDS: Record<string, (issue: Issue) => (number | null | undefined)[]> = {
  "issueTypeId[]": (issue) => [issue.issueType.id],
  "categoryId[]": (issue) => issue.category.map(({ id }) => id),
  "milestoneId[]": (issue) => issue.milestone.map(({ id }) => id),
  "statusId[]": (issue) => [issue.status.id],
  "priorityId[]": (issue) => [issue.priority?.id],
  "assigneeId[]": (issue) => [issue.assignee?.id ?? NOBODY],
  "createdUserId[]": (issue) => [issue.createdUser.id],
  "id[]": (issue) => [issue.id],
  "parentIssueId[]": (issue) => [issue.parentIssueId],
};

function toIdTest(name: string, values: string[]): Test | undefined {
  const toIds = IDS[name];
  if (!toIds) return undefined;
  const wanted = new Set<number | null | undefined>(values.map(Number));
  return (issue) => toIds(issue).some((id) => wanted.has(id));
}

/** Both ends count; instants are compared by their day in the zone. */
function toDayTest(timeZone: string, name: string, wanted: string) {
  const match = /^(created|updated|startDate|dueDate)(Since|Until)$/.exec(name);
  if (!match) return undefined;
  const [, field = "", end] = match;
  const inZone = new Intl.DateTimeFormat("sv-SE", { timeZone });
  return (issue: Issue) => {
    const stored = DAYS[field]?.(issue) ?? null;
    if (stored === null) return false;
    // Older records have midnight of the space's zone instead of UTC.
    const day =
      field.endsWith("Date") && stored.endsWith("T00:00:00Z")
        ? stored.slice(0, 10)
        : inZone.format(Date.parse(stored));
    return end === "Since" ? day >= wanted : day <= wanted;
  };
}

const DAYS: Record<string, (issue: Issue) => string | null> = {
  created: (issue) => issue.created,
  updated: (issue) => issue.updated,
  startDate: (issue) => issue.startDate,
  dueDate: (issue) => issue.dueDate,
};

function toKeywordTest(name: string, value: string): Test | undefined {
  if (name !== "keyword") return undefined;
  const word = value.toLowerCase();
  return ({ summary, description }) =>
    summary.toLowerCase().includes(word) ||
    description.toLowerCase().includes(word);
}

function toPresenceTest(name: string): Test | undefined {
  if (name === "hasDueDate") return ({ dueDate }) => dueDate === null;
  if (name !== "attachment") return undefined;
  return ({ attachments }) => attachments.length > 0;
}

function toCustomTest(
  data: SpaceData,
  name: string,
  values: string[],
): Test | undefined {
  const match = CUSTOM_FIELD.exec(name);
  if (!match) return undefined;
  const id = Number(match[1]);
  requireCustomField(data, id, name);
  const [wanted = ""] = values;
  const limit = isDay(wanted) ? wanted : Number(wanted);
  return (issue) =>
    customValues(issue, id).some((stored) => {
      const value =
        typeof limit === "string" ? `${stored}`.slice(0, 10) : stored;
      if (match[2] === "_min") return value >= limit;
      if (match[2] === "_max") return value <= limit;
      if (match[2] === "[]") return values.includes(`${stored}`);
      return typeof stored === "string"
        ? stored.toLowerCase().includes(wanted.toLowerCase())
        : `${stored}` === wanted;
    });
}

/** The issues in the order the query asks for, last updated first. */
export function sortIssues(
  data: SpaceData,
  query: Query,
  issues: Issue[],
): Issue[] {
  const toValue = toSort(data, first(query, "sort") ?? "updated");
  const sign = first(query, "order") === "asc" ? 1 : -1;
  const rows = issues.map((issue) => ({ issue, value: toValue(issue) }));
  rows.sort(
    (a, b) =>
      compare(a.value, b.value, sign) || (a.issue.id - b.issue.id) * sign,
  );
  return rows.map(({ issue }) => issue);
}

type Value = string | number | null | undefined;

/** Where Backlog puts the empty ones is not documented; here they are last. */
function compare(a: Value, b: Value, sign: number): number {
  if (a === b) return 0;
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  return a < b ? -sign : sign;
}

const SORTS: Record<string, (issue: Issue) => Value> = {
  status: (issue) => issue.status.displayOrder,
  priority: (issue) => issue.priority?.id,
  created: (issue) => issue.created,
  updated: (issue) => issue.updated,
  dueDate: (issue) => issue.dueDate,
};

function toSort(data: SpaceData, name: string): (issue: Issue) => Value {
  const sort = SORTS[name];
  if (sort) return sort;
  const id = Number(name.slice("customField_".length));
  requireCustomField(data, id, "sort");
  return (issue) => customValues(issue, id)[0];
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
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.map((item) => item.id);
  return typeof value === "object" ? [value.id] : [value];
}
