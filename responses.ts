import * as v from "valibot";
import { toShapeError } from "./errors.ts";

export type Schema<Output> = v.GenericSchema<unknown, Output>;
type Dataset<Output> = v.OutputDataset<Output, v.BaseIssue<unknown>>;

// What may be dropped is told upwards as an issue of a typed value: valibot
// gives it the path on the way, and the value itself stays whole.
const LEFT_OUT = "left out";

/** `what` stands before the name of the field. */
function leftOut(what: "" | "entries of ", times: number) {
  const nothing = { input: undefined, expected: null, received: "" };
  return {
    kind: "validation",
    type: LEFT_OUT,
    message: what,
    requirement: times,
    ...nothing,
  } as const;
}

function isLeftOut({ type }: v.BaseIssue<unknown>): boolean {
  return type === LEFT_OUT;
}

function isWhole<Output>(
  read: Dataset<Output>,
): read is Extract<Dataset<Output>, { typed: true }> {
  return read.typed && (read.issues?.every(isLeftOut) ?? true);
}

/** May be missing or null; undefined where it is of a wrong type. */
function optional<Output>(
  schema: Schema<Output>,
): v.NullishSchema<Schema<Output>, undefined> {
  const nullish = v.nullish(schema);
  return {
    ...nullish,
    "~run"(dataset, config) {
      const read = nullish["~run"](dataset, config);
      if (isWhole(read)) return read;
      return { typed: true, value: undefined, issues: [leftOut("", 1)] };
    },
  };
}

interface Bounds {
  most?: number;
  mostWrong?: number;
}

/**
 * As v.array, of what is made of each entry, of the first `most`; beyond so many
 * wrong ones the others are dropped unread. No list holds up the process.
 */
function each<Output, Place>(
  entry: Schema<Output>,
  toPlaces: (read: Output | undefined, sent: unknown) => Place[],
  { most = 1_000, mostWrong = 10 }: Bounds = {},
): Schema<Place[]> {
  const array = v.array(v.any());
  return {
    ...array,
    "~run"(dataset, config): Dataset<Place[]> {
      const { value: sent } = dataset;
      if (!Array.isArray(sent)) return array["~run"](dataset, config);
      const value: Place[] = [];
      const notes: v.BaseIssue<unknown>[] = [];
      let whole = 0;
      for (const [index, one] of sent.slice(0, most).entries()) {
        const read = entry["~run"]({ value: one }, config);
        if (isWhole(read)) {
          whole += 1;
          notes.push(...(read.issues ?? []));
        } else if (index + 1 - whole > mostWrong) break;
        value.push(...toPlaces(isWhole(read) ? read.value : undefined, one));
      }
      const dropped = sent.length - whole;
      if (dropped > 0) notes.push(leftOut("entries of ", dropped));
      const [first, ...others] = notes;
      if (!first) return { typed: true, value };
      return { typed: true, value, issues: [first, ...others] };
    },
  };
}

/** The entries that can be read. */
const list = <Output>(entry: Schema<Output>, bounds?: Bounds) =>
  each(entry, (read) => (read === undefined ? [] : [read]), bounds);

const optionalList = <Output>(entry: Schema<Output>) => optional(list(entry));

/** What Backlog sends whole, whatever its length. */
const longList = <Output>(entry: Schema<Output>) =>
  list(entry, { most: 10_000, mostWrong: 1_000 });

/** A page is always asked for in full: Backlog's own default is 20. */
export const PAGE_SIZE = 100;

/** Closed has this ID in every project, whatever its name. */
export const CLOSED = 4;

/** What stands at one place of a page; no entry: it could not be read. */
export interface Sent<Entry> {
  entry: Entry | undefined;
  /** Of the issue, the comment, …, readable or not. */
  id: number | undefined;
  /** Whether it is an issue known to be closed, read or not. */
  isClosed: boolean;
}

/** No more than a page, however much was sent; none hides those behind it. */
const page = <Entry>(entry: Schema<Entry>, most = PAGE_SIZE) =>
  each(
    entry,
    (read, sent): Sent<Entry>[] => {
      const { id, status } = v.parse(MarksSchema, sent);
      return [{ entry: read, id, isClosed: status?.id === CLOSED }];
    },
    { most, mostWrong: most },
  );

const IdSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const CountSchema = IdSchema;
const NumberSchema = v.pipe(v.number(), v.finite());
// Years that a person may mean; others would be printed in odd ways.
const time = (pattern: RegExp) =>
  v.pipe(
    v.string(),
    v.regex(pattern),
    v.check((text) => !Number.isNaN(Date.parse(text))),
  );
const InstantSchema = time(
  /^(?:19|[2-9]\d)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
);
// Older data writes a calendar day as midnight of the space's zone, in UTC.
const DaySchema = time(
  /^(?:19|[2-9]\d)\d\d-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?$/,
);
/** What tells an entry of any form apart. */
const MarksSchema = v.fallback(
  v.object({
    id: v.fallback(v.optional(IdSchema), undefined),
    status: v.fallback(v.optional(v.object({ id: IdSchema })), undefined),
  }),
  {},
);
const ProjectKeySchema = v.pipe(v.string(), v.regex(/^[A-Z0-9_]{1,25}$/i));
/** What is shown by its name; the ID tells two of one name apart. */
const NamedSchema = v.object({ id: optional(IdSchema), name: v.string() });
const PersonSchema = v.object({
  ...NamedSchema.entries,
  userId: optional(v.string()),
});
const ChoiceSchema = v.object({ id: IdSchema, name: v.string() });
/** A status, a category, an issue type; the days are a milestone's. */
const ProjectChoiceSchema = v.object({
  ...ChoiceSchema.entries,
  startDate: optional(DaySchema),
  releaseDueDate: optional(DaySchema),
});
const UserSchema = v.object({
  id: IdSchema,
  name: v.string(),
  userId: optional(v.string()),
  mailAddress: optional(v.string()),
  nulabAccount: optional(v.object({ uniqueId: optional(v.string()) })),
});
export type User = v.InferOutput<typeof UserSchema>;

const CustomFieldSchema = v.object({
  id: optional(IdSchema),
  name: v.string(),
  value: optional(
    v.union([
      v.string(),
      NumberSchema,
      NamedSchema,
      list(v.union([v.string(), NamedSchema])),
    ]),
  ),
  otherValue: optional(v.string()),
  fieldTypeId: optional(IdSchema),
});

/** https://developer.nulab.com/docs/backlog/api/2/get-issue-list/ */
const IssueRowSchema = v.object({
  id: IdSchema,
  projectId: optional(IdSchema),
  // They go into addresses and next calls, so they must be keys.
  issueKey: v.pipe(v.string(), v.regex(/^[A-Z0-9_]{1,25}-\d{1,10}$/i)),
  summary: v.string(),
  status: ChoiceSchema,
  issueType: optional(NamedSchema),
  priority: optional(NamedSchema),
  assignee: optional(PersonSchema),
  category: optionalList(NamedSchema),
  milestone: optionalList(NamedSchema),
  dueDate: optional(DaySchema),
  createdUser: optional(PersonSchema),
  created: optional(InstantSchema),
  updated: optional(InstantSchema),
  // A page has a hundred times as many, each with a list of its own.
  customFields: optional(list(CustomFieldSchema, { most: 200 })),
});
export type IssueRow = v.InferOutput<typeof IssueRowSchema>;
const { customFields, ...relatedFields } = IssueRowSchema.entries;

const FileSchema = v.object({
  id: optional(IdSchema),
  name: v.string(),
  dir: optional(v.string()),
  size: optional(CountSchema),
  createdUser: optional(PersonSchema),
  created: optional(InstantSchema),
});

/** https://developer.nulab.com/docs/backlog/api/2/get-issue/ */
const IssueSchema = v.object({
  ...IssueRowSchema.entries,
  customFields: optionalList(CustomFieldSchema),
  description: optional(v.string()),
  resolution: optional(NamedSchema),
  versions: optionalList(NamedSchema),
  startDate: optional(DaySchema),
  estimatedHours: optional(NumberSchema),
  actualHours: optional(NumberSchema),
  parentIssueId: optional(IdSchema),
  updatedUser: optional(PersonSchema),
  attachments: optionalList(FileSchema),
  sharedFiles: optionalList(FileSchema),
  externalFileLinks: optionalList(
    v.object({ title: optional(v.string()), url: v.string() }),
  ),
  childIssueSummary: optional(
    v.object({ total: CountSchema, closed: optional(CountSchema) }),
  ),
});
export type Issue = v.InferOutput<typeof IssueSchema>;

/** https://developer.nulab.com/docs/backlog/api/2/get-comment-list/ */
const CommentSchema = v.object({
  id: IdSchema,
  created: InstantSchema,
  content: optional(v.string()),
  createdUser: optional(PersonSchema),
  changeLog: optionalList(
    v.object({
      field: v.string(),
      newValue: optional(v.string()),
      originalValue: optional(v.string()),
      attachmentInfo: optional(NamedSchema),
      attributeInfo: optional(
        // The reference and Nulab's own clients differ in which it is.
        v.object({ typeId: optional(v.union([v.string(), NumberSchema])) }),
      ),
    }),
  ),
});
export type Comment = v.InferOutput<typeof CommentSchema>;

/** https://developer.nulab.com/docs/backlog/api/2/get-user-recent-updates/ */
const ActivitySchema = v.object({
  id: IdSchema,
  type: IdSchema,
  created: InstantSchema,
  project: v.object({ projectKey: ProjectKeySchema }),
  content: optional(
    v.object({
      id: optional(IdSchema),
      /** Several issues that were updated at once. */
      link: optionalList(v.object({ id: IdSchema })),
    }),
  ),
});
export type Activity = v.InferOutput<typeof ActivitySchema>;

/** https://developer.nulab.com/docs/backlog/api/2/get-custom-field-list/ */
const CustomFieldDefinitionSchema = v.object({
  ...ChoiceSchema.entries,
  typeId: IdSchema,
  items: optionalList(ChoiceSchema),
});
export type CustomFieldDefinition = v.InferOutput<
  typeof CustomFieldDefinitionSchema
>;

const ProjectSchema = v.object({
  id: IdSchema,
  projectKey: ProjectKeySchema,
  name: optional(v.string()),
  archived: optional(v.boolean()),
});
export type Project = v.InferOutput<typeof ProjectSchema>;

const LimitSchema = v.object({
  limit: NumberSchema,
  remaining: NumberSchema,
  reset: optional(NumberSchema),
});

/** The shapes this program reads; what Backlog adds besides falls away. */
export const Responses = {
  issue: IssueSchema,
  issueRow: IssueRowSchema,
  issueRows: page(IssueRowSchema),
  /** All at once; Backlog itself allows 50. */
  relatedIssues: page(v.object(relatedFields), 1_000),
  comments: page(CommentSchema),
  count: v.object({ count: CountSchema }),
  user: UserSchema,
  users: longList(UserSchema),
  projects: longList(ProjectSchema),
  choices: longList(ProjectChoiceSchema),
  activities: page(ActivitySchema),
  customFields: longList(CustomFieldDefinitionSchema),
  space: v.object({
    name: optional(v.string()),
    timezone: optional(v.string()),
  }),
  rateLimit: v.object({
    rateLimit: v.object({
      read: optional(LimitSchema),
      search: optional(LimitSchema),
    }),
  }),
};
export type Choice = v.InferOutput<typeof ProjectChoiceSchema>;

interface Answer {
  path: string;
  /** Counts what is left out for its form: field or list → how often. */
  leftOut: Map<string, number>;
  redact: (text: string) => string;
}

/**
 * The answer as the schema knows it, less whatever has a wrong type: a field
 * that may be missing is left out, a list's entry without a required field is
 * dropped. Throws an error that names the field where the answer itself lacks a
 * required one.
 */
export function parseLeniently<Output>(
  schema: Schema<Output>,
  json: unknown,
  { path, leftOut, redact }: Answer,
): Output {
  const { typed, output, issues = [] } = v.safeParse(schema, json);
  const fatal = issues.find((issue) => !isLeftOut(issue));
  if (fatal || !typed) throw toShapeError(path, fatal ? describe(fatal) : "");
  for (const issue of issues) {
    const what = `${issue.message}${toFieldName(issue) || "the list"}`;
    leftOut.set(what, (leftOut.get(what) ?? 0) + Number(issue.requirement));
  }
  return redactTexts(output, redact);
}

/** The same value, every text in it redacted in place. */
function redactTexts<Value>(value: Value, redact: Answer["redact"]): Value {
  if (typeof value !== "object" || value === null) return value;
  for (const [key, inner] of Object.entries(value)) {
    if (typeof inner === "string") Reflect.set(value, key, redact(inner));
    else redactTexts(inner, redact);
  }
  return value;
}

/** `status.id`; empty for the answer as a whole. */
function toFieldName({ path }: v.BaseIssue<unknown>): string {
  const names = (path ?? []).map(({ key }) => key);
  return names.filter((name) => typeof name === "string").join(".");
}

const EXPECTED: Record<string, string> = {
  Array: "a list",
  Object: "an object",
  number: "a number",
  string: "a string",
};

// The value itself is not printed: it could be anything, and of any length.
function describe(issue: v.BaseIssue<unknown>): string {
  const field = toFieldName(issue) || "the answer";
  if (issue.input === undefined) return `${field} is missing`;
  if (issue.type === "min_value") return `${field}: expected 0 or more`;
  const expected = EXPECTED[issue.expected ?? ""] ?? "another form";
  return `${field}: expected ${expected}, got ${kindOf(issue.input)}`;
}

/** JSON's word for a value's kind. */
function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
