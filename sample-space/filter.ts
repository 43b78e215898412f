import type { Issue } from "./shapes.ts";

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

type Form = Pick<RegExp, "test">;
/** The form of each parameter that an endpoint takes, by name. */
export type Forms = Record<string, Form>;

const INTEGER = /^\d{1,15}$/;
const DAY: Form = { test: isDay };

const LIST = { count: /^([1-9]|[1-9]\d|100)$/, order: /^(asc|desc)$/ };

/** What a list of comments takes. */
export const COMMENT_FORMS: Forms = { ...LIST, minId: INTEGER, maxId: INTEGER };

/** What a list of activities takes. */
export const ACTIVITY_FORMS: Forms = {
  ...COMMENT_FORMS,
  "activityTypeId[]": INTEGER,
};

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

type Context = {
  /** The parameter. */
  name: string;
  /** The day of an instant, in the zone whose days count. */
  toDay: (instant: string) => string;
};
/** Whether an issue has the value asked for. */
type Test = (issue: Issue, value: string, context: Context) => boolean;

/** What stands for "nobody" in place of an ID. */
export const NOBODY = "-1";

type Value = string | number | null | undefined;

function hasId(toIds: (issue: Issue) => Value[], form = INTEGER): [Form, Test] {
  return [form, (issue, value) => toIds(issue).includes(Number(value))];
}

function holds(text: string, word: string): boolean {
  return text.toLowerCase().includes(word.toLowerCase());
}

/** Both ends count; instants are compared by their day. */
function isWithin(
  field: "created" | "updated" | "startDate" | "dueDate",
): Record<string, [Form, Test]> {
  const dayOf = ({ [field]: stored }: Issue, { toDay }: Context) =>
    field.endsWith("Date") ? stored?.slice(0, 10) : stored && toDay(stored);
  return {
    [`${field}Since`]: [
      DAY,
      (issue, day, context) => (dayOf(issue, context) ?? "") >= day,
    ],
    [`${field}Until`]: [
      DAY,
      (issue, day, context) => (dayOf(issue, context) ?? "~") <= day,
    ],
  };
}

function hasCustom(
  form: Form,
  isMeant: (stored: string | number, wanted: string) => boolean,
): [Form, Test] {
  return [
    form,
    (issue, wanted, { name }) =>
      customValues(issue, name).some((stored) => isMeant(stored, wanted)),
  ];
}

/** A custom field's text, number, day and item IDs. */
function customValues(issue: Issue, name: string): (string | number)[] {
  const [, wanted] = CUSTOM_FIELD.exec(name) ?? [];
  const field = issue.customFields.find(({ id }) => `${id}` === wanted);
  return [field?.value ?? []].flat().map((one) => {
    if (typeof one === "object") return one.id;
    return typeof one === "string" ? one.replace(/T00:00:00Z$/, "") : one;
  });
}

const LIMIT = /^-?\d+(\.\d+)?$|^\d{4}-\d\d-\d\d$/;

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
  customField: hasCustom(/./, (stored, wanted) =>
    typeof stored === "string" ? holds(stored, wanted) : `${stored}` === wanted,
  ),
  customField_min: hasCustom(LIMIT, (stored, limit) => stored >= limit),
  customField_max: hasCustom(LIMIT, (stored, limit) => stored <= limit),
};

/** The test behind a parameter; none where it filters nothing. */
export function toTest(name: string): Test | undefined {
  return FILTERS[toKind(name)]?.[1];
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

function isDay(value: string): boolean {
  const instant = Date.parse(`${value}T00:00:00Z`);
  return (
    !Number.isNaN(instant) &&
    new Date(instant).toISOString().startsWith(`${value}T`)
  );
}
