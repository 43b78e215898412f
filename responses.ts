import * as v from "valibot";

type Schema<Output> = v.GenericSchema<unknown, Output>;
type Dataset<Output> = v.OutputDataset<Output, v.BaseIssue<unknown>>;

// What may be dropped is told upwards as an issue of a typed value: valibot
// gives it the path on the way, and the value itself stays whole.
const FIELD = "field left out";
const ENTRIES = "entries left out";

function leftOut(type: string, times: number): v.BaseIssue<unknown> {
  const nothing = { input: undefined, expected: null, received: "" };
  return {
    kind: "validation",
    type,
    message: type,
    requirement: times,
    ...nothing,
  };
}

function isLeftOut({ type }: v.BaseIssue<unknown>): boolean {
  return type === FIELD || type === ENTRIES;
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
      return { typed: true, value: undefined, issues: [leftOut(FIELD, 1)] };
    },
  };
}

/**
 * The entries that can be read, of the first `most`; beyond that many wrong
 * ones the others are dropped unread. No list holds up the process.
 */
function list<Output>(
  entry: Schema<Output>,
  { most = 1_000, mostWrong = 10 } = {},
): Schema<Output[]> {
  const array = v.array(entry);
  return {
    ...array,
    "~run"(dataset, config): Dataset<Output[]> {
      const sent = dataset.value;
      if (!Array.isArray(sent)) return array["~run"](dataset, config);
      const value: Output[] = [];
      const notes: v.BaseIssue<unknown>[] = [];
      let wrong = 0;
      for (const one of sent.slice(0, most)) {
        const read = entry["~run"]({ value: one }, config);
        if (isWhole(read)) {
          value.push(read.value);
          notes.push(...(read.issues ?? []));
        } else if (++wrong > mostWrong) break;
      }
      const dropped = sent.length - value.length;
      if (dropped > 0) notes.push(leftOut(ENTRIES, dropped));
      const [first, ...others] = notes;
      if (!first) return { typed: true, value };
      return { typed: true, value, issues: [first, ...others] };
    },
  };
}

const optionalList = <Output>(entry: Schema<Output>) => optional(list(entry));

/** What is asked for with `count=100`: none hides the ones behind it. */
const page = <Output>(entry: Schema<Output>) =>
  list(entry, { most: 100, mostWrong: 100 });

/** What Backlog sends whole, whatever its length. */
const longList = <Output>(entry: Schema<Output>) =>
  list(entry, { most: 10_000, mostWrong: 1_000 });

const NOT_AN_OBJECT = {
  kind: "schema",
  type: "object",
  expected: "Object",
  received: "Array",
  message: "a list",
} as const;

/** As v.object, to which a list is an object that lacks every field. */
function object<const Entries extends v.ObjectEntries>(
  entries: Entries,
): v.ObjectSchema<Entries, undefined> {
  const schema = v.object(entries);
  return {
    ...schema,
    "~run"(dataset, config) {
      const { value } = dataset;
      if (!Array.isArray(value)) return schema["~run"](dataset, config);
      return {
        typed: false,
        value,
        issues: [{ ...NOT_AN_OBJECT, input: value }],
      };
    },
  };
}

const IdSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const CountSchema = IdSchema;
const NumberSchema = v.pipe(v.number(), v.finite());
// IDs that come as either: the reference and Nulab's own clients differ.
const TextOrNumberSchema = v.pipe(
  v.union([v.string(), NumberSchema]),
  v.transform(String),
);
// Years that a person may mean; others would be printed in odd ways.
const InstantSchema = v.pipe(
  v.string(),
  v.regex(/^(?:19|[2-9]\d)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
  v.check((text) => !Number.isNaN(Date.parse(text)), "not a real instant"),
);
// Older data writes a calendar day as midnight of the space's zone, in UTC.
const DaySchema = v.pipe(
  v.string(),
  v.regex(/^(?:19|[2-9]\d)\d\d-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?$/),
  v.check((text) => !Number.isNaN(Date.parse(text)), "not a real day"),
);
const ProjectKeySchema = v.pipe(v.string(), v.regex(/^[A-Z0-9_]{1,25}$/i));
/** What is shown by its name; the ID tells two of one name apart. */
const NamedSchema = object({ id: optional(IdSchema), name: v.string() });
const PersonSchema = object({
  ...NamedSchema.entries,
  userId: optional(v.string()),
});
const ChoiceSchema = object({ id: IdSchema, name: v.string() });
/** A status, a category, an issue type; the days are a milestone's. */
const ProjectChoiceSchema = object({
  ...ChoiceSchema.entries,
  startDate: optional(DaySchema),
  releaseDueDate: optional(DaySchema),
});
const UserSchema = object({
  id: IdSchema,
  name: v.string(),
  userId: optional(v.string()),
  mailAddress: optional(v.string()),
  nulabAccount: optional(object({ uniqueId: optional(v.string()) })),
});
export type User = v.InferOutput<typeof UserSchema>;

const CustomFieldSchema = object({
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
const IssueRowSchema = object({
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

const FileSchema = object({
  id: optional(IdSchema),
  name: v.string(),
  dir: optional(v.string()),
  size: optional(CountSchema),
  createdUser: optional(PersonSchema),
  created: optional(InstantSchema),
});

/** https://developer.nulab.com/docs/backlog/api/2/get-issue/ */
const IssueSchema = object({
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
    object({ title: optional(v.string()), url: v.string() }),
  ),
  childIssueSummary: optional(
    object({ total: CountSchema, closed: optional(CountSchema) }),
  ),
});
export type Issue = v.InferOutput<typeof IssueSchema>;

/** https://developer.nulab.com/docs/backlog/api/2/get-comment-list/ */
const CommentSchema = object({
  id: IdSchema,
  created: InstantSchema,
  content: optional(v.string()),
  createdUser: optional(PersonSchema),
  changeLog: optionalList(
    object({
      field: v.string(),
      newValue: optional(v.string()),
      originalValue: optional(v.string()),
      attachmentInfo: optional(NamedSchema),
      attributeInfo: optional(object({ typeId: optional(TextOrNumberSchema) })),
    }),
  ),
});
export type Comment = v.InferOutput<typeof CommentSchema>;

const RemarkSchema = object({
  id: optional(IdSchema),
  content: optional(v.string()),
});

/** One issue of several that were updated at once. */
const LinkedIssueSchema = object({
  id: optional(IdSchema),
  key_id: IdSchema,
  title: optional(v.string()),
  comment: optional(RemarkSchema),
});

/** https://developer.nulab.com/docs/backlog/api/2/get-user-recent-updates/ */
const ActivitySchema = object({
  id: IdSchema,
  type: IdSchema,
  created: InstantSchema,
  createdUser: optional(PersonSchema),
  project: object({ id: optional(IdSchema), projectKey: ProjectKeySchema }),
  content: optional(
    object({
      id: optional(IdSchema),
      key_id: optional(IdSchema),
      summary: optional(v.string()),
      comment: optional(RemarkSchema),
      changes: optionalList(
        object({
          field: v.string(),
          new_value: optional(TextOrNumberSchema),
          old_value: optional(TextOrNumberSchema),
        }),
      ),
      link: optionalList(LinkedIssueSchema),
    }),
  ),
});
export type Activity = v.InferOutput<typeof ActivitySchema>;

/** https://developer.nulab.com/docs/backlog/api/2/get-custom-field-list/ */
const CustomFieldDefinitionSchema = object({
  ...ChoiceSchema.entries,
  typeId: IdSchema,
  items: optionalList(ChoiceSchema),
});
export type CustomFieldDefinition = v.InferOutput<
  typeof CustomFieldDefinitionSchema
>;

const ProjectSchema = object({
  id: IdSchema,
  projectKey: ProjectKeySchema,
  name: optional(v.string()),
  archived: optional(v.boolean()),
});
export type Project = v.InferOutput<typeof ProjectSchema>;

const LimitSchema = object({
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
  relatedIssues: list(object(relatedFields)),
  comments: page(CommentSchema),
  count: object({ count: CountSchema }),
  user: UserSchema,
  users: longList(UserSchema),
  projects: longList(ProjectSchema),
  choices: longList(ProjectChoiceSchema),
  activities: page(ActivitySchema),
  customFields: longList(CustomFieldDefinitionSchema),
  space: object({
    name: optional(v.string()),
    timezone: optional(v.string()),
  }),
  rateLimit: object({
    rateLimit: object({
      read: optional(LimitSchema),
      search: optional(LimitSchema),
    }),
  }),
};
export type Choice = v.InferOutput<typeof ProjectChoiceSchema>;
export type Limit = v.InferOutput<typeof LimitSchema>;

export interface LenientlyParsed<Output> {
  output: Output;
  /** What was left out for its form: field or list → how often. */
  leftOut: Map<string, number>;
}

/**
 * The value as the schema knows it, less whatever has a wrong type: a field
 * that may be missing is left out, a list's entry without a required field is
 * dropped. Throws a TypeError that names the field where the answer itself
 * lacks a required one.
 */
export function parseLeniently<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
): LenientlyParsed<v.InferOutput<Schema>> {
  const { typed, output, issues = [] } = v.safeParse(schema, value);
  const fatal = issues.find((issue) => !isLeftOut(issue));
  if (fatal || !typed) throw new TypeError(fatal && describe(fatal));
  const leftOut = new Map<string, number>();
  for (const issue of issues) {
    const field = toFieldName(issue);
    const what =
      issue.type === ENTRIES ? `entries of ${field ?? "the list"}` : `${field}`;
    leftOut.set(what, (leftOut.get(what) ?? 0) + Number(issue.requirement));
  }
  return { output, leftOut };
}

/** `status.id`; undefined for the answer as a whole. */
function toFieldName({
  path = [],
}: {
  path?: readonly v.IssuePathItem[] | undefined;
}): string | undefined {
  const names = path
    .map(({ key }) => key)
    .filter((key) => typeof key === "string");
  return names.length > 0 ? names.join(".") : undefined;
}

const EXPECTED: Record<string, string> = {
  Array: "a list",
  Object: "an object",
  number: "a number",
  string: "a string",
};

// The value itself is not printed: it could be anything, and of any length.
function describe(issue: v.BaseIssue<unknown>): string {
  const field = toFieldName(issue) ?? "the answer";
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
