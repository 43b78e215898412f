import type { Issue } from "./space.ts";

/** A refusal in Backlog's own form, to be thrown. */
export function refusal(status: number, code: number, message: string) {
  const errors = [{ message, code, moreInfo: "" }];
  return Response.json({ errors }, { status });
}

/** What Backlog says of what it does not have, or does not show. */
export function missing(what: string) {
  return refusal(404, 6, `No ${what}.`);
}

/** What Backlog says of a parameter it does not take. */
export function invalid(parameter: string) {
  return refusal(400, 7, `Invalid parameter: ${parameter}`);
}

type Form = Pick<RegExp, "test">;
/** The form of each parameter that an endpoint takes, by name. */
export type Forms = Record<string, Form>;

export const INTEGER = /^\d{1,15}$/;
const DAY: Form = { test: isDay };
const LIMIT = /^-?\d+(\.\d+)?$|^\d{4}-\d\d-\d\d$/;

/** What every list takes. */
export const LIST = { count: /^([1-9]|[1-9]\d|100)$/, order: /^(asc|desc)$/ };

/** Refuses what the endpoint does not know, and values of another form. */
export function requireForms(query: URLSearchParams, forms: Forms): void {
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name);
    const form = forms[toKind(name)];
    const isRepeated = values.length > 1 && !name.endsWith("[]");
    if (isRepeated || !values.every((value) => form?.test(value))) {
      throw invalid(name);
    }
  }
}

const CUSTOM_FIELD = /^customField_(\d+)/;

/** The name of a parameter; of all custom fields it is the same one. */
function toKind(name: string): string {
  return name.replace(CUSTOM_FIELD, "customField");
}

type Asked = {
  name: string;
  value: string;
  /** The day of an instant, in the zone whose days count. */
  toDay: (instant: string) => string;
};
type Value = string | number | null | undefined;
/** What an issue has of what is asked for. */
type Values = (issue: Issue, asked: Asked) => Value[];

const FILTERS: Record<string, [Form, Values]> = {
  keyword: [/^/, ({ summary, description }) => [summary, description]],
  "id[]": [INTEGER, ({ id }) => [id]],
  "projectId[]": [INTEGER, ({ projectId }) => [projectId]],
  "parentIssueId[]": [INTEGER, ({ parentIssueId }) => [parentIssueId]],
  "issueTypeId[]": [INTEGER, ({ issueType }) => [issueType.id]],
  "categoryId[]": [INTEGER, ({ category }) => category.map(({ id }) => id)],
  "milestoneId[]": [INTEGER, ({ milestone }) => milestone.map(({ id }) => id)],
  "statusId[]": [INTEGER, ({ status }) => [status.id]],
  "priorityId[]": [INTEGER, ({ priority }) => [priority?.id]],
  "createdUserId[]": [INTEGER, ({ createdUser }) => [createdUser.id]],
  "assigneeId[]": [/^(-1|\d{1,15})$/, ({ assignee }) => [assignee?.id ?? -1]],
  ...within("created", ({ created }, { toDay }) => [toDay(created)]),
  ...within("updated", ({ updated }, { toDay }) => [toDay(updated)]),
  ...within("startDate", ({ startDate }) => [startDate?.slice(0, 10)]),
  ...within("dueDate", ({ dueDate }) => [dueDate?.slice(0, 10)]),
  attachment: [/^true$/, ({ attachments }) => [`${attachments.length > 0}`]],
  // The reference: true is answered with an error.
  hasDueDate: [/^false$/, ({ dueDate }) => [`${dueDate !== null}`]],
  customField: [/./, toCustom],
  customField_min: [LIMIT, toCustom],
  customField_max: [LIMIT, toCustom],
};

function within(field: string, toDays: Values): typeof FILTERS {
  return {
    [`${field}Since`]: [DAY, toDays],
    [`${field}Until`]: [DAY, toDays],
  };
}

function isDay(value: string): boolean {
  const instant = Date.parse(`${value}T00:00:00Z`);
  return (
    !Number.isNaN(instant) &&
    new Date(instant).toISOString().startsWith(`${value}T`)
  );
}

/** A custom field's text, number, day and item IDs. */
function toCustom(issue: Issue, { name }: Asked): Value[] {
  const [, wanted] = CUSTOM_FIELD.exec(name) ?? [];
  const field = issue.customFields.find(({ id }) => `${id}` === wanted);
  return [field?.value ?? []].flat().map((one) => {
    if (typeof one === "object") return one.id;
    return typeof one === "string" ? one.replace(/T00:00:00Z$/, "") : one;
  });
}

/** Whether an issue passes a filter; what is no filter lets all pass. */
export function passes(issue: Issue, asked: Asked): boolean {
  const [, toValues] = FILTERS[toKind(asked.name)] ?? [];
  const values = toValues?.(issue, asked);
  return values?.some((stored) => isMeant(stored, asked)) ?? true;
}

/** Both ends of a range count. */
function isMeant(stored: Value, { name, value }: Asked): boolean {
  if (stored === null || stored === undefined) return false;
  if (/(Since|_min)$/.test(name)) return stored >= value;
  if (/(Until|_max)$/.test(name)) return stored <= value;
  if (typeof stored === "number") return stored === Number(value);
  return stored.toLowerCase().includes(value.toLowerCase());
}

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
  sort: { test: (name) => Object.hasOwn(SORTS, name) },
};

/** The issues in the order of a field; the empty ones are last either way. */
export function sortIssues(issues: Issue[], by: string, sign: 1 | -1): Issue[] {
  const toValue = (issue: Issue) => SORTS[by]?.(issue);
  return issues.toSorted(
    (a, b) => compare(toValue(a), toValue(b), sign) || (a.id - b.id) * sign,
  );
}

/** Where Backlog puts the empty ones is not documented. */
function compare(a: Value, b: Value, sign: number): number {
  if (a === b) return 0;
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  return a < b ? -sign : sign;
}
